#!/usr/bin/env bash
# Usage: compile.sh EDDY CC. Cells as objects: what is written, what is refused, and that the
# program at the end of a header runs.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"
compiler=${2:?"usage: compile.sh EDDY CC"}

minimal_gated_unit >mgu.eddy

# weights FILE NAME,ROWS,COLUMNS...: a safetensors file of f32 between -0.5 and 0.5; no column: a
# vector.
weights() {
    local file=$1 name rows columns shape header='' bytes='' count=0 sign one i
    shift
    for tensor in "$@"; do
        IFS=, read -r name rows columns <<<"$tensor"
        shape=$rows${columns:+,$columns}
        header+="${header:+,}\"$name\":{\"dtype\":\"F32\",\"shape\":[$shape],"
        header+="\"data_offsets\":[$((4 * count)),$((4 * (count + rows * ${columns:-1})))]}"
        for ((i = 0; i < rows * ${columns:-1}; i++, count++)); do
            ((count * 5 % 3)) && sign=3e || sign=be
            printf -v one '\\x00\\x00\\x%02x\\x%s' $((count * 89 % 256)) $sign
            bytes+=$one
        done
    done
    header="{$header}"
    printf -v i '%08x' ${#header}
    # shellcheck disable=SC2059
    printf "\\x${i:6:2}\\x${i:4:2}\\x${i:2:2}\\x${i:0:2}\\x00\\x00\\x00\\x00$header$bytes" >"$file"
}
mgu=(Wf,4,3 Wn,4,3 Uf,4,4 Un,4,4 bf,4 bn,4)
weights mgu.safetensors "${mgu[@]}"

# example STEM: builds the program at the end of STEM.h, beside it, and prints what it prints.
example() {
    (
        cd "$(dirname "$1")"
        name=$(basename "$1")
        sed -n '/^\/\* For example/,$ { s/^ \*     //p; s/^ \*$//p }' "$name.h" >example.c
        "$compiler" -std=c11 -Wall -Wextra -Werror example.c "$name.o" -o example && ./example
    )
}

# A cell with its weights, which show its sizes: one stream.
mkdir build
expect 0 out "build/mgu.o, build/mgu.h, build/mgu.json: mgu for x86-64-v3" \
    compile mgu.eddy -o build/mgu --weights mgu.safetensors
[[ $(ls build) == $'mgu.h\nmgu.json\nmgu.o' ]] || fault "other files:" "$(ls build)"
holds build/mgu.h '^    float Wf\[4\]\[3\];$'
holds build/mgu.h '^extern const mgu_parameters mgu_weights;'
holds build/mgu.h '^const char \*mgu_step\(const mgu_parameters \*parameters, const mgu_inputs \*in'
holds build/mgu.h '^#define MGU_CPU "x86-64-v3"$'
holds build/mgu.json '^ "cpu": "x86-64-v3",$'
example build/mgu >one || fault "the example does not run"
[[ $(grep -cE '^h -?0\.[0-9]+$' one) == 4 && $(sort -u one | wc -l) == 4 ]] ||
    fault "the example does not print four steps:" "$(cat one)"

# The weights in a file of their own, which the header tells of.
expect 0 out "build/own.o, build/own.h, build/own.json, build/own.weights: own for x86-64-v3" \
    compile mgu.eddy -o build/own --weights mgu.safetensors --apart
holds build/own.h '^const char \*own_weights_in\(const own_parameters \*\*parameters, const void'
holds build/own.json '^ "weights": false,$'
[[ $(stat -c %s build/own.weights) == $((64 + 4 * (2 * 12 + 2 * 16 + 2 * 4))) ]] ||
    fault "build/own.weights has another size"
cmp <(tail -c +65 build/own.weights) <(tail -c $((4 * 64)) mgu.safetensors) ||
    fault "build/own.weights has other weights"
wrong "eddy: object: there are no weights that could stand apart" \
    compile mgu.eddy -o build/none --set D=3,H=4 --apart

# The cell alone out of a run, with the sizes and the weights that it has there.
hex() { od -An -v -tx1 "$@" | tr -d ' \n'; }
seq 200 | awk '{ print $1 % 7 "," $1 % 5 "," $1 % 3 }' >table.csv
small=(--data table.csv --target 1 --size 4 --batch 2 --length 8 --validation 0 --steps 5 --quiet)
"$eddy" train mgu.eddy "${small[@]}" --run learned >/dev/null
expect 0 out "build/learned.o, build/learned.h, build/learned.json, build/learned.weights: learned \
for x86-64-v3" compile mgu.eddy --apart -o build/learned --weights learned/checkpoint.safetensors
holds build/learned.h '^    float Wf\[4\]\[3\];$'
whole=$(hex learned/checkpoint.safetensors)
at=65
for elements in 12 12 16 16 4 4; do # Wf, Wn, Uf, Un, bf, bn
    part=$(tail -c +$at build/learned.weights | head -c $((4 * elements)) | hex)
    [[ $whole == *"$part"* ]] || fault "the object has other weights than the run, at $at"
    at=$((at + 4 * elements))
done
"$eddy" train mgu.eddy "${small[@]}" --layers 2 --run deep >/dev/null
wrong "eddy: deep/checkpoint.safetensors is of a run with several layers, and a cell is one of \
them: 'eddy compile RUN' makes the whole model" \
    compile mgu.eddy -o build/none --weights deep/checkpoint.safetensors

# The same from a name that ends in .o, under another prefix, with the sizes given.
"$eddy" compile mgu.eddy --set D=3,H=4 --weights mgu.safetensors --prefix other -o build/two.o \
    >said || fault "an .o behind the name"
[[ $(cat said) == "build/two.o, build/two.h, build/two.json: other for x86-64-v3" ]] ||
    fault "it says:" "$(cat said)"
example build/two >two || fault "the example of another prefix does not run"
cmp one two || fault "another prefix computes something else"

# Other processors, the same bits.
"$eddy" compile mgu.eddy --weights mgu.safetensors --cpu native -o build/mgu >/dev/null
example build/mgu >two
cmp one two || fault "this machine's own code computes something else"
expect 0 out "build/mgu.o, build/mgu.h, build/mgu.json: mgu for multi" \
    compile mgu.eddy --weights mgu.safetensors --cpu multi -o build/mgu
holds build/mgu.h '^/\* It asks each time which processor this is: '
example build/mgu >two
cmp one two || fault "code for several processors computes something else"

# Other targets. No header of theirs asks how large addresses are here.
for target in aarch64 armv7 riscv64 cortex-m4f wasm32; do
    expect 0 out "build/far.o, build/far.h, build/far.json: far for $target" \
        compile mgu.eddy --weights mgu.safetensors --target $target -o build/far
    holds build/far.json "^ \"target\": \"$target\",$"
    bits=64
    [[ $target =~ ^(armv7|cortex-m4f|wasm32)$ ]] && bits=32
    holds build/far.h "^typedef char far_inputs_layout\[sizeof\(far_inputs\) == $((bits / 8)) \? "
done

# Training on the device: a step that needs no weights to begin with, and what it refuses.
lesson() { # STEM: as example, of the program about training
    (
        cd "$(dirname "$1")"
        name=$(basename "$1")
        sed -n '/^\/\* To train/,/^ \*\// { s/^ \*     //p; s/^ \*$//p }' "$name.h" >lesson.c
        "$compiler" -std=c11 -Wall -Wextra -Werror lesson.c "$name.o" -o lesson && ./lesson
    )
}
expect 0 out "build/taught.o, build/taught.h, build/taught.json: taught for x86-64-v3" \
    compile mgu.eddy --set D=3,H=4 --train -o build/taught
holds build/taught.h '^extern const taught_parameters taught_weights;'
holds build/taught.h '^    const float \*target; /\* \[t\]\[4\] \*/$'
holds build/taught.h '^const char \*taught_train_step\(int64_t t, taught_parameters \*parameters,$'
holds build/taught.h '^const char \*taught_gradient\(int64_t t, const taught_parameters \*param'
lesson build/taught >one || fault "the example of training does not run"
[[ $(grep -cE '^loss 0\.[0-9]+$' one) == 3 && $(sort -u one | wc -l) == 6 ]] ||
    fault "the example of training says:" "$(cat one)"
"$eddy" compile mgu.eddy --set D=3,H=4 --train --seed 1 --cpu native -o build/taught >/dev/null
lesson build/taught >two || fault "the example of training does not run here"
cmp one two || fault "this machine's own code learns something else"
"$eddy" compile mgu.eddy --set D=3,H=4 --train --seed 2 -o build/taught >/dev/null
lesson build/taught >two || fault "the example of training does not run with another seed"
cmp -s one two && fault "the seed makes no difference"
"$eddy" compile mgu.eddy --set D=3,H=4 --train --loss cross-entropy --optimiser sgd --clip 0 \
    -o build/taught >/dev/null
holds build/taught.h '^    const int32_t \*target; /\* \[t\] \*/$'
lesson build/taught >one || fault "the example of classes does not run"
[[ $(grep -c '^loss 1\.' one) == 3 ]] || fault "the loss of four classes is:" "$(cat one)"
cat >build/caller.c <<'END'
#include "taught.h"
#include <stdalign.h>
#include <stdio.h>
#include <string.h>
static alignas(TAUGHT_ALIGNMENT) char arena[1 << 16];
static float x[4 * 3];
static int32_t target[4];
static taught_parameters parameters, gradients;
static taught_optimiser optimiser;
static taught_train_outputs outputs;
static taught_state state;
static taught_train_inputs inputs = {.x = x, .target = target, .learning_rate = 0.5f};
static void step(void *memory, size_t bytes) {
    const char *wrong = taught_train_step(4, &parameters, &optimiser, &inputs, &outputs, &state,
                                          memory, bytes);
    puts(wrong ? wrong : "done");
}
int main(void) {
    size_t bytes = taught_train_arena_bytes(4), more = taught_gradient_arena_bytes(4);
    if (bytes > sizeof arena || more > sizeof arena)
        return 1;
    parameters = taught_weights;
    step(arena + 4, bytes);
    step(arena, bytes - 1);
    step(NULL, bytes);
    inputs.target = NULL;
    step(arena, bytes);
    inputs.target = target;
    puts(taught_gradient(4, &parameters, &inputs, &outputs, NULL, &state, arena, more));
    puts(taught_gradient(4, &parameters, &inputs, &outputs, &gradients, &state, arena, more - 1));
    puts(taught_train_step(4, &parameters, NULL, &inputs, &outputs, &state, arena, bytes));
    puts(taught_train_step(-1, &parameters, &optimiser, &inputs, &outputs, &state, arena, bytes));
    if (memcmp(&parameters, &taught_weights, sizeof parameters) != 0 || state.t_position != 0)
        return puts("what was refused has changed something"), 1;
    step(arena, bytes);
    return state.t_position != 4 || optimiser.optimiser_step != 1 ||
           memcmp(&parameters, &taught_weights, sizeof parameters) == 0;
}
END
(cd build && "$compiler" -std=c11 -Wall -Wextra -Werror caller.c taught.o -o caller)
build/caller >said || fault "training, after what it refuses:" "$(cat said)"
diff - said <<'END' || fault "training refuses something else"
arena is not aligned to 64 bytes
arena_bytes is less than taught_train_arena_bytes asks for
arena is NULL
inputs->target is NULL
gradients is NULL
arena_bytes is less than taught_gradient_arena_bytes asks for
optimiser is NULL
t is not between 0 and 2147483647
done
END

# The page about all this has a program that learns, too.
page=$source_folder/docs/howto/compile-ahead-of-time.md
sed -n '/^eddy compile --cell lstm.*--train/ s/^eddy //p' "$page" >asked
[[ -s asked ]] || fault "$page has no such command"
read -ra words <asked
"$eddy" "${words[@]}" >/dev/null || fault "the command of $page"
awk '/^```/ { inside = !inside; found = 0; next } inside && /"smooth.h"/ { found = 1 }
     inside && found' "$page" >smooth.c
"$compiler" -std=c11 -O1 -Wall -Wextra -Werror -I. smooth.c smooth.o -o smooth
awk '/^```/ { inside = !inside; next } inside && /^loss/' "$page" >expected
./smooth | diff expected - || fault "the program of $page learns something else"

# Denormals as zeros, which makes no difference where there are none.
"$eddy" compile mgu.eddy --weights mgu.safetensors --prefix mgu -o build/mgu >/dev/null
example build/mgu >one
"$eddy" compile mgu.eddy --weights mgu.safetensors --flush -o build/mgu >/dev/null
holds build/mgu.h '^/\* Calls take denormals for zeros; what the caller.s thread has set stays\.'
holds build/mgu.json '^ "flush": true,$'
example build/mgu >two || fault "the example of denormals as zeros does not run"
cmp one two || fault "denormals as zeros compute something else"

# A batch: extents are arguments, and the state is memory that the object divides.
"$eddy" compile mgu.eddy --weights mgu.safetensors --batch -o build/many >/dev/null
holds build/many.h '^const char \*many_sequence\(int64_t t, int64_t b, '
holds build/many.h '^size_t many_state_bytes\(int64_t b\);$'
[[ $(example build/many | wc -l) == 1 ]] || fault "the example of a batch does not run"

# Without weights the caller brings them; zeros stay zeros.
"$eddy" compile mgu.eddy --set D=3,H=4 -o build/bare >/dev/null
[[ $(example build/bare | sort -u) == "h 0" ]] || fault "without weights:" "$(example build/bare)"

# Cells of the library.
"$eddy" compile --cell lstm --set D=2,H=5 -o build/lstm >/dev/null
[[ $(example build/lstm | sort -u) == $'c 0\nh 0' ]] || fault "the library's LSTM"

# A trained run: numbers in the units of its table, bit for bit those of `eddy run`.
seq 300 | awk 'BEGIN { print "up,down,slow" }
    { print $1 % 7 * 0.5 + 100 "," $1 % 5 * -0.25 "," int($1 / 20) % 4 * 8 }' >table.csv
"$eddy" train --data table.csv --target up,slow --cell gru --size 8 --batch 2 --length 16 \
    --steps 30 --quiet >/dev/null
"$eddy" run run --data table.csv --output said.npy >/dev/null
expect 0 out "build/model.o, build/model.h, build/model.json: model for x86-64-v3" \
    compile run -o build/model
cat >build/caller.c <<'END'
#include "model.h"
#include <stdalign.h>
#include <stdio.h>
int main(void) {
    alignas(MODEL_ALIGNMENT) static char arena[MODEL_STEP_ARENA];
    float x[3], y[2];
    const model_inputs inputs = {.x = x};
    model_outputs outputs = {.y = y};
    static model_state state;
    while (scanf("%f,%f,%f\n", &x[0], &x[1], &x[2]) == 3) {
        const char *wrong =
            model_step(&model_weights, &inputs, &outputs, &state, arena, sizeof arena);
        if (wrong)
            return puts(wrong), 1;
        fwrite(y, sizeof *y, 2, stdout);
    }
    return 0;
}
END
(cd build && "$compiler" -std=c11 -Wall -Wextra -Werror caller.c model.o -o caller)
tail -n +2 table.csv | build/caller >said.object
header=$((10 + $(od -An -tu2 -j8 -N2 said.npy)))
bytes=$(($(stat -c %s said.npy) - header))
((bytes > 2000)) || fault "eddy run says $bytes bytes"
cmp <(tail -c "$bytes" said.npy) <(head -c "$bytes" said.object) ||
    fault "the object of a run says something else than eddy run"
refused "eddy: run is a run, which has its own cell and weights: leave out --loss" \
    compile run --train --loss cross-entropy -o build/model
refused "eddy: run is a run, which has its own cell and weights: leave out --set" \
    compile run --set H=3 -o build/model
# Units of a table are converted in f64, which not every target has.
"$eddy" compile run --target cortex-m4f -o build/far2 2>said && fault "f64 on a Cortex-M4"
holds said '^eddy: object: cortex-m4f has no instructions for f64, and cast is f64; '
[[ ! -e build/far2.o ]] || fault "an object of what was refused"

# The same run learns on: its own optimiser, x and y in the units of the table.
"$eddy" compile run --train -o build/more >/dev/null
holds build/more.h '^    float layer1_Un_adam_m\[8\]\[8\];|^    float layer1_U.*_adam_m\['
holds build/more.h '^    const float \*y; /\* \[t\]\[2\] \*/$'
lesson build/more >said || fault "the example of a run that trains does not run"
[[ $(grep -c '^loss ' said) == 3 ]] || fault "it learns:" "$(cat said)"
"$eddy" compile run --train --optimiser sgd -o build/more >/dev/null
grep -q adam build/more.h && fault "another optimiser than was asked for"

# Sequences, too: here each begins anew.
cp "$source_folder/tests/cli/sequences/sums.npz" .
"$eddy" train --data sums.npz --run sums --size 8 --batch 20 --steps 30 --quiet >/dev/null
"$eddy" run sums --data sums.npz --output said.npy >/dev/null
"$eddy" convert sums.npz sums.safetensors >/dev/null
"$eddy" compile sums -o build/sums >/dev/null
cat >build/caller.c <<'END'
#include "sums.h"
#include <stdalign.h>
#include <stdio.h>
int main(void) {
    alignas(SUMS_ALIGNMENT) static char arena[SUMS_STEP_ARENA];
    float x, y;
    const sums_inputs inputs = {.x = &x};
    sums_outputs outputs = {.y = &y};
    static sums_state state;
    for (int i = 0; i < 120 * 8 && fread(&x, sizeof x, 1, stdin) == 1; i++) {
        if (i % 8 == 0)
            sums_reset(&state);
        if (sums_step(&sums_weights, &inputs, &outputs, &state, arena, sizeof arena))
            return 1;
        fwrite(&y, sizeof y, 1, stdout);
    }
    return 0;
}
END
(cd build && "$compiler" -std=c11 -Wall -Wextra -Werror caller.c sums.o -o caller)
header=$((8 + $(od -An -tu8 -N8 sums.safetensors)))
begin=$(head -c "$header" sums.safetensors |
    sed -E 's/.*"x":\{[^}]*"data_offsets":\[([0-9]+),.*/\1/' | tail -n 1 | tr -cd 0-9)
bytes=$((120 * 8 * 4))
head -c $((header + begin + bytes)) sums.safetensors | tail -c $bytes | build/caller >said.object
[[ $(stat -c %s said.object) == "$bytes" ]] || fault "the object of sequences"
cmp <(tail -c "$bytes" said.npy) said.object ||
    fault "the object of sequences says something else than eddy run"

# A text: characters in, logits and the likeliest next character out. Its beginning is told, it goes
# on by itself, and says what `eddy generate` says.
for i in $(seq 60); do printf 'abcd éfg %s. ' "$((i % 3))"; done >text.txt
"$eddy" train --data text.txt --run text --size 16 --embedding 4 --length 16 --batch 2 --steps 300 \
    --quiet >/dev/null
"$eddy" compile text -o build/text >/dev/null
holds build/text.h '^    const int32_t \*x; '
holds build/text.h '^    int32_t \*likeliest; '
cat >build/caller.c <<'END'
#include "text.h"
#include <stdalign.h>
#include <stdio.h>
int main(void) {
    alignas(TEXT_ALIGNMENT) static char arena[TEXT_STEP_ARENA];
    float logits[64];
    int32_t x = -1, next;
    const text_inputs inputs = {.x = &x};
    text_outputs outputs = {.logits = logits, .likeliest = &next};
    static text_state state;
    for (int i = 0; i < 44; i++) {
        if (text_step(&text_weights, &inputs, &outputs, &state, arena, sizeof arena))
            return 1;
        x = i < 4 ? "a?cd"[i] : next; /* no ? was learned */
        if (x < 128)
            putchar(x);
        else
            printf("%c%c", 0xc0 | x >> 6, 0x80 | (x & 0x3f));
    }
    return putchar('\n') != '\n';
}
END
(cd build && "$compiler" -std=c11 -Wall -Wextra -Werror caller.c text.o -o caller)
"$eddy" generate text --temperature 0 --length 40 --prime 'a?cd' >said.text
build/caller >said.object
cmp said.text said.object || fault "the object of a text:" "$(cat said.text said.object)"
grep -q é said.text || fault "it says:" "$(cat said.text)"

# Characters are what it learns from, too: its loss is what `eddy run` says that they cost.
"$eddy" compile text --train -o build/text >/dev/null
cat >build/caller.c <<'END'
#include "text.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
int main(void) {
    static int32_t characters[1 + 720] = {-1};
    for (int i = 1; i <= 720; i++) {
        characters[i] = getchar();
        if (characters[i] >= 0xc0)
            characters[i] = (characters[i] & 0x1f) << 6 | (getchar() & 0x3f);
    }
    size_t bytes = text_gradient_arena_bytes(720);
    void *arena = aligned_alloc(TEXT_ALIGNMENT, bytes);
    const text_train_inputs inputs = {.x = characters, .y = characters + 1};
    text_train_outputs outputs;
    static text_parameters gradients;
    static text_state state;
    const char *wrong = text_gradient(720, &text_weights, &inputs, &outputs, &gradients, &state,
                                      arena, bytes);
    if (wrong)
        return puts(wrong), 1;
    return printf("text.txt: 720 symbols, %.4f bits each\n", outputs.loss / log(2)) < 0;
}
END
(cd build && "$compiler" -std=c11 -Wall -Wextra -Werror caller.c text.o -lm -o caller)
build/caller <text.txt >said.object ||
    fault "the object of a text that learns:" "$(cat said.object)"
"$eddy" run text --data text.txt | cmp - said.object ||
    fault "the loss of a text is not what eddy run says:" "$(cat said.object)"

# What cannot be done is said, and leaves nothing behind.
rm -r build/*
refused "eddy: nothing to compile: a FILE, a RUN, or --cell NAME of the library
Try 'eddy compile --help'." compile -o build/mgu
refused "eddy: nowhere to write to: --output OUT is missing
Try 'eddy compile --help'." compile mgu.eddy
refused "eddy: the cell mgu has dimensions without a size: D, H; --set gives them, as --set D=8, \
or weights that have them" compile mgu.eddy -o build/mgu
refused "eddy: the cell mgu has dimensions without a size: D; --set gives them, as --set D=8, or \
weights that have them" compile mgu.eddy --set H=4 -o build/mgu
wrong "eddy: object: there is no cpu \"vax\"; there are x86-64-v2 (sse4), x86-64-v3 (avx2), \
x86-64-v4 (avx512), multi and native, and the one cpu of every other target" \
    compile mgu.eddy --set D=3,H=4 --cpu vax -o build/mgu
wrong "eddy: object: there is no target \"vax\"; there are x86-64, aarch64, armv7, riscv64, \
cortex-m4f and wasm32" compile mgu.eddy --set D=3,H=4 --target vax -o build/mgu
wrong "eddy: object: the cpu avx2 is one of x86-64, and the target is wasm32; leave out one of the \
two" compile mgu.eddy --set D=3,H=4 --target wasm32 --cpu avx2 -o build/mgu
wrong "eddy: object: the prefix \"a-b\" is no C identifier: a letter, then letters, digits and \
'_', at most 200" compile mgu.eddy --set D=3,H=4 -o build/a-b
refused "eddy: --loss is about training: --train is missing" \
    compile mgu.eddy --set D=3,H=4 --loss cross-entropy -o build/mgu
wrong "eddy: cannot open none.npz: No such file or directory" \
    compile mgu.eddy --weights none.npz -o build/mgu
weights more.safetensors "${mgu[@]}" V,2,2
wrong "eddy: more.safetensors has V, which is no parameter of the cell mgu" \
    compile mgu.eddy --weights more.safetensors -o build/mgu
weights less.safetensors "${mgu[@]:0:5}"
wrong "eddy: object: the parameter bn, f32 [4], is not in the params; make a run with them, or \
load a file that has it" compile mgu.eddy --weights less.safetensors -o build/mgu
wrong "eddy: object: the parameter Wf is f32 [5, 3] in the program, but f32 [4, 3] in the params" \
    compile mgu.eddy --weights mgu.safetensors --set H=5 -o build/mgu
wrong "eddy: cannot open the folder of nowhere/mgu.o: No such file or directory" \
    compile mgu.eddy --set D=3,H=4 -o nowhere/mgu
[[ -z $(ls build) ]] || fault "what was refused left files:" "$(ls build)"
finish
