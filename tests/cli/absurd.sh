#!/usr/bin/env bash
# Files that nobody would write: brackets without end, absurd sizes, 0 bytes, bytes that are no
# UTF-8. Each reader says what is wrong and where, in seconds and in a bounded memory.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

limit=unlimited
if { (ulimit -v 6000000 && "$eddy" --version); } >/dev/null 2>&1; then
    limit=6000000
else
    echo "memory without a bound: a sanitizer takes more"
fi
many() { # BYTE COUNT
    head -c "$2" /dev/zero | tr '\0' "$1"
}
# tells TEXT ARGUMENT...: it ends with status 1, and the first line of stderr is the text. Of a
# million bytes that are wrong, no more than a few are said.
tells() {
    local text=$1 status=0
    shift
    (ulimit -v "$limit" && exec timeout 60 "$eddy" "$@") >said.out 2>said.err </dev/null ||
        status=$?
    [[ $status == 1 ]] || fault "eddy $*: status $status, not 1" "$(head -c 500 said.err)"
    [[ $(head -n 1 said.err | head -c 1000) == "$text" ]] ||
        fault "eddy $*: not '$text' but" "$(head -n 1 said.err | head -c 1000)"
    [[ $(wc -c <said.err) -lt 20000 ]] || fault "eddy $*: $(wc -c <said.err) bytes of complaint"
}

# ---- cells

# A file of one cell whose body is read from here.
cell() {
    { printf 'cell absurd(x[D]) -> y {\n' && cat && printf '\n}\n'; } >absurd.eddy
}
printf '    y = x\0' | cell
tells 'absurd.eddy:2:10: error: a NUL byte: this is not a text [E0101]' check absurd.eddy
printf '    y = x # \xc3\x28' | cell
tells 'absurd.eddy:2:13: error: these bytes are not UTF-8 [E0101]' check absurd.eddy
{ printf '    y = ' && many '(' 200000; } | cell
tells 'absurd.eddy:2:108: error: this expression is more than 100 levels deep [E0107]' \
    check absurd.eddy
{ echo '    y = x' && seq 20000 | sed 's/.*/for l in 1..1, s = x {/'; } | cell
tells 'absurd.eddy:42:22: error: blocks are nested more than 40 deep [E0107]' check absurd.eddy
{ printf '    y = x' && seq 50000 | sed 's/.*/ + x/' | tr -d '\n'; } | cell
tells 'absurd.eddy:2:407: error: this expression is more than 100 levels deep [E0107]' \
    check absurd.eddy
{ printf '    y = x # ' && many '-' 2000000; } | cell
tells 'eddy: cannot read absurd.eddy: it has 2000040 bytes, at most 1048576 are accepted' \
    check absurd.eddy
{ printf '    y = ' && many a 900000; } | cell
tells 'absurd.eddy:2:9: error: this name has 900000 bytes; a name has at most 100 [E0104]' \
    check absurd.eddy
{ printf '    y = ' && many '&' 500000; } | cell
tells 'absurd.eddy:2:9: error: `&&` has no meaning here [E0102]' check absurd.eddy
{ seq 30000 | sed 's/.*/    v& = x/' && printf '    y = x'; } | cell
tells 'absurd.eddy:1021:5: error: this cell has more than 1024 names [E0109]' check absurd.eddy
printf '    param W[1e9, 1e9, D]\n    y = sum(W)*x' | cell
tells 'absurd.eddy:2:11: error: param: shape [1000000000, 1000000000, 4848] has more elements '\
'than 64 bits can count [E0308]' check absurd.eddy
printf "    for l in 1..1e15, s = x {\n        s' = s + x\n    }\n    y = s" | cell
tells 'absurd.eddy:2:5: error: with its loops and cells written out, this has more than 1000000 '\
'expressions [E0109]' check absurd.eddy
printf '    y = x[t-1e12]' | cell
tells 'absurd.eddy:2:13: error: a delay has at most 1048576 steps [E0307]' check absurd.eddy
printf '    param W[H, D]\n    y = W@x' | cell
tells 'eddy: use of the cell "absurd":' check absurd.eddy --set H=1e15
holds said.err '^absurd.eddy:2:13: error: the dimension `H` cannot be 1000000000000000 \[E0305\]$'
if [[ $limit != unlimited ]]; then
    status=0 # how many bytes is the machine's affair
    (ulimit -v "$limit" && exec "$eddy" check absurd.eddy --set H=2000000000) 2>said.err ||
        status=$?
    [[ $status == 1 ]] || fault "more memory than there is: status $status, not 1"
    holds said.err '^eddy: resize: out of memory: these extents need [0-9]* bytes$'
fi

# ---- the folder of a run

head -c 3000 "$source_folder/LICENSE" >text.txt
"$eddy" train --data text.txt --size 8 --embedding 4 --length 16 --batch 2 --steps 2 --run kept \
    --quiet >/dev/null
# The run with one of its files from here.
run_with() {
    rm -rf run && cp -r kept run && cat >"run/$1"
}
many '[' 200000 | run_with run.json
tells "eddy: run/run.json:1:2049: maximum parsing depth reached near '['" generate run
printf '{"a\0b": 1}' | run_with run.json
tells "eddy: run/run.json:1:3: control character 0x0 near '\"a'" generate run
printf '{"a\xff": 1}' | run_with run.json
tells "eddy: run/run.json:1:3: unable to decode byte 0xff near '\"a'" generate run
# number NAME VALUE TEXT: a number of the record that is another one.
number() {
    sed -E "0,/\"$1\": *[0-9]+/s//\"$1\": $2/" kept/run.json | run_with run.json
    tells "eddy: run/run.json$3" generate run
}
number size 99999999999999999999999 ':7:33: too big integer'
number size 2000000000 ': size is 2000000000, and in a run it is from 1 to 65536'
number layers -1 ': layers is -1, and in a run it is from 1 to 64'
number outputs 0 ': outputs is 0, and in a run it is from 1 to 16777216'
{ many '[' 200000 && echo; } | run_with log.jsonl
tells 'eddy: run/log.jsonl:1: not a line of a log' report run
printf '{"event":"\0"}\n' | run_with log.jsonl
tells 'eddy: run/log.jsonl:1: not a line of a log' report run
{ printf '\xff\xff\xff\xff\xff\xff\xff\x7f' && many x 100; } | run_with best.safetensors
tells 'eddy: cannot load run/best.safetensors: a header of 9223372036854775807 bytes in a file of '\
'108' generate run
{ printf '\x40\x0d\x03\0\0\0\0\0{"a":' && many '[' 199995; } | run_with best.safetensors
tells "eddy: cannot load run/best.safetensors: header, line 1, column 2053: maximum parsing depth \
reached near '['" generate run

# ---- tables and maps

csv() {
    cat >table.csv
    tells "eddy: table.csv$1" train --data table.csv --target a --run none
}
{ echo a,b && many 1 5000000 && echo ,2; } |
    csv ":2: column a: '$(many 1 40)...' is no number; --ignore a leaves the column out"
printf 'a,b\n1e999,2\n' | csv ":2: column a: '1e999' is no number; --ignore a leaves the column out"
{ printf 'a,"b\n' && many x 5000000; } | csv ':2: 1 fields, and the first line of the table has 2'
many '"' 3000000 | csv ' is empty: there is nothing to learn'
many , 5000000 | csv ':1: more than 4096 columns'
printf 'lstm a\0* a\n' >map
cp "$source_folder/tests/ref/torch/small.npz" .
tells 'eddy: map has a 0 byte: it is no map' convert small.npz out.npz --torch map
many x 5000000 >map
tells "eddy: map:1: a part has three words, as 'lstm encoder.*_l0 layer1'" \
    convert small.npz out.npz --torch map
[[ ! -e none && ! -e out.npz ]] || fault "what failed left something behind"
finish
