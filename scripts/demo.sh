#!/usr/bin/env bash
# The demo: a teacher that was pre-trained on ImageNet, 41 classes of emoji, and one small student trained with and without it.
# Everything lands in demo/; what is finished there is used again.
set -euo pipefail
cd "$(dirname "$0")/.."

retort=build/release/retort
python=.venv/bin/python
teacher=demo/teacher/efficientnet_lite2.pth
common=(--data demo/emoji --student resnet18 --image-size 64 --epochs 12 --batch-size 64 --teacher-size 128 --cache demo/cache)

# train NAME OPTIONS...: the run demo/runs/NAME; begun anew when the options are no longer those that it was begun with.
train() {
  local out=demo/runs/$1 begun=demo/runs/$1.options how=--resume
  shift
  local options
  options="$* $(cat demo/emoji/.made)"
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

"$python" scripts/make_emoji_set.py demo/emoji
"$python" scripts/fetch_teacher.py "$teacher"
# Eight views and batches of 64, where the default would be more views and smaller batches: the whole demo is to fit into a coffee break on two cores.
train distilled "${common[@]}" --teacher "$teacher" --views 8
train scratch "${common[@]}" --teacher none
echo
"$retort" report --run demo/runs/distilled --against demo/runs/scratch
