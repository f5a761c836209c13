#!/bin/sh
# check_report.sh FILE [SCREENSHOT.png [WIDTH,HEIGHT]]: opens an HTML report in a headless Chromium
# and fails when the browser's console has a message. A report has no script, so that each message
# is an error. Exit status: 0 fine, 1 an error, 2 wrong usage, 77 without Chromium.
set -eu

if [ $# -lt 1 ] || [ $# -gt 3 ] || [ ! -f "$1" ]; then
  echo "usage: check_report.sh FILE [SCREENSHOT.png [WIDTH,HEIGHT]]" >&2
  exit 2
fi
page=$(realpath "$1")

browser=""
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null 2>&1; then browser=$name; break; fi
done
if [ -z "$browser" ]; then
  echo "no Chromium is installed: not checked" >&2
  exit 77
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
screenshot=${2:-$work/page.png}

# The sandbox cannot start as root; the page is our own.
if ! timeout 120 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
  --hide-scrollbars --user-data-dir="$work/profile" --window-size="${3:-1200,1600}" \
  --enable-logging=stderr --v=0 --screenshot="$screenshot" "file://$page" >"$work/log" 2>&1; then
  cat "$work/log" >&2
  echo "$page: the browser failed" >&2
  exit 1
fi

if grep 'CONSOLE' "$work/log" >&2; then
  echo "$page: the console has messages" >&2
  exit 1
fi
if [ ! -s "$screenshot" ]; then
  echo "$page: nothing was drawn" >&2
  exit 1
fi
