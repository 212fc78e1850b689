#!/usr/bin/env bash
# Every cell of the library is asked what `eddy check` asks of any cell: difference quotients, and
# bits that must be equal. What it warns of, papers do.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

count=0
for about in "$source_folder"/tests/ref/cells/*.json; do
    cell=$(basename "$about" .json)
    "$eddy" check --cell "$cell" >checked 2>&1 || fault "$cell:" "$(cat checked)"
    for line in 'gradients by [0-9]+ parameters and inputs: [0-9]e-[0-9]+ from difference' \
        'compiled code: [0-9]e[-+][0-9]+ from the plain evaluator' \
        'step = chunk = sequence: equal' \
        'a row alone = the row in a batch: equal' 'a length of its own = no steps behind: equal' \
        '1 thread = 2 threads: equal'; do
        grep -qE "^  ok      $line" checked || fault "$cell: not '$line':" "$(cat checked)"
    done
    count=$((count + 1))
done
[[ $count -ge 66 ]] || fault "only $count cells"
finish
