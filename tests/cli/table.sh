#!/usr/bin/env bash
# Tables of numbers: a model learns to foretell a column, says it in the units of the file, and
# whatever is no number is refused with its place.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

# A wave that is seen through noise, its own phase unknown; and a class that depends on the past.
awk 'BEGIN { s = 5; print "time,\"wave\",noise,turn"
    for (i = 0; i < 1500; i++) {
        s = (s * 1103515245 + 12345) % 2147483648
        noise = s / 2147483648
        turn = (i % 6 < 3) ? 1 : 0
        printf "2026-01-%d,%.6f,%.6f,%d\n", i % 31 + 1, 100 + 20 * sin(i * 0.3), noise, turn
    } }' >wave.csv
small=(--size 16 --batch 4 --length 20 --steps 300 --validate-every 50 --validation 0.1 --quiet)

"$eddy" train --data wave.csv --ignore time --target wave "${small[@]}" --run wave >/dev/null
"$eddy" run wave --data wave.csv --output said.csv --threads 1 >said.out
holds said.out '^wave.csv: 1499 rows$'
form='root mean square error ([0-9.e-]+); its own spread is 14.1[0-9]*'
error=$(sed -nE "s/^  wave: $form\$/\\1/p" said.out)
awk -v error="${error:-1000}" 'BEGIN { exit !(error > 0 && error < 3) }' ||
    fault "the wave is not learned:" "$(cat said.out)"
# The error that is printed is that of the file that was written.
paste -d, <(tail -n +2 said.csv) <(tail -n +3 wave.csv | cut -d, -f2) >pairs
[[ $(wc -l <pairs) == 1499 ]] || fault "said.csv does not have a line for each row"
awk -F, -v error="$error" '{ d = $1 - $2; sum += d * d }
    END { d = sqrt(sum / NR) / error - 1; exit !(d * d < 1e-6) }' pairs ||
    fault "said.csv does not have the error that is printed"
"$eddy" run wave --data wave.csv --output again.csv --threads 2 >/dev/null
cmp said.csv again.csv || fault "two threads say something else"
# A file without the target is read as well: the model does read the column here.
cut -d, -f1,3,4 wave.csv >blind.csv
wrong "eddy: blind.csv has no column 'wave', which the model reads" run wave --data blind.csv

"$eddy" train --data wave.csv --ignore time,noise --target turn --classes 2 "${small[@]}" \
    --run turn >/dev/null
"$eddy" run turn --data wave.csv --output classes.npy >said.out
share=$(sed -nE 's/^wave.csv: 1499 rows, ([0-9.]+)% of the classes right$/\1/p' said.out)
awk -v share="${share:-0}" 'BEGIN { exit !(share > 95) }' ||
    fault "the class is not learned:" "$(cat said.out)"

# What was written as npy is read as npy: its one column foretells itself.
"$eddy" train --data classes.npy --target 1 "${small[@]}" --steps 50 --run own >/dev/null ||
    fault "classes.npy is not read"
# With ahead 0 the target is not read, and may be missing where the model is used.
"$eddy" train --data wave.csv --ignore time --target wave --ahead 0 "${small[@]}" --steps 20 \
    --run now >/dev/null
expect 0 out "blind.csv: 1500 rows" run now --data blind.csv
# Going on is exact for tables, too.
"$eddy" train --data wave.csv --ignore time --target wave "${small[@]}" --schedule constant \
    --steps 100 --run parts >/dev/null
"$eddy" train --data wave.csv --ignore time --target wave "${small[@]}" --schedule constant \
    --steps 150 --run whole >/dev/null
"$eddy" train --resume --steps 150 --run parts --quiet >/dev/null
cmp parts/checkpoint.safetensors whole/checkpoint.safetensors || fault "150 are not 100 and 50"

refused "eddy: wave.csv is a table: --target NAMES says which columns are to be foretold" \
    train --data wave.csv --ignore time --run other
wrong "eddy: wave.csv has no column 'wav'; did you mean 'wave'?" \
    train --data wave.csv --ignore time --target wav --run other
wrong "eddy: wave.csv:2: column time: '2026-01-1' is no number; --ignore time leaves the column \
out" \
    train --data wave.csv --target wave --run other
printf 'a,b\n1,2\n3\n' >ragged.csv
wrong "eddy: ragged.csv:3: 1 fields, and the first line of the table has 2" \
    train --data ragged.csv --target a --run other
printf 'a,b\n1,2\n3,\n' >hole.csv
wrong "eddy: hole.csv:3: column b: '' is no number; --ignore b leaves the column out" \
    train --data hole.csv --target a --run other
printf 'a,b\n1,nan\n' >nan.csv
wrong "eddy: nan.csv:2: column b: 'nan' is no number; --ignore b leaves the column out" \
    train --data nan.csv --target a --run other
wrong "eddy: wave.csv: row 2: 105.91 is none of 2 classes, which count from 0" \
    train --data wave.csv --ignore time --target wave --classes 2 --run other
: >empty.csv
wrong "eddy: empty.csv is empty: there is nothing to learn" \
    train --data empty.csv --target a --run other
printf 'a,a\n1,2\n' >twice.csv
wrong "eddy: twice.csv:1: columns 1 and 2 are both called 'a'" \
    train --data twice.csv --target a --run other
printf 'a,h\xf6he\n1,2\n' >latin.csv
wrong "eddy: latin.csv:1: the name of column 2 is not UTF-8" \
    train --data latin.csv --target a --run other
printf 'a,b\n1,2\0003\n' >zero.csv
wrong "eddy: zero.csv has a 0 byte at 7: it is no CSV" \
    train --data zero.csv --target a --run other
seq -s , 4097 >wide.csv
wrong "eddy: wide.csv:1: more than 4096 columns" train --data wide.csv --target 1 --run other
printf '\xef\xbb\xbfa,b\n1,2\n' >mark.csv
wrong "eddy: mark.csv has 1 rows to train on, and one step of training needs 1024: 16 streams \
(--batch) of 64 (--length)" train --data mark.csv --target a --ahead 0 --run other

why="cannot load broken.npy: the array is not read"
printf '\x93NUMPY\x01\x00\x10\x00{shape}' >broken.npy
wrong "eddy: $why: its header is cut off" train --data broken.npy --target 1 --run other
head -c 200 classes.npy >short.npy
wrong "eddy: cannot load short.npy: the array is f32 [1499], which does not fill its 72 bytes" \
    train --data short.npy --target 1 --run other
cp "$source_folder/tests/readers/npy/fortran" cube.npy
wrong "eddy: cube.npy has 3 dimensions, and a table has rows and at most 4096 columns" \
    train --data cube.npy --target 1 --run other
finish
