#!/usr/bin/env bash
# The picture of a cell: its structure is the stored one (with EDDY_UPDATE=1 that is written anew),
# and of every cell of the library no two boxes touch and nothing lies outside.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"
stored=$source_folder/tests/cli/picture_structure.txt

cat >forms.eddy <<'END_OF_CELL'
cell forms(x[D], m[M] over s) -> y {
    state h[H], z[H]
    param W{n, g}[H, D], V[H, M], scale[H], h0[H]
    decay = exp(-exp(scale))
    n = tanh(W@x + W@x[t-1] + W@x[t-3] + sum(V@m, s))
    g = sigmoid(W@x[t+1] + h)
    z' = decay*z + n
    h' = g*h[t-2] + z*z' + h0
    y = h' * 2
}
END_OF_CELL
"$eddy" show forms.eddy --as svg >forms.svg
for cell in lstm qrnn highway delay_network s4d attention_decoder; do
    "$eddy" show --cell "$cell" --as svg >"$cell.svg"
done

# Boxes with their words, edges with what they join; without places.
for cell in forms lstm qrnn highway delay_network s4d attention_decoder; do
    echo "== $cell"
    sed -E 's/(<(rect|text|path|title))/\n\1/g' "$cell.svg" |
        sed -nE 's/<rect class="([a-z]+)" .*/box \1/p; s/<path class="([-a-z]+)".*/\1/p
            s/<text class="([a-z]+)"[^>]*>([^<]*).*/ \1: \2/p; s/<text x[^>]*>([^<]*).*/ \1/p
            s/<title>([^<]*).*/ \1/p' | grep -vE '^(box ground|end|loop-end)$'
done >structure
if [[ ${EDDY_UPDATE:-} == 1 ]]; then
    cp structure "$stored"
fi
diff -u "$stored" structure || fault "the picture is built otherwise: ./run docs"

# Numbers of a box: left, top, width, height, all in the view.
for about in "$source_folder"/tests/ref/cells/*.json; do
    cell=$(basename "$about" .json)
    "$eddy" show --cell "$cell" --as svg >any.svg || fault "$cell has no picture"
    grep -oE '^<rect class="(input|value|once|output)" x="[-0-9.]+" y="[-0-9.]+" width="[0-9.]+"' \
        any.svg | sed -E 's/.* x="(.*)" y="(.*)" width="(.*)"/\1 \2 \3/' |
        awk -v view="$(sed -nE 's/.*viewBox="0 0 ([0-9]+) ([0-9]+)".*/\1 \2/p' any.svg)" '
            BEGIN { split(view, all, " ") }
            { x[NR] = $1; y[NR] = $2; w[NR] = $3
              if ($1 < 0 || $2 < 0 || $1 + $3 > all[1] || $2 + 40 > all[2]) print "outside", NR
              for (i = 1; i < NR; i++)
                  if (x[i] < $1 + $3 && $1 < x[i] + w[i] && y[i] < $2 + 40 && $2 < y[i] + 40)
                      print "overlap", i, NR }
            END { if (NR < 2) print NR, "boxes" }' >wrong
    [[ ! -s wrong ]] || fault "$cell: $(cat wrong)"
done

# One that is too large to look at.
{
    printf 'cell many(x[D]) -> v320 {\n    v1 = sin(x)\n'
    for i in $(seq 2 320); do
        echo "    v$i = sin(v$((i - 1)))"
    done
    echo '}'
} >many.eddy
wrong "eddy: the cell many has 321 values with names, too many for a picture; --as dot has the \
whole graph" show many.eddy --as svg
finish
