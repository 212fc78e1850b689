#!/usr/bin/env bash
# Training as a process: what is refused, what is kept, and that a run which was stopped, killed or
# moved to another number of threads ends with the bits of one that was not.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

# A text with something to learn in it, made by a small generator.
awk 'BEGIN { s = 7
    for (i = 0; i < 1200; i++) {
        s = (s * 1103515245 + 12345) % 2147483648
        printf "%s", substr("the cat sat on a mat. dogs run far! ", 1 + 4 * (int(s / 65536) % 9), 4)
    } }' >text.txt
small=(--data text.txt --size 16 --embedding 8 --length 16 --batch 4 --validation 0.1
    --schedule constant --dropout 0.1 --quiet)

refused "eddy: train has no option '--sise'; did you mean '--size'?
Try 'eddy train --help'." train --sise 3
refused "eddy: --size takes a whole number from 1 to 65536, not '0'
Try 'eddy train --help'." train --size 0
refused "eddy: --rate takes a number from 0 to 1e+06, not 'fast'
Try 'eddy train --help'." train --rate fast
refused "eddy: nothing to learn from: --data FILE is missing
Try 'eddy train --help'." train
refused "eddy: the library has no cell 'ltsm'; did you mean 'lstm'?" \
    train --data text.txt --cell ltsm
wrong "eddy: cannot open missing.txt: No such file or directory" train --data missing.txt
printf 'good\nb\xffd\n' >broken.txt
wrong "eddy: broken.txt:2: byte 0xff (number 6 of the file) is no UTF-8; --symbols bytes takes any \
file" train --data broken.txt
: >empty.txt
wrong "eddy: empty.txt is empty: there is nothing to learn" train --data empty.txt
head -c 100 text.txt >short.txt
wrong "eddy: short.txt has 95 symbols to train on, and one step of training needs 1024: 16 streams \
(--batch) of 64 (--length)" train --data short.txt
wrong "eddy: nowhere is not the folder of a run: there is no nowhere/run.json" \
    train --resume --run nowhere
[[ ! -e run ]] || fault "a run that could not begin left a folder behind"

# 20 steps are 10 steps and 10 more, on one thread and on two.
train() {
    "$eddy" train "$@" >said.out 2>said.err || fault "train $*: status $?" "$(cat said.err)"
}
train "${small[@]}" --validate-every 10 --steps 20 --run whole --threads 1
for threads in 1 2; do
    train "${small[@]}" --validate-every 10 --steps 10 --run "parts$threads" --threads "$threads"
    cmp -s whole/checkpoint.safetensors "parts$threads/checkpoint.safetensors" &&
        fault "10 steps leave what 20 leave"
    train --resume --run "parts$threads" --steps 20 --threads $((3 - threads)) --quiet
    cmp whole/checkpoint.safetensors "parts$threads/checkpoint.safetensors" ||
        fault "20 steps are not 10 and 10 ($threads threads first)"
    cmp whole/best.safetensors "parts$threads/best.safetensors" || fault "the best ones differ"
done
refused "eddy: --size was 16 when this run began, and cannot change" \
    train --resume --run whole --size 12
wrong "eddy: whole holds a run already: --resume goes on with it, --run FOLDER begins another" \
    train "${small[@]}" --run whole


cp text.txt kept.txt
printf 'more' >>text.txt
wrong "eddy: text.txt is not what this run began with: going on would mix two data sets" \
    train --resume --run whole --steps 30
mv kept.txt text.txt

# Stopped by SIGINT, killed at any moment, and gone on with: the bits of a run that was left alone.
steps=3000
long=("${small[@]}" --steps "$steps" --save-every 50 --validate-every 1000)
train "${long[@]}" --run alone
stop() { # SIGNAL FOLDER LINES: sends the signal once the log has so many lines
    "$eddy" train "${long[@]}" --run "$2" >"$2.out" 2>"$2.err" &
    local process=$! status=0
    until [[ -e $2/log.jsonl && $(wc -l <"$2/log.jsonl") -ge $3 ]]; do
        kill -0 "$process" 2>/dev/null || break
        sleep 0.01
    done
    kill -s "$1" "$process" 2>/dev/null || fault "the run was over before it could be stopped"
    wait "$process" 2>/dev/null || status=$?
    echo "$status"
}
[[ $(stop INT stopped 200) == 130 ]] || fault "SIGINT: not status 130" "$(cat stopped.err)"
step=$(sed -nE 's/^stopped after step ([0-9]+); saved. To go on:$/\1/p' stopped.out)
holds stopped.out '^  eddy train --resume --run stopped$'
last="{\"event\":\"end\",\"step\":$step,\"reason\":\"stopped\"}"
[[ $(tail -n 1 stopped/log.jsonl) == "$last" ]] ||
    fault "the log does not end where the run was stopped"
train --resume --run stopped --quiet
same() { # FOLDER: the files of a run that was left alone, and a log of every step once
    local file
    for file in checkpoint best; do
        cmp "alone/$file.safetensors" "$1/$file.safetensors" ||
            fault "$1: not the bits of a run that was left alone"
    done
    sed -nE 's/^\{"event":"step","step":([0-9]+),.*/\1/p' "$1/log.jsonl" >logged
    seq "$steps" | cmp - logged || fault "$1: the log does not have every step once"
}
same stopped
kills=${EDDY_KILLS:-3} # ./run long asks for more
for ((kill = 0; kill < kills; kill++)); do
    moment=$((kill == 0 ? 1 : 2 + RANDOM % (kill == 1 ? 400 : steps / 2)))
    [[ $(stop KILL killed "$moment") == 137 ]] || fault "SIGKILL: not status 137"
    if ((kill % 2)); then # and once more while it goes on
        "$eddy" train --resume --run killed --quiet >killed.out 2>&1 &
        sleep "0.$((RANDOM % 90 + 10))"
        kill -s KILL $! 2>/dev/null || true
        wait $! 2>/dev/null || true
    fi
    train --resume --run killed --quiet
    same killed
    rm -r killed
done

# A disk that is full: a clear message, and the old checkpoint stays.
train "${small[@]}" --steps 30 --run full
cp full/checkpoint.safetensors before
status=0
(ulimit -f 8 && exec "$eddy" train --resume --run full --steps 60 --save-every 1 --quiet) \
    >said.out 2>said.err || status=$?
[[ $status == 1 ]] || fault "a full disk: status $status, not 1"
holds said.err '^eddy: cannot write full/(run.json|checkpoint.safetensors|log.jsonl): '
cmp before full/checkpoint.safetensors || fault "the old checkpoint is gone"
[[ $(find full -name '*.tmp*' -o -name '*~' | wc -l) == 0 ]] || fault "temporary files are left"

# Validation that never gets better ends the run.
train "${small[@]}" --rate 0 --dropout 0 --steps 1000 --validate-every 5 --patience 3 --run patient
holds said.out '^stopped early: 20 steps, best validation [0-9.]+ bits at step 5; saved in patient$'

# Off a terminal there are plain lines; on one a line is written over, in colour unless NO_COLOR.
"$eddy" train "${small[@]:0:${#small[@]}-1}" --steps 100 --run plain >said.out
[[ $(grep -c '^step ' said.out) == 20 ]] || fault "not 20 lines of progress" "$(cat said.out)"
if grep -q $'[\r\x1b]' said.out; then
    fault "a plain line has control characters"
fi
if command -v script >/dev/null; then
    terminal() {
        TERM=xterm script -qec "'$eddy' train ${small[*]:0:${#small[@]}-1} --steps 100 --run $1" \
            /dev/null </dev/null >said.out
    }
    terminal coloured
    grep -q $'\r.*\x1b\[1m.*bits\x1b\[0m.*\x1b\[K' said.out || fault "no line that is written over"
    NO_COLOR=1 terminal grey
    if grep -q $'\x1b\[1m' said.out; then
        fault "coloured in spite of NO_COLOR"
    fi
else
    echo "script is not installed: the line of a terminal is not run here"
fi
finish
