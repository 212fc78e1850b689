#!/usr/bin/env bash
# What is done with a trained run: text is drawn from it, and files are read with it.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

for i in $(seq 200); do
    printf 'the naïve cat sat on a mat %s. ' "$((i % 3))"
done >text.txt
"$eddy" train --data text.txt --size 32 --embedding 8 --length 16 --batch 4 --steps 400 --cell gru \
    --validation 0.1 --quiet >/dev/null

# The same seed, the same text; characters, not bytes; the beginning is part of it.
"$eddy" generate run --length 50 --seed 3 --prime 'the naïve' >one
"$eddy" generate run --length 50 --seed 3 --prime 'the naïve' >two
"$eddy" generate run --length 50 --seed 4 --temperature 2 --prime 'the naïve' >other
cmp one two || fault "the same seed draws another text"
cmp -s one other && fault "another seed draws the same text"
[[ $(wc -m <one) == 60 ]] || fault "not 9 + 50 characters and a line's end:" "$(cat one)"
grep -q '^the naïve' one || fault "the text does not begin as it should:" "$(cat one)"

# What was learned: without chance, the sentence goes on as it always does.
expect 0 out "the naïve cat sat on a mat" generate run --temperature 0 --length 15 \
    --prime "the naïve c"
# The beginning of a longer text is the shorter one, however calls cut it.
"$eddy" generate run --length 20 --seed 3 --prime 'the naïve' >short
[[ $(head -c 29 one) == $(head -c 29 short) ]] || fault "a longer text begins otherwise"
expect 0 out "" generate run --length 0

# A file: each symbol's bits, equal in both formats, and their mean.
head -c 1500 text.txt >part.txt
"$eddy" run run --data part.txt --output bits.csv --threads 1 >said.csv
"$eddy" run run --data part.txt --output bits.npy --threads 2 >said.npy
cmp said.csv said.npy || fault "one thread and two say something else"
characters=$(wc -m <part.txt)
[[ $(wc -l <bits.csv) == $((characters + 1)) ]] || fault "not a line for each symbol"
holds bits.csv '^bits$'
mean=$(awk 'NR > 1 { sum += $1 } END { printf "%.4f", sum / (NR - 1) }' bits.csv)
[[ $(cat said.csv) == "part.txt: $characters symbols, $mean bits each" ]] ||
    fault "the mean is not $mean of $characters:" "$(cat said.csv)"
[[ $(head -c 6 bits.npy | tail -c 5) == NUMPY ]] || fault "bits.npy is no npy file"
header=$((10 + $(od -An -tu2 -j8 -N2 bits.npy)))
[[ $((header % 64)) == 0 ]] || fault "the elements of bits.npy begin at $header"
od -An -tf4 -w4 -v -j "$header" bits.npy >elements
[[ $(wc -l <elements) == "$characters" ]] || fault "bits.npy has other elements than bits.csv"
paste elements <(tail -n +2 bits.csv) |
    awk '{ d = $1 - $2; if (d * d > 1e-10 * (1 + $2 * $2)) exit 1 }' ||
    fault "bits.npy and bits.csv differ"

wrong "eddy: nowhere is not the folder of a run: there is no nowhere/run.json" generate nowhere
refused "eddy: something is missing: eddy generate RUN [OPTION...]
Try 'eddy generate --help'." generate
refused "eddy: nothing to read: --data FILE is missing
Try 'eddy run --help'." run run
refused "eddy: bits.txt is no name of a file of numbers: end it with .npy or .csv" \
    run run --data text.txt --output bits.txt
printf 'broken' >run/best.safetensors
wrong "eddy: cannot load run/best.safetensors: 6 bytes are too few for a safetensors file" \
    generate run
printf '{' >run/run.json
wrong "eddy: run/run.json:1:1: string or '}' expected near end of file" generate run
finish
