#!/usr/bin/env bash
# What is shown of a cell: its class, the stage of each line, what a step costs and remembers.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

minimal_gated_unit >mgu.eddy
# W@x of both gates is one product before the loop, 2 * 2 * 128 * 64 flops; inside the loop are
# U@h and U@(f*h), 2 * 128 * 128 flops and 4 * 128 * 128 bytes of weights each.
expect 0 out "mgu with D=64 H=128
recurrence: nonlinear, dense

 line  stage        flops    weights
    5  before       32768      65536  f = sigmoid(W@x + U@h + b)
    5  loop         33152      65536
    6  loop         33280      65536  n = tanh(W@x + U@(f*h) + b)
    7  loop           512          0  h' = (1 - f)*h + f*n

Of a step of a sample: 99712 flops, 66944 of them inside the loop (67%), which read 131072 bytes \
of weights.
$("$eddy" show mgu.eddy --set D=64,H=128 | tail -n 1)" show mgu.eddy --set D=64,H=128
"$eddy" show mgu.eddy | grep -qE '^Training remembers [1-9][0-9]* bytes a step of a sample\.$' ||
    fault "nothing is said of memory"

# class EXPECTED CELL...
class() {
    printf '%s\n' "${@:2}" >one.eddy
    local got
    got=$("$eddy" show one.eddy 2>&1 | sed -n 2p)
    [[ $got == "recurrence: $1" ]] || fault "'$got', not '$1':" "$(cat one.eddy)"
}
class 'affine, diagonal' 'cell c(x[D]) -> h {' '    state h[H]' '    param W, V[H, D]' \
    '    a = sigmoid(V@x)' "    h' = a*h + (1 - a)*(W@x)" '}'
class 'affine, dense, constant' 'cell c(x[D]) -> h {' '    state h[H]' \
    '    param W[H, D], A[H, H]' "    h' = A@h + W@x" '}'
class 'affine, 2x2 blocks' 'cell c(x[D]) -> y {' '    state h[N] : complex' \
    '    param l[N] : complex, B[N, D] : complex' "    h' = l*h + B@x" "    y = re(h')" '}'
class 'affine, matrix state' 'cell c(x[D]) -> y {' '    state S[H, H]' '    param K, V[H, D]' \
    '    k = softmax(K@x)' "    S' = S + outer(V@x - S@k, k)" "    y = S'@k" '}'
class 'nonlinear, diagonal' 'cell c(x[D]) -> h {' '    state h[H]' '    param W[H, D], u[H]' \
    "    h' = tanh(W@x + u*h)" '}'
class 'nonlinear, dense' 'cell c(x[D]) -> h {' '    state h[H]' '    param W[H, D], U[H, H]' \
    "    h' = tanh(W@x + U@h)" '}'
class 'nonlinear, blocks across states' 'cell c(x[D]) -> h {' '    state h, z[H]' \
    '    param W[H, D]' "    z' = z - 0.1*tanh(h) + W@x" "    h' = h + 0.1*z'" '}'
class 'affine, diagonal' 'cell c(x[D]) -> y {' '    state h[H]' '    param W, V[H, D]' \
    "    h' = 0.9*h + W@x + tanh(V@x[t-1])" '    y = h' '}'
class 'nonlinear, dense (h); affine, diagonal (s)' 'cell c(x[D]) -> h {' '    state s, h[H]' \
    '    param W[H, D], U, V[H, H]' "    s' = 0.9*s + W@x" "    h' = tanh(U@h + V@s')" '}'
class 'affine, diagonal, delays up to 3' 'cell c(x[D]) -> y {' '    state y[D]' \
    "    y' = 0.5*y[t-3] + x" '}'
class 'no recurrence' 'cell c(x[D]) -> y {' '    param W[H, D]' '    y = W@x[t-1]' '}'

expect 0 out "cell mgu(x[D]) -> h {
    state h[H]
    param W{f, n}[H, D], U{f, n}[H, H] = orthogonal, b{f, n}[H]
    f = sigmoid(Wf@x + Uf@h + bf)
    n = tanh(Wn@x + Un@(f*h) + bn)
    h' = (1 - f)*h + f*n
}" show mgu.eddy --as equations
expect 0 out "\\begin{aligned}
f_{t} &= \\sigma\\left(W_{f}\\, x_{t} + U_{f}\\, h_{t-1} + b_{f}\\right) \\\\
n_{t} &= \\tanh\\left(W_{n}\\, x_{t} + U_{n}\\, \\left(f_{t} \\odot h_{t-1}\\right) + \
b_{n}\\right) \\\\
h_{t} &= \\left(1 - f_{t}\\right) \\odot h_{t-1} + f_{t} \\odot n_{t}
\\end{aligned}" show mgu.eddy --as tex
"$eddy" show --cell gru --as equations | grep -qF 'n = tanh(Wn@x + bn + r*(Un@h + vn))' ||
    fault "the library's GRU, which is also written in C, has no equations"
"$eddy" show mgu.eddy --as dot >graph.dot
holds graph.dot '^digraph'
"$eddy" show mgu.eddy --as graph >graph.text
holds graph.text 'delay'
"$eddy" show mgu.eddy --pass g >pass.text 2>pass.err || fault "--pass: $(cat pass.err)"
[[ -s pass.text ]] || fault "--pass prints nothing"
refused "eddy: nothing to show: a FILE, or --cell NAME of the library
Try 'eddy show --help'." show
"$eddy" show --cell gru | grep -q '^recurrence: nonlinear, dense$' || fault "the library's GRU"
"$eddy" show --cell lru | grep -q '^recurrence: affine, 2x2 blocks$' || fault "the library's LRU"
finish
