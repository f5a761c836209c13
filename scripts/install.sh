#!/usr/bin/env bash
# Install what is missing, and nothing else: scripts/install.sh [GROUP]...
# The groups are build (the default), cuda, test, demo, lint, clang, generate, onnx, bench,
# fuzz and wheel.
# System packages come from apt; libtorch and a few pinned tools go into the project's own .venv.
# Quick when nothing is missing.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
venv=$root/.venv
log=$root/build/install.log
pythons="3.11, 3.12, 3.13 or 3.14"  # those that have wheels of the pinned versions

groups=()
[ $# -gt 0 ] || groups=(build)
for group in "$@"; do
  case $group in
    build | cuda | test | demo | lint | clang | onnx | bench | fuzz | wheel) groups+=("$group") ;;
    generate) groups+=(generate-tools generate) ;;
    *)
      echo "usage: scripts/install.sh GROUP... (build, cuda, test, demo, lint, clang, generate," \
        "onnx, bench, fuzz, wheel)" >&2
      exit 2
      ;;
  esac
done

fail() {
  printf 'install: %s\n' "$@" >&2
  exit 1
}

# run WHAT COMMAND...: one line on the screen, the rest in the log.
run() {
  echo "install: $1"
  shift
  mkdir -p "$root/build"
  printf '\n$ %s\n' "$*" >>"$log"
  if ! "$@" >>"$log" 2>&1; then
    tail -n 15 "$log" >&2
    fail "that failed; the whole log is ${log#"$root"/}"
  fi
}

# ---- System packages -----------------------------------------------------------------------------

# shellcheck disable=SC1091
is_debian() { [ -r /etc/os-release ] && (. /etc/os-release && [ "${ID:-}" = debian ]); }

# The packages of the installed clang, or of the one that apt would install; its sanitizers and
# fuzzer have a package of their own.
clang_version() {
  local version
  version=$(clang --version 2>/dev/null | sed -n 's/.*clang version \([0-9]*\).*/\1/p')
  if [ -z "$version" ]; then
    version=$(apt-cache depends clang 2>/dev/null \
      | sed -n 's/.*Depends: clang-\([0-9]*\).*/\1/p' | head -n 1)
  fi
  echo "${version:-14}"
}

system_packages() {
  # A program counts when it can be run, wherever it came from: "program:package".
  echo g++:g++ cmake:cmake ninja:ninja-build ccache:ccache pkg-config:pkg-config
  echo protoc:protobuf-compiler
  echo libjpeg-dev libpng-dev libwebp-dev libtiff-dev libgif-dev libavif-dev
  echo libonnx-dev libprotobuf-dev libcli11-dev nlohmann-json3-dev libxxhash-dev
  echo libcurl4-openssl-dev libssl-dev libutf8proc-dev
  echo libgtest-dev libgmock-dev
  for group in "${groups[@]}"; do
    case $group in
      demo) echo tuxpaint-stamps-default endless-sky-data ;;
      clang | fuzz) echo clang++:clang libomp-dev "libclang-rt-$(clang_version)-dev" ;;
      wheel) echo python3-dev ;;
      bench) echo tjbench:libjpeg-turbo-progs ;;
      # Ubuntu's is a stub for a snap, which containers cannot run.
      test) if is_debian; then echo chromium:chromium; fi ;;
    esac
  done
}

# The packages that dpkg does not list as installed, one a line.
missing_packages() {
  local word wanted=() installed
  for word in $(system_packages); do
    case $word in
      *:*) command -v "${word%%:*}" >/dev/null || wanted+=("${word#*:}") ;;
      *) wanted+=("$word") ;;
    esac
  done
  installed=" $(dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' "${wanted[@]}" \
    2>/dev/null | sed -n 's/^installed //; t keep; d; :keep s/:.*//; p' | tr '\n' ' ') "
  for word in "${wanted[@]}"; do
    [[ $installed == *" $word "* ]] || echo "$word"
  done
}

install_packages() {
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null \
      || fail "these packages are missing, and there is neither root nor sudo to install them: $*" \
      "ask for:  apt-get install $*"
    as_root=(sudo)
    if [ ! -t 0 ] && ! sudo -n true 2>/dev/null; then
      fail "these packages are missing, and sudo wants a password that nobody can type here: $*" \
        "run first:  sudo apt-get install $*"
    fi
  fi
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get
    -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
  # A source that cannot be reached is no reason to stop: the packages may be in the others.
  run "reading the package lists" bash -c '"$@" update || true' update "${apt[@]}"
  run "installing $*" "${apt[@]}" install -y --no-install-recommends "$@"
}

# ---- The project's own .venv ---------------------------------------------------------------------

usable_python() {
  "$1" -c 'import sys, venv, ensurepip
sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1
}

# The system's Python comes first, because one under a user's home (pyenv, conda) may be removed
# later.
find_python() {
  local candidate
  for candidate in "${PYTHON:-}" /usr/bin/python3{,.11,.12,.13,.14} python3{,.11,.12,.13,.14}; do
    if [ -n "$candidate" ] && usable_python "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

install_python() {
  command -v apt-get >/dev/null \
    || fail "no Python $pythons with venv was found; name one:  PYTHON=/path/to/python3.12 make"
  local version
  for version in 3.12 3.11 3.13 3.14; do
    if apt-cache show "python$version-venv" >/dev/null 2>&1; then
      install_packages "python$version" "python$version-venv"
      find_python >/dev/null && return
    fi
  done
  fail "libtorch's wheel needs a Python $pythons to be installed with; this system offers none" \
    "name one with  PYTHON=/path/to/python3.12 make , or point RETORT_LIBTORCH at a libtorch folder"
}

ensure_venv() {
  local python
  if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python) || { install_python && python=$(find_python); }
    run "making .venv with $("$python" --version)" "$python" -m venv --clear "$venv"
  elif ! usable_python "$venv/bin/python"; then
    fail ".venv was made with $("$venv/bin/python" --version 2>&1)" \
      "the pinned wheels exist for Python $pythons" \
      "remove .venv and run make again"
  fi
}

# Whether .venv has every package of a requirements file in its version.
has_requirements() {
  local name version found
  while IFS='=' read -r name _ version; do
    version=${version%% *}
    found=("$venv"/lib/python3.*/site-packages/"${name//-/_}-$version".dist-info/RECORD)
    [ -e "${found[0]}" ] || return 1
  done < <(grep -E '^[a-z]' "$1")
}

holds_libtorch() { [ -e "$1/include/torch/csrc/api/include/torch/torch.h" ]; }

# cmake/Libtorch.cmake looks in the same two places.
own_libtorch() {
  if [ -n "${RETORT_LIBTORCH:-}" ] && ! holds_libtorch "$RETORT_LIBTORCH"; then
    fail "RETORT_LIBTORCH is $RETORT_LIBTORCH, which is no libtorch: that has include/ and lib/" \
      "mend it, or unset it to have libtorch installed in .venv"
  fi
  [ -n "${RETORT_LIBTORCH:-}" ] || { [ -n "${LIBTORCH:-}" ] && holds_libtorch "$LIBTORCH"; }
}

missing_requirements() {
  local group file
  for group in "${groups[@]}"; do
    file=$root/scripts/requirements/$group.txt
    if [ "$group" = build ] && own_libtorch; then continue; fi
    [ -e "$file" ] || continue  # a group with system packages only
    has_requirements "$file" || echo "$group"
  done
}

# The pins without their hashes, on one line.
pins() { sed -n 's/^\([a-z][^ ]*\).*/\1/p' "$1" | tr '\n' ' '; }

install_wheels() {
  "$venv/bin/python" -m pip install --no-input --disable-pip-version-check --no-deps \
    --only-binary :all: --require-hashes -r "$1"
}

# Builds stable-diffusion.cpp for this processor (and so not from pip's cache), without the parts
# that only its own tools use; CMAKE_ARGS can add a GPU.
compile() {
  CMAKE_ARGS="-DSD_WEBP=OFF -DSD_WEBM=OFF ${CMAKE_ARGS:-}" \
    CMAKE_BUILD_PARALLEL_LEVEL=${JOBS:-$(nproc)} \
    "$venv/bin/python" -m pip install --no-input --disable-pip-version-check --no-deps \
    --no-cache-dir --no-build-isolation --no-binary :all: --require-hashes -r "$1"
}

# ---- What is missing -----------------------------------------------------------------------------

case $(uname -sm) in
  "Linux x86_64" | "Linux aarch64") ;;
  *) fail "retort is built on Linux on x86-64 or ARM64; this is $(uname -sm)" ;;
esac
own_libtorch || true  # reports a wrong RETORT_LIBTORCH before anything is installed

look() {
  if command -v dpkg-query >/dev/null; then packages=$(missing_packages | sort -u | tr '\n' ' '); fi
  requirements=$(missing_requirements)
  if [ -n "$requirements" ] && [ ! -x "$venv/bin/python" ] && command -v dpkg-query >/dev/null \
    && ! find_python >/dev/null; then
    packages+="python3 python3-venv"
  fi
}

packages=""
requirements=""
look
[ -n "$packages$requirements" ] || exit 0

# Only one runs at a time: a second make waits here, then checks again.
exec 9<"$root"
if ! flock -n 9; then
  echo "install: waiting for another install in this folder"
  flock 9
  look
fi
if [ -n "$packages" ]; then
  # shellcheck disable=SC2086
  install_packages $packages
fi
if ! command -v dpkg-query >/dev/null; then
  packages=$(system_packages | tr ' ' '\n' | sed 's/.*://' | tr '\n' ' ')
  echo "install: no apt here; the build needs the equivalents of: $packages" >&2
fi
if [ -n "$requirements" ]; then
  ensure_venv
  for group in $requirements; do
    file=$root/scripts/requirements/$group.txt
    size="" how=install_wheels
    [ "$group" = build ] && size="(0.5 GB; minutes on a slow line)"
    [ "$group" = cuda ] && size="(2 GB; many minutes on a slow line)"
    [ "$group" = generate ] && size="(compiles it, which takes minutes)" && how=compile
    run "installing in .venv: $(pins "$file")$size" "$how" "$file"
  done
fi
