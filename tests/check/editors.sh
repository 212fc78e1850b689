#!/usr/bin/env bash
# What Vim makes of a cell with docs/editors/vim: the kind of file, and the group of each word that
# is marked below; and :make with its compiler finds a mistake. Usage: editors.sh COMMAND
set -euo pipefail
command=$(realpath "${1:?"usage: editors.sh COMMAND"}")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if ! vim --version 2>/dev/null | grep -q '+syntax'; then
    echo "vim with +syntax is not installed: not run here"
    exit 0
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/bin"
ln -s "$command" "$scratch/bin/eddy"
printf '%s\n' 'cell a(x[D]) -> h { # text' '    state last[H]' \
    "    last' = where(x and last(x, t), 1.5e-3, orthogonal) # tanh" '}' >"$scratch/a.eddy"
cat >"$scratch/ask.vim" <<'END'
let places = [[1, 1], [1, 6], [1, 8], [1, 23], [2, 5], [2, 11], [3, 9], [3, 13], [3, 21],
    \ [3, 25], [3, 33], [3, 37], [3, 45], [3, 60]]
let said = [&filetype]
for [line, column] in places
    let group = synIDattr(synID(line, column, 1), 'name')
    call add(said, line . ':' . column . ' ' . (empty(group) ? 'none' : group))
endfor
compiler eddy
silent make
for mistake in getqflist()
    if mistake.valid
        call add(said, mistake.lnum . ':' . mistake.col . ' ' . mistake.text)
    endif
endfor
call writefile(said, $SAID)
qall!
END
cat >"$scratch/expected" <<'END'
eddy
1:1 eddyKeyword
1:6 eddyCellName
1:8 none
1:23 eddyComment
2:5 eddyKeyword
2:11 none
3:9 eddyNext
3:13 eddyFunction
3:21 eddyOperator
3:25 eddyFunction
3:33 eddyDefined
3:37 eddyNumber
3:45 eddyStart
3:60 eddyComment
END
SAID=$scratch/said PATH=$scratch/bin:$PATH vim -N -u NONE -i NONE -es \
    -c "set runtimepath^=$PWD/docs/editors/vim" -c 'filetype on' -c 'syntax on' \
    -c "edit $scratch/a.eddy" -c "source $scratch/ask.vim" </dev/null >/dev/null 2>&1 || true
head -n 15 "$scratch/said" | diff "$scratch/expected" - || exit 1
"$command" check "$scratch/a.eddy" --format=gcc >"$scratch/gcc" && exit 1
mistakes=$(($(wc -l <"$scratch/said") - 15))
[[ $mistakes == $(wc -l <"$scratch/gcc") && $mistakes -gt 0 ]] ||
    { echo "Vim lists $mistakes mistakes:" && cat "$scratch/said" "$scratch/gcc" && exit 1; }
echo "Vim marks the words of a cell and lists its $mistakes mistakes"
