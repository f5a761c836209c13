#!/usr/bin/env bash
# The demo: scripts/demo.sh [--seeds N]
# Few labelled pictures of 40 animals, a pile without labels, a teacher that was pre-trained on
# ImageNet, and a small student that is trained with teacher and pile, and without. --seeds N trains
# both students N times and shows all of them. Everything is written to demo/; finished parts are
# used again.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  echo "usage: scripts/demo.sh [--seeds N]" >&2
  exit 2
}

seeds=1
case ${1-} in
  "") ;;
  --seeds)
    [[ ${2-} =~ ^[1-9][0-9]*$ && $# = 2 ]] || usage
    seeds=$2
    ;;
  *) usage ;;
esac

retort=build/release/retort
python=.venv/bin/python
teacher=demo/weights/efficientnet_lite2.pth
pretrained=demo/weights/efficientnet_lite0.pth
# fp32 makes all processors print the same numbers, except for rounding.
common=(--data demo/scenes/labelled --image-size 64 --precision fp32 --cache demo/cache)
student=(--student shufflenet_v2_x0_5 "${common[@]}")

say() {
  printf '\n== %s (%d min %02d s)\n' "$*" $((SECONDS / 60)) $((SECONDS % 60))
}

# train NAME OPTIONS...: makes the run demo/runs/NAME, and starts it anew when its options have
# changed.
train() {
  local out=demo/runs/$1 begun=demo/runs/$1.options how=--resume
  shift
  local options
  options="$* $(cat demo/scenes/.made)"
  mkdir -p demo/runs
  if [ "$(cat "$begun" 2>/dev/null)" != "$options" ]; then
    how=--force
    rm -f "$out/summary.json"
  elif [ -e "$out/summary.json" ]; then
    echo "$out: done already"
    return
  fi
  echo "$options" >"$begun"
  echo "$ $retort distill $* --out $out"
  "$retort" distill "$@" --out "$out" "$how" >/dev/null
}

say "the pictures"
"$python" scripts/make_scenes.py demo/scenes
say "the weights of two networks that were pre-trained on ImageNet"
"$python" scripts/fetch_teacher.py efficientnet_lite2 "$teacher"
"$python" scripts/fetch_teacher.py efficientnet_lite0 "$pretrained"

# Both students see 40,000 pictures: one sees its 200 labelled ones again and again, the other also
# 19 of the pile for each of them. Without a pile the wider default crops are better on validation
# (docs/results.md).
for ((seed = 0; seed < seeds; seed++)); do
  say "a small student with the teacher and the pile, seed $seed"
  train "distilled-$seed" "${student[@]}" --crop-min 0.6 --teacher "$teacher@128" \
    --extra demo/scenes/pile:19 --views 2 --epochs 10 --seed "$seed"
  say "the same student from labels alone, seed $seed"
  train "scratch-$seed" "${student[@]}" --teacher none --epochs 200 --seed "$seed"
done
say "a larger student that has pre-trained weights, finetuned on the labels"
train finetuned "${common[@]}" --student efficientnet_lite0 --student-weights "$pretrained" \
  --teacher none --epochs 40

say "done"
"$retort" report --run demo/runs/distilled-0 --against demo/runs/scratch-0 \
  --against demo/runs/finetuned
"$python" scripts/demo_words.py demo/runs "$seeds"
