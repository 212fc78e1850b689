#!/usr/bin/env bash
# Sequences: a target of each one, or of each step, is learned; and files that are not what they
# should be are refused in exact words. The files are made by tests/cli/sequences/make.py.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"
cp "$source_folder"/tests/cli/sequences/*.npz .
small=(--size 16 --embedding 8 --batch 20 --rate 0.02 --validation 0.2 --validate-every 100
    --schedule constant --quiet)

learned() { # NAME PATTERN: the last line that `eddy run` prints has a number that fits
    "$eddy" train --data "$1.npz" "${small[@]}" --steps 300 --run "$1" >/dev/null
    "$eddy" run "$1" --data "$1.npz" --output "$1.csv" >said.out
    holds said.out "$2"
}
learned class '^class.npz: 120 rows, (9[5-9]|100)\.[0-9]+% of the classes right$'
learned tags '^tags.npz: 960 rows, (9[5-9]|100)\.[0-9]+% of the classes right$'
learned value '^  y1: root mean square error 0\.[0-3][0-9]*; its own spread is 1\.33'
learned sums '^  y1: root mean square error 0\.[0-4][0-9]*; its own spread is 1\.8'
[[ $(wc -l <class.csv) == 121 && $(wc -l <sums.csv) == 961 ]] ||
    fault "not a line for each sequence, or for each of its steps"

# What is said does not depend on targets or threads; of validation neither.
expect 0 out "blind.npz: 120 rows" run class --data blind.npz --output blind.csv --threads 2
cmp class.csv blind.csv || fault "the targets are looked at"

# The formats hold the same; going on is exact, whatever the order of sequences.
expect 0 out "sums.safetensors: 2 tensors of 1920 numbers" convert sums.npz sums.safetensors
"$eddy" train --data sums.safetensors "${small[@]}" --steps 300 --run other >/dev/null
cmp sums/checkpoint.safetensors other/checkpoint.safetensors || fault "the formats differ"
"$eddy" train --data class.npz "${small[@]}" --steps 100 --run parts --threads 2 >/dev/null
"$eddy" train --resume --run parts --steps 300 --quiet >/dev/null
for file in checkpoint best; do
    cmp "class/$file.safetensors" "parts/$file.safetensors" || fault "300 are not 100 and 200"
done

wrong "eddy: blind.npz has no y: there is nothing to learn" train --data blind.npz --run none
wrong "eddy: class.npz has 114 sequences to train on, and one step of training needs 200 \
(--batch)" \
    train --data class.npz --batch 200 --run none
refused "eddy: --target and --ignore are for tables; the targets of class.npz are its y" \
    train --data class.npz --target y --run none
cp "$source_folder/tests/ref/torch/small.npz" weights.npz
wrong "eddy: weights.npz has body.weight_ih_l0; sequences are x, y and lengths" \
    train --data weights.npz --run none
wrong "eddy: class.npz: y of sequence 1 has 2, which is none of 2 that count from 0" \
    train --data class.npz --classes 2 --run none
wrong "eddy: long.npz: sequence 3 has length 9, and x has 8 steps" \
    train --data long.npz --run none
wrong "eddy: hole.npz: x of sequence 1 has a number that is not finite" \
    train --data hole.npz --run none
wrong "eddy: sums.npz: x is f32 [120, 8], and it must be as the x that was learned from" \
    run class --data sums.npz
wrong "eddy: tags.npz: y is bool [120, 8], and it must be as the y that was learned from" \
    run class --data tags.npz
wrong "eddy: class was not trained on a text: 'eddy run' takes its data" generate class
[[ ! -e none ]] || fault "a run that could not begin left a folder behind"
"$eddy" report class >/dev/null || fault "there is no report"
finish
