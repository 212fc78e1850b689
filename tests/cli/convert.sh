#!/usr/bin/env bash
# Weights between formats, and PyTorch's weights as a beginning of training.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"
torch=$source_folder/tests/ref/torch

# There and back is the same file; and the formats hold the same.
cp "$torch/gru_f32.npz" in.npz
expect 0 out "out.safetensors: 18 tensors of 570 numbers" convert in.npz out.safetensors
expect 0 out "back.npz: 18 tensors of 570 numbers" convert out.safetensors back.npz
expect 0 out "again.safetensors: 18 tensors of 570 numbers" convert back.npz again.safetensors
cmp out.safetensors again.safetensors || fault "there and back is another file"

cat >map <<'END'
# two layers, both ways
gru body.*_l0          layer1.forward
gru body.*_l0_reverse  layer1.backward

gru body.*_l1          layer2.forward   # the second one
gru body.*_l1_reverse  layer2.backward
linear head.*          head
END
expect 0 out "mapped.npz: 42 tensors of 538 numbers" convert in.npz mapped.npz --torch map
head -n 6 map >short
wrong "eddy: cannot load in.npz: no part of the map uses head.weight" \
    convert in.npz other.npz --torch short
printf 'gru body.*_l0\n' >words
wrong "eddy: words:1: a part has three words, as 'lstm encoder.*_l0 layer1'" \
    convert in.npz other.npz --torch words
printf 'GRU body.*_l0 layer1\n' >words
wrong "eddy: part 1 of the map of PyTorch's weights is of kind 'GRU'; there are lstm, gru, rnn, \
linear, tensor" convert in.npz other.npz --torch words
wrong "eddy: cannot open none.npz: No such file or directory" convert none.npz other.npz
wrong "eddy: params: other.npy would be one array without a name; end it with .npz or \
.safetensors" convert in.npz other.npy
[[ ! -e other.npz ]] || fault "a conversion that failed left a file"

# A run begins where a file says; all weights, and no others, are in it.
seq 200 | awk '{ print $1 % 7 "," $1 % 5 }' >table.csv
small=(--data table.csv --target 1 --cell gru --size 4 --batch 2 --length 8 --validation 0 --quiet)
begin() { # FOLDER ARGUMENT...: a run that stays where it begins
    "$eddy" train "${small[@]}" --steps 1 --rate 0 --run "$@" >/dev/null
}
printf 'gru body.*_l0 layer1\nlinear head.* output\n' >map
expect 0 out "given.npz: 12 tensors of 93 numbers" \
    convert "$torch/small.npz" given.npz --torch map
begin one --seed 1
begin two --seed 2
cmp -s one/checkpoint.safetensors two/checkpoint.safetensors && fault "two seeds begin alike"
begin three --seed 1 --weights given.npz
begin four --seed 2 --weights given.npz
cmp three/checkpoint.safetensors four/checkpoint.safetensors ||
    fault "the same weights begin as two"
cmp -s one/checkpoint.safetensors three/checkpoint.safetensors &&
    fault "given weights are not looked at"

# Of a checkpoint its weights alone are taken, whatever the optimiser keeps of each.
for optimiser in sgd momentum rmsprop adam adamw; do
    "$eddy" train "${small[@]}" --steps 3 --optimiser "$optimiser" --run "by_$optimiser" >/dev/null
    begin "after_$optimiser" --seed 2 --weights "by_$optimiser/checkpoint.safetensors"
    "$eddy" run "by_$optimiser" --data table.csv --output before.npy >/dev/null
    "$eddy" run "after_$optimiser" --data table.csv --output after.npy >/dev/null
    cmp before.npy after.npy || fault "$optimiser: a run begins with other weights than those given"
done
wrong "eddy: by_adam/checkpoint.safetensors has no layer2.Wr, which is a weight of the model" \
    train "${small[@]}" --layers 2 --weights by_adam/checkpoint.safetensors --run wrong

# A run that ended before it had saved a step (here the disk takes no more of its log) goes on from
# the weights that it was given.
steps=(--steps 400 --save-every 1000 --validate-every 1000)
"$eddy" train "${small[@]}" "${steps[@]}" --weights given.npz --run whole >/dev/null
status=0
(ulimit -f 24 &&
    exec "$eddy" train "${small[@]}" "${steps[@]}" --weights given.npz --run cut) 2>said.err ||
    status=$?
[[ $status == 1 ]] || fault "a full disk: status $status, not 1"
holds said.err '^eddy: cannot write cut/log.jsonl: the disk may be full$'
holds cut/log.jsonl '^\{"event":"step","step":2,'
"$eddy" train --resume --run cut --quiet >/dev/null
cmp whole/checkpoint.safetensors cut/checkpoint.safetensors ||
    fault "a run that had saved no step goes on from other weights"
[[ $(grep -c '^{"event":"start"' cut/log.jsonl) == 1 ]] || fault "the run has begun twice"
rm cut/checkpoint.safetensors
wrong "eddy: cannot open cut/checkpoint.safetensors: No such file or directory" \
    train --resume --run cut

wrong "eddy: mapped.npz has head.W, which is no weight of the model" \
    train "${small[@]}" --weights mapped.npz --run wrong
wrong "eddy: run: the parameter layer1.Wr is f32 [8, 2] in the program, but f32 [4, 2] in the \
params" train "${small[@]}" --size 8 --weights given.npz --run wide
[[ ! -e wide && ! -e wrong ]] || fault "weights that were refused left a folder behind"
begin wide --seed 1 --size 8
mkdir -p narrow
cp one/* narrow
cp wide/checkpoint.safetensors narrow
wrong "eddy: run: the parameter layer1.Wr is f32 [4, 2] in the program, but f32 [8, 2] in the \
params" run narrow --data table.csv
cp narrow/run.json before.json
wrong "eddy: run: the parameter layer1.Wr is f32 [4, 2] in the program, but f32 [8, 2] in the \
params" train --resume --run narrow --steps 9
cmp before.json narrow/run.json || fault "a run that could not go on has another record"
refused "eddy: a run that goes on has its own weights: leave out --weights" \
    train --resume --run one --weights mapped.npz
wrong "eddy: cannot open none.npz: No such file or directory" \
    train "${small[@]}" --weights none.npz --run none
[[ ! -e none ]] || fault "a run that could not begin left a folder behind"
finish
