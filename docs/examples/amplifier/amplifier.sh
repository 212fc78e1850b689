#!/usr/bin/env bash
# Usage: amplifier.sh EDDY AMPLIFIER CC FOLDER [--small]. An LSTM learns to sound like an amplifier,
# is compiled, and plays: from a table of sound to a program that has nothing of the library. At the
# end the folder has the sound, and what the amplifier and the LSTM make of it.
set -euo pipefail
usage="usage: amplifier.sh EDDY AMPLIFIER CC FOLDER [--small]"
eddy=$(realpath "${1:?"$usage"}") amplifier=$(realpath "${2:?"$usage"}")
cc=${3:?"$usage"} folder=${4:?"$usage"}
examples=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
seconds=30 steps=6000 heard=10
if [[ ${5:-} == --small ]]; then
    seconds=8 steps=1500 heard=2
fi
mkdir -p "$folder"
cd "$folder"
rm -rf amp # an earlier run

# Columns 1 and 2, the sound and the knob, say column 3 at the same moment. A step of training goes
# back through 128 samples of 16 places of the sound, and the next one goes on where they end.
"$amplifier" table $seconds table.npy
"$eddy" train --data table.npy --target 3 --ahead 0 --cell lstm --size 24 --batch 16 \
    --length 128 --steps $steps --rate 0.01 --run amp --quiet
"$eddy" compile amp --flush --output amp.o
"$cc" -O2 -I "$examples" -I . "$examples"/amplifier/{device/play,pace,wav}.c \
    "$examples/common/wall_clock.c" amp.o -lm -o play

for knob in 0 0.5 1; do
    "$amplifier" sound $heard $knob in.wav "amplifier-$knob.wav"
    ./play $knob in.wav "learned-$knob.wav" >pace
    printf 'knob at %s: ' $knob
    "$amplifier" judge in.wav "amplifier-$knob.wav" "learned-$knob.wav"
done
cat pace
