#!/usr/bin/env bash
# Usage: replay.sh PROGRAM. What ./run replay compares: the same kernels give the same lines, and a
# kernel that computes something else gives another line, alone.
set -euo pipefail
program=${1:?"usage: replay.sh PROGRAM"}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/model.txt" <<'END'
eddy graph 1
axis t
%0 = input "x" : f32 {t} [3]
%1 = param "W" : f32 {} [2, 3]
%2 = contract %1, %0 spec="mn,n->m" : f32 {t} [2]
%3 = constant 2.0 : f32 {} []
%4 = mul %0, %3 : f32 {t} [3]
output "y" %2
output "z" %4
END
"$program" "$work/model.txt" >"$work/one"
"$program" "$work/model.txt" >"$work/two"
sed -i 's/constant 2.0/constant 3.0/' "$work/model.txt"
"$program" "$work/model.txt" >"$work/other"
lines=$(wc -l <"$work/one")
if ! cmp -s "$work/one" "$work/two"; then
    echo "two runs differ:"
    diff "$work/one" "$work/two"
    exit 1
fi
changed=$(diff "$work/one" "$work/other" | grep -c '^>' || true)
if [[ $lines -lt 2 || $changed != 1 ]]; then
    echo "$changed of $lines lines changed with one constant"
    diff "$work/one" "$work/other"
    exit 1
fi
