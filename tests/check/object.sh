#!/usr/bin/env bash
# Usage: object.sh LIBRARY [COMPILER]. The page on compiling ahead of time does what it says: its
# first block of C is built with the library and run, its second with the object that this leaves
# and nothing else, and prints the block that follows it.
set -euo pipefail
library=${1:?"usage: object.sh LIBRARY [COMPILER]"}
compiler=${2:-cc}
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
page=docs/howto/compile-ahead-of-time.md
headers=$PWD/frontends

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
block() { # n: the nth fenced block
    awk -v wanted="$1" '/^```/ { if (inside) inside = 0
                                 else { n++; inside = 1 }
                                 next }
                        inside && n == wanted' $page
}
block 1 >"$scratch/maker.c"
block 2 >"$scratch/app.c"
block 3 >"$scratch/expected"
for file in maker.c app.c expected; do
    [[ -s $scratch/$file ]] || { echo "$page: there is no $file" && exit 1; }
done

cd "$scratch"
strict=(-std=c11 -O1 -Wall -Wextra -pedantic -Werror)
"$compiler" "${strict[@]}" -I "$headers" maker.c -o maker "$library" \
    -Wl,-rpath,"$(dirname "$library")"
./maker
"$compiler" "${strict[@]}" app.c echo.o -o app
./app >printed
diff expected printed
[[ -z $(readelf -d app | grep NEEDED | grep -v 'libc\.so') ]]
echo "an object: $(wc -l <app.c) lines of C run it, $(stat -c %s echo.o) bytes"
