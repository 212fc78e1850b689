#!/usr/bin/env bash
# The time of a cell: what is said, not how long it took.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

cat >mgu.eddy <<'END_OF_CELL'
cell mgu(x[D]) -> h {
    state h[H]
    param W{f, n}[H, D], U{f, n}[H, H] = orthogonal, b{f, n}[H]
    f = sigmoid(W@x + U@h + b)
    n = tanh(W@x + U@(f*h) + b)
    h' = (1 - f)*h + f*n
}
cell plain(x[D]) -> y {
    y = tanh(x)
}
END_OF_CELL
"$eddy" bench mgu.eddy --cell mgu --set D=16,H=32 --length 8 --batch 4 --seconds 0.01 --nests 3 \
    >said || fault "it ends with $?"
number='[0-9.]+(e[-+][0-9]+)?'
[[ $(head -n 1 said) == 'mgu with D=16 H=32: 8 steps of 4 samples on 1 thread' ]] ||
    fault "the head is:" "$(head -n 1 said)"
for way in forward training; do
    holds said "^$way: $number ms a call, $number us a step of a sample, $number% of the roof\$"
done
[[ $(grep -cE "^ +$number% +$number%  (compute|L[123]|DRAM) +[^ ]+\$" said) == 6 ]] ||
    fault "not three nests twice:" "$(cat said)"
# What has no weights is not trained.
"$eddy" bench mgu.eddy --seconds 0 >said || fault "it ends with $?"
holds said '^plain with D=4: 64 steps of 16 samples on 1 thread$'
holds said '^forward: '
holds said '^training: the cell has no weights$'
"$eddy" bench --cell attention_decoder --seconds 0 --length 4 >said || fault "another axis"
refused "eddy: nothing to measure: a FILE, or --cell NAME of the library
Try 'eddy bench --help'." bench
refused "eddy: the library has no cell 'gruu'; did you mean 'gru'?" bench --cell gruu
finish
