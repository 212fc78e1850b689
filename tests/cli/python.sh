#!/usr/bin/env bash
# Cells as programs for PyTorch and JAX: the texts are the stored ones (with EDDY_UPDATE=1 those are
# written anew), every cell of the library has one that Python can read, and what has no
# counterpart is said. That they compute the same is seen in bench.sh, where PyTorch or JAX is.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"
stored=$source_folder/tests/cli/python_programs.txt

minimal_gated_unit >mgu.eddy
# Delays of several steps both ways, a memory, a learned start, a matrix state, what is made once,
# and names that Python has for itself.
cat >forms.eddy <<'END_OF_CELL'
cell forms(x[D], m[M] over s) -> y, S {
    state h, z, lambda [H], S[H, H]
    param W{n, g}[H, D], V[H, M], scale[H], h0[H]
    fixed half[H]
    decay = exp(-exp(scale))
    n = tanh(W@x + W@x[t-1] + W@x[t-3 else 1] + sum(V@m, s))
    g = sigmoid(W@x[t+1] + h)
    a = softmax(h@(V@m), s)
    z' = decay*z + n + sum(a * (V@m), s)
    S' = S + outer(z', g)
    lambda' = max(lambda, 0) + mean(S'@z') * half
    h' = where(n > 0, g*h[t-2], -z*z') + h0 - lambda'
    y = concat(h', reshape(S, H*H)[0:2]) * real(t mod 2 == 0)
}
END_OF_CELL
# Values at computed places, and a loop that runs backwards.
cat >places.eddy <<'END_OF_CELL'
cell places(i : int, m[M] over s) -> z, last_h, last_m {
    param E[20, D], V[20, 8]
    h = reverse(elman)(E[i], H = 8)
    z = cross_entropy(V@h, i)
    last_h = last(h, t)
    last_m = last(m, s)
}
END_OF_CELL
for cell in mgu forms places; do
    for way in torch jax; do
        echo "==== $cell --as $way"
        "$eddy" show "$cell.eddy" --as "$way" || fault "$cell has no program for $way"
    done
done >programs
if [[ ${EDDY_UPDATE:-} == 1 ]]; then
    cp programs "$stored"
fi
diff -u "$stored" programs || fault "programs are written otherwise: ./run docs"

mkdir library
without=
for about in "$source_folder"/tests/ref/cells/*.json; do
    cell=$(basename "$about" .json)
    for way in torch jax; do
        if ! "$eddy" show --cell "$cell" --as "$way" >program 2>said; then
            grep -q "a gradient of the cell's own\$" said || fault "$cell:" "$(cat said)"
            without="$without $cell"
        else
            cp program "library/$cell.$way"
        fi
    done
done
[[ $without == " lif lif spike spike" ]] || fault "these have no program:$without"
if command -v python3 >/dev/null; then
    python3 - library/* 2>why <<'END' || fault "this is no Python:" "$(tail -n 3 why)"
import ast, sys
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        ast.parse(file.read(), path)
END
else
    echo "that Python reads them: not run here"
fi

cat >draws.eddy <<'END_OF_CELL'
cell draws(x[D]) -> y {
    y = x * random(D)
}
cell looks(x[D], i : int) -> y {
    y = at(x, t, i)
}
cell alone() -> y {
    state h[H]
    h' = h + 1
    y = h'
}
END_OF_CELL
wrong "eddy: the cell draws cannot be written for PyTorch: draws.eddy:2: \`random\` has no \
counterpart" show draws.eddy --cell draws --as torch
wrong "eddy: the cell looks cannot be written for JAX: draws.eddy:5: \`at\` has no counterpart: \
the step is not the same for all steps and samples" show draws.eddy --cell looks --as jax
wrong "eddy: the cell alone cannot be written for JAX: no input shows how many steps of \`t\` \
there are" show draws.eddy --as jax
wrong "eddy: the cell spike cannot be written for JAX: cells/physical.eddy:49: \`custom\` has no \
counterpart: a gradient of the cell's own" show --cell spike --as jax
finish
