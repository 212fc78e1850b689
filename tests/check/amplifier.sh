#!/usr/bin/env bash
# Usage: amplifier.sh EDDY AMPLIFIER CC. The example of sound at small size: what was learned is
# closer to the amplifier than any linear filter, wherever the knob is; what plays it is linked with
# C alone, keeps the format of a file, and refuses what it does not read in words.
set -euo pipefail
usage="usage: amplifier.sh EDDY AMPLIFIER CC"
eddy=${1:?"$usage"} amplifier=${2:?"$usage"} compiler=${3:?"$usage"}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fault() {
    printf '%s\n' "$@"
    exit 1
}

examples=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../docs/examples/amplifier" && pwd)
"$examples/amplifier.sh" "$eddy" "$amplifier" \
    "$compiler" "$scratch/all" --small >"$scratch/said"
cd "$scratch/all"
number='[0-9]+\.[0-9]{4}'
for knob in 0 0.5 1; do
    form="^knob at $knob: error to signal ($number), of the best linear filter ($number), "
    form+="of the input ($number)$"
    read -r learned linear input < <(sed -nE "s/$form/\1 \2 \3/p" ../said) ||
        fault "no line for the knob at $knob:" "$(cat ../said)"
    awk -v learned="$learned" -v linear="$linear" -v input="$input" \
        'BEGIN { exit !(learned > 0 && learned < linear / 4 && linear < input) }' ||
        fault "the knob at $knob: $learned is not a quarter of $linear, or that not below $input"
done
number='[0-9]+(\.[0-9]+)?'
grep -qE "^2\.0 s of sound in $number ms: $number times real time, $number% of one core$" ../said ||
    fault "no real-time factor:" "$(cat ../said)"
form="^1500 blocks of 1333 us: median $number us, 99\.9% $number us, worst $number us$"
grep -qE "$form" ../said || fault "no times of blocks:" "$(cat ../said)"

[[ -z $(readelf -d play | grep NEEDED | grep -vE 'lib[cm]\.so') ]] || fault "play needs a library"

# A tail dies away, below what a float can hold: no denormal is left, and the caller's setting of
# the processor is what it was.
if [[ $(uname -m) == x86_64 ]]; then
    cat >tail.c <<'END'
#include <amp.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <xmmintrin.h>
static int denormals(const float *from, size_t count) {
    int found = 0;
    for (size_t i = 0; i < count; i++)
        found += fpclassify(from[i]) == FP_SUBNORMAL;
    return found;
}
int main(void) {
    void *arena = aligned_alloc(AMP_ALIGNMENT, amp_arena_bytes(64));
    float x[64][2] = {{0}}, y[64], level = 1;
    const amp_inputs in = {.x = x[0]};
    amp_outputs out = {.y = y};
    amp_state state;
    amp_reset(&state);
    int found = 0, given = 0;
    for (int block = 0; block < 2000; block++) {
        for (int i = 0; i < 64; i++, level *= 0.999f) {
            x[i][0] = i % 2 ? level : -level;
            given += fpclassify(level) == FP_SUBNORMAL;
        }
        const unsigned before = _mm_getcsr() & ~0x3fu; /* without the flags of what was computed */
        _mm_setcsr(before);
        if (amp_sequence(64, &amp_weights, &in, &out, &state, arena, amp_arena_bytes(64)) ||
            _mm_getcsr() != before)
            return puts("the caller's setting is another one"), 1;
        found += denormals(state.layer1_h_carry[0], sizeof state.layer1_h_carry / sizeof(float)) +
                 denormals(state.layer1_c_carry[0], sizeof state.layer1_c_carry / sizeof(float)) +
                 denormals(y, 64);
    }
    return printf("%d denormals go in, %d are left\n", given, found), !given || found;
}
END
    "$compiler" -std=c11 -O1 -Wall -Wextra -Werror -I. tail.c amp.o -lm -o tail
    ./tail >why || fault "a tail that dies away:" "$(cat why)"
fi

lines=$(wc -l <"$examples/device/play.c")
((lines <= 40)) || fault "play.c has $lines lines, and README.md says 40"

# Both formats stay what they are.
[[ $(stat -c %s in.wav learned-1.wav) == $'192044\n192044' ]] || fault "16 bits do not stay 16 bits"
./play 0.5 amplifier-1.wav other.wav >/dev/null
[[ $(stat -c %s amplifier-1.wav other.wav) == $'384058\n384058' ]] || fault "floats do not stay"

# refused WORDS OFFSET BYTES: in.wav with other bytes at a place.
refused() {
    cp in.wav bad.wav
    # shellcheck disable=SC2059
    printf "$3" | dd of=bad.wav bs=1 seek="$2" conv=notrunc status=none
    ./play 0 bad.wav never.wav >/dev/null 2>../why && fault "bad.wav is read: $1"
    [[ $(cat ../why) == "play: bad.wav $1" ]] || fault "it should say '$1':" "$(cat ../why)"
}
refused "is no WAV file" 8 'AVI '
refused "has 2 channels, and it must be one" 22 '\2'
refused "has samples of 24 bits in format 1; 16-bit integers (format 1) and 32-bit floats (format \
3) are read" 34 '\30'
refused "has 44100 samples a second, and 48000 are read" 24 '\104\254'
refused "is cut off, or lacks a chunk" 40 '\377\377\377'
refused "has no samples" 40 '\1\0\0\0'
[[ ! -e never.wav ]] || fault "what was refused is written"
cat ../said
