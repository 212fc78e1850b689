#!/usr/bin/env bash
# Usage: demo.sh CHARLM. The demo at small size keeps its promises: it ends with the line that is
# promised, is at least 0.1 bits per character better than a 3-gram, and the same seed gives the
# same bits - also with narrow vectors, where this processor has wide ones.
set -euo pipefail
program=${1:?"usage: demo.sh CHARLM"}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$program" --small >"$scratch/first"
EDDY_CPU=avx2 "$program" --small >"$scratch/second"

number='[0-9]+\.[0-9]{4}'
form="demo: $number bits/char on unseen text \(3-gram $number, 4-gram $number, 5-gram $number\),"
form="^$form compiled in [0-9]+ ms, [0-9]+ chars/s$"
line=$(tail -n 1 "$scratch/first")
if ! [[ $line =~ $form ]]; then
    echo "not the last line that is promised: $line"
    exit 1
fi
read -r bits three <<<"$(sed -E 's/demo: ([0-9.]+) .*3-gram ([0-9.]+),.*/\1 \2/' <<<"$line")"
if ! awk -v bits="$bits" -v three="$three" 'BEGIN { exit !(bits > 0 && bits <= three - 0.1) }'; then
    echo "$bits bits/char is not 0.1 below the 3-gram's $three"
    exit 1
fi

untimed() { # what depends on the clock, taken out
    sed -E 's/ [0-9.]+k? char\/s .*//; s/ in [0-9.]+ s,/,/; s/ compiled in .*//' "$1"
}
diff <(untimed "$scratch/first") <(untimed "$scratch/second")
echo "$line"
