#!/usr/bin/env bash
# Checking cells: sound ones pass, and what is planted in others is found, with its line.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

minimal_gated_unit >sound.eddy
cat >>sound.eddy <<'END'
cell ahead(x[D]) -> y {
    param W[H, D]
    y = W@x[t+1]
}
cell attend(query[H], m[M] over s) -> context {
    param W[K, H], V[K, M], v[K]
    a = softmax(v @ tanh(W@query + V@m), s)
    context = sum(a * m, s)
}
END
"$eddy" check sound.eddy >sound.out 2>sound.err || fault "sound cells have faults" "$(cat sound.*)"
sed -E 's/[0-9.]+e[-+][0-9]+/N/' sound.out >sound.text
diff -u - sound.text <<'END' || fault "sound cells: something else is said"
mgu with D=4 H=8
  ok      gradients by 7 parameters and inputs: N from difference quotients in f64
  ok      compiled code: N from the plain evaluator in f64
  ok      step = chunk = sequence: equal bits
  ok      a row alone = the row in a batch: equal bits
  ok      a length of its own = no steps behind: equal bits
  ok      1 thread = 2 threads: equal bits
  ok      inputs a hundred times as large: all values and gradients are finite
  ok      state h: N of the gradient is left after 32 steps
ahead with D=4 H=8
  ok      gradients by 2 parameters and inputs: N from difference quotients in f64
  ok      compiled code: N from the plain evaluator in f64
  note    sound.eddy:11: step = chunk = sequence: not run, since the cell looks ahead
  ok      a row alone = the row in a batch: equal bits
  ok      a length of its own = no steps behind: equal bits
  ok      1 thread = 2 threads: equal bits
  ok      inputs a hundred times as large: all values and gradients are finite
  note    memory: not run, since the cell has no state
attend with H=4 M=8 K=12
  ok      gradients by 5 parameters and inputs: N from difference quotients in f64
  ok      compiled code: N from the plain evaluator in f64
  ok      step = chunk = sequence: equal bits
  ok      a row alone = the row in a batch: equal bits
  ok      a length of its own = no steps behind: equal bits
  ok      1 thread = 2 threads: equal bits
  ok      inputs a hundred times as large: all values and gradients are finite
  note    memory: not run, since the cell has no state
3 cells, 0 faults, 0 warnings
END
"$eddy" check --cell gru >gru.out || fault "the library's GRU has faults" "$(cat gru.out)"
holds gru.out '^  ok      state gru.h: '
"$eddy" check --cell mgu --set H=12 >mgu.out ||
    fault "the library's MGU has faults" "$(cat mgu.out)"
[[ $(grep -c '^  ok ' mgu.out) == 8 ]] || fault "not eight times ok:" "$(cat mgu.out)"
refused "eddy: the library has no cell 'mguu'; did you mean 'mgu'?" check --cell mguu

# found STATUS PATTERN CELL...: a file of this cell is checked with the status, and a line fits.
found() {
    local status=0
    printf '%s\n' "${@:3}" >planted.eddy
    "$eddy" check planted.eddy >planted.out 2>planted.err || status=$?
    [[ $status == "$1" ]] || fault "status $status, not $1:" "$(cat planted.eddy planted.err)"
    grep -qE -- "$2" planted.out || fault "not found: $2" "$(cat planted.eddy planted.out)"
}
found 1 '^  FAULT   planted.eddy:3: the gradient by x is [-0-9.e]+ along a direction, and the' \
    'cell wrong_adjoint(x[D]) -> y {' '    y = tanh(x)' '    adjoint x = dy * (1 - y)' '}'
found 1 '^  FAULT   planted.eddy:2: the gradient by W is [-0-9.e]+ along' \
    'cell stopped(x[D]) -> y {' '    param W[H, D]' '    y = (W@x) * stop(W@x)' '}'
found 0 '^  warning planted.eddy:2: the gradient by b is 0 everywhere: it will never learn' \
    'cell dead(x[D]) -> y {' '    param W[H, D], b[H]' '    y = W@x + 0 * floor(b)' '}'
found 0 '^  warning planted.eddy:4: f begins saturated: 100% of its values are outside' \
    'cell shut(x[D]) -> h {' '    state h[H]' '    param W[H, D], b[H] = 20' \
    '    f = sigmoid(W@x + b)' "    h' = f*h + (1 - f)*tanh(W@x)" '}'
found 0 '^  warning planted.eddy:3: exp, y is not finite when inputs are a hundred times as large' \
    'cell overflow(x[D]) -> y {' '    param W[H, D]' '    y = exp(W@x)' '}'
found 0 '^  warning planted.eddy:3: div, y is not finite' \
    'cell division(x[D]) -> y {' '    param W[D, D]' '    y = x / exp(-x*x)' '}'
found 0 '^  warning planted.eddy:2: the state h forgets: [-0-9.e]+ of the gradient is left' \
    'cell forgets(x[D]) -> h {' '    state h[H]' '    param W[H, D]' \
    "    h' = 0.01*h + tanh(W@x)" '}'
found 0 '^  warning planted.eddy:2: the gradient by the state h explodes: ' \
    'cell explodes(x[D]) -> h {' '    state h[H]' '    param W[H, D]' \
    "    h' = 3*h + tanh(W@x)" '}'

# Where no result is a number, nothing is called ok.
found 1 '^  FAULT   gradients: results are not finite on inputs of the usual size$' \
    'cell none(x[D]) -> y {' '    y = log(0 - x*x)' '}'
grep -q '^  ok ' planted.out && fault "ok without a number:" "$(cat planted.out)"
for what in 'compiled code' 'chunks, rows, lengths, threads'; do
    holds planted.out "^  note    $what: not compared, since no result is a finite number\$"
done

# An adjoint that is no derivative is a fault; one that says that it is a surrogate is not, and what
# stands around it is checked as if it were a straight line.
spike=('cell spike(v[H]) -> s {' '    s = real(v > 0)'
    '    surrogate v = ds / (1 + 10*abs(v))^2' '}')
fires=('cell fires(x[D]) -> s {' '    state s, v[H]' '    param W[H, D], U[H, H] = normal(0.1)')
line='  note    planted.eddy:3: the gradient of spike is a surrogate: quotients are of a line in'
found 1 '^  FAULT   planted.eddy:3: the gradient by v is [-0-9.e]+ along a direction in which '\
'nothing changes; if that is meant, write `surrogate` for `adjoint`$' \
    "${spike[@]/surrogate/adjoint}"
found 0 "^$line its place\$" "${spike[@]}"
found 0 '^  ok      gradients by 3 parameters and inputs: ' "${spike[@]}" "${fires[@]}" \
    "    v' = 0.9*v + W@x + U@s - s" "    s' = spike(v' - 1)" '}'
found 1 '^  FAULT   planted.eddy:7: the gradient by W is ' "${spike[@]}" "${fires[@]}" \
    "    v' = 0.9*v + stop(W)@x + U@s - s + W@x" "    s' = spike(v' - 1)" '}'
found 0 '^  note    planted.eddy:3: the gradient of count is a surrogate, and not element by '\
'element: it is not compared with quotients$' \
    'cell count(v[H]) -> n {' '    n = sum(real(v > 0))' '    surrogate v = dn * ones(H)' '}'

# Mistakes in a file, for people and for editors.
printf 'cell bad(x[D]) -> h {\n    h = x + q\n}\n' >bad.eddy
expect 1 out "bad.eddy:2:13: error: nothing defines \`q\` [E0201]" check bad.eddy --format gcc
"$eddy" check bad.eddy --format json >bad.json && fault "a file with mistakes has status 0"
holds bad.json '"code": "E0201",'
holds bad.json '"column": 13,'
"$eddy" check bad.eddy >bad.out 2>bad.err && fault "a file with mistakes has status 0"
holds bad.err "^eddy: bad.eddy has 1 mistake; 'eddy explain CODE' tells more about one\$"
[[ $(tail -n 1 bad.err) == eddy:* ]] ||
    fault "the last line is something else:" "$(cat bad.err)"
expect 0 out "[]" check sound.eddy --format json
refused "eddy: sound.eddy has no cell 'mug'; did you mean 'mgu'?" check sound.eddy --cell mug
refused "eddy: the cell mgu has no dimension or number 'Q'; it has D, H" \
    check sound.eddy --cell mgu --set Q=3
refused "eddy: --set takes names and numbers, as H=128,dt=0.1, not 'H'" \
    check sound.eddy --cell mgu --set H
wrong "eddy: cannot open none.eddy: No such file or directory" check none.eddy
printf '# nothing yet\n' >empty.eddy
wrong "eddy: empty.eddy holds no cell: a cell begins as \`cell name(x[D]) -> y {\`" check empty.eddy
refused "eddy: nothing to check: a FILE, or --cell NAME of the library
Try 'eddy check --help'." check

# Codes are explained, each by a text that holds it.
"$eddy" explain E0201 >said.out
holds said.out '^E0201: a name that nothing defines$'
holds said.out '^    example.eddy:2:13: error: nothing defines `z` \[E0201\]$'
[[ $("$eddy" explain 201) == "$(cat said.out)" ]] || fault "201 is not E0201"
"$eddy" explain | while read -r code _; do
    "$eddy" explain "$code" | grep -qF "[$code]" ||
        echo "the example of $code does not hold it"
done >codes
[[ ! -s codes ]] || fault "$(cat codes)"
refused "eddy: there is no code 'E0299'; 'eddy explain' lists all" explain E0299

# A cell of a file is trained; the run keeps its text.
for i in $(seq 150); do
    printf 'a cell %s learns. ' "$((i % 7))"
done >text.txt
"$eddy" train sound.eddy --cell mgu --set H=12 --data text.txt --embedding 6 --length 16 \
    --batch 4 --steps 60 --validate-every 20 --quiet >/dev/null
cp sound.eddy kept.eddy && rm sound.eddy
cmp kept.eddy run/cell.eddy || fault "the run does not keep the text of its cell"
"$eddy" generate run --length 20 --seed 2 >one || fault "nothing is drawn"
[[ $(wc -m <one) == 21 ]] || fault "not 20 characters"
"$eddy" train --resume --steps 70 --quiet >said.out || fault "it does not go on"
holds said.out '^trained: 70 steps, '
wrong "eddy: kept.eddy: the cell attend cannot stand alone in a model: it needs one input that is \
a vector, as x[D], and it has another number of inputs" \
    train kept.eddy --data text.txt --run other
refused "eddy: a run that goes on has its own copy of the cell: leave out 'kept.eddy'" \
    train kept.eddy --resume
finish
