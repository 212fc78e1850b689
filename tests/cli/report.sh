#!/usr/bin/env bash
# The page about a run: every number on it is one of the log, it needs nothing from elsewhere, and
# its pictures are built as they were. With EDDY_UPDATE=1 the structure is written anew.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"
stored=$source_folder/tests/cli/report_structure.txt

for i in $(seq 300); do
    printf 'one %s two ' "$((i * 7 % 10))"
done >text.txt
"$eddy" train --data text.txt --size 16 --embedding 8 --length 24 --batch 4 --steps 120 \
    --validate-every 30 --validation 0.1 --quiet >/dev/null
expect 0 out run/report.html report run
page=run/report.html

# Numbers: elements that hold one, points of lines, and what is said of a cell or a dot.
grep -oE '[-+0-9.eE]*[0-9]' run/log.jsonl | sort -u >logged
{
    grep -oE '<data value="[^"]*"' "$page" | sed -E 's/.*value="(.*)"/\1/'
    grep -oE ' data-[a-z]+="[^"]*"' "$page" | sed -E 's/.*="(.*)"/\1/' | tr ' ' '\n'
    grep -oE 'step [0-9]+: [^<]*</title>' "$page" | sed -E 's/step ([0-9]+): (.*)<.*/\1\n\2/'
} | sed '/^$/d' | sort -u >shown
[[ $(wc -l <shown) -gt 400 ]] || fault "the page shows $(wc -l <shown) numbers"
foreign=$(LC_ALL=C comm -23 <(LC_ALL=C sort shown) <(LC_ALL=C sort logged))
[[ -z $foreign ]] || fault "numbers that are not in the log:" "$(head -n 5 <<<"$foreign")"
# And the other way round: each loss, each norm by lag, each share of a gate, and of a nest in the
# time of a step and of its roof, is on the page.
for field in bits gradient saturated share roof; do
    grep -oE "\"$field\":(\[[^]]*|\{[^}]*|[^,}]*)" run/log.jsonl |
        grep -oE "[-+0-9.e]*[0-9]$|[0-9][-+0-9.e]*[,}]" |
        tr -d ',}' | sort -u >wanted
    missing=$(LC_ALL=C comm -13 <(LC_ALL=C sort shown) <(LC_ALL=C sort wanted) | wc -l)
    [[ -s wanted && $missing == 0 ]] || fault "$missing numbers of $field are not on the page"
done

# The model: boxes are those of the log, with their words.
grep -oE '"about":"[^"]*"' run/log.jsonl | sed -E 's/"about":"(.*)"/\1/' | sort >wanted
grep -oE '<text class="about"[^>]*>[^<]*' "$page" | sed 's/.*>//' | sort >boxes
[[ $(wc -l <boxes) -gt 5 ]] || fault "the model has $(wc -l <boxes) boxes"
diff -u wanted boxes || fault "the model is not that of the log"

if sed 's/ xmlns="[^"]*"//' "$page" | grep -nE 'https?://|<script|src=|@import|url\('; then
    fault "the page asks for something from elsewhere"
fi

# The pictures, without places and numbers; times differ from run to run.
sed '/aria-label="Seconds of a step"/,/<\/svg>/d' "$page" |
    grep -oE '<(svg|rect|line|path|circle|text|table|tr|figcaption|h1|h2)[^>]*>' |
    sed -E 's/<([a-z0-9]+)[^>]*class="([^"]*)".*/\1 \2/; s/<([a-z0-9]+).*/\1/; s/ q[0-9]$/ shade/' |
    uniq -c | sed 's/^ *//' >structure
if [[ ${EDDY_UPDATE:-} == 1 ]]; then
    cp structure "$stored"
fi
diff -u "$stored" structure || fault "the pictures are built otherwise: ./run docs"

# Where more than a hundredth is left over a whole block, no step is told at which it is.
"$eddy" train --data text.txt --size 4 --embedding 4 --length 2 --batch 4 --steps 4 \
    --validate-every 2 --run short --quiet >/dev/null
expect 0 out short/report.html report short
holds short/log.jsonl '"reach":null'
holds short/report.html 'Not drawn: ([1-9][0-9]*) of \1 times, '

# A log that is broken, and one of a run that has just begun.
echo '{"event":"st' >>run/log.jsonl
wrong "eddy: run/log.jsonl:$(wc -l <run/log.jsonl): not a line of a log" report run
head -n 1 run/log.jsonl >first && mv first run/log.jsonl
expect 0 out begun.html report run --output begun.html
[[ $(grep -c 'The log has no number for this picture' begun.html) == 7 ]] ||
    fault "an empty log: not seven pictures without numbers"
wrong "eddy: nowhere is not the folder of a run: there is no nowhere/run.json" report nowhere
finish
