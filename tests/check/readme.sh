#!/usr/bin/env bash
# Usage: readme.sh LIBRARY COMPILER COMMAND. The examples of the README and of how-tos do what the
# page says: its first block of C is compiled against the public headers and the shared library, and
# must print the block that follows it, to the byte. The cells of the README pass `eddy check`, and
# what it shows of the command is what the command says, but for blanks at the ends of lines. C that
# begins with the name of a file is that file.
set -euo pipefail
usage="usage: readme.sh LIBRARY COMPILER COMMAND"
library=${1:?"$usage"} compiler=${2:?"$usage"} command=${3:?"$usage"}
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
block() { # page, n: the nth fenced block from the first that is C
    awk -v wanted="$2" '/^```/ { if (inside) inside = 0
                                 else if (n > 0 || $0 == "```c") { n++; inside = 1 }
                                 next }
                        inside && n == wanted' "$1"
}
pages=(README.md docs/howto/{truncate-backpropagation,train-on-long-sequences}.md
    docs/howto/use-weights-of-pytorch.md)
for page in "${pages[@]}"; do
    block "$page" 1 >"$scratch/example.c"
    block "$page" 2 >"$scratch/expected"
    for file in example.c expected; do
        [[ -s $scratch/$file ]] || { echo "$page: there is no $file" && exit 1; }
    done
    "$compiler" -std=c11 -O1 -Wall -Wextra -Werror -I frontends "$scratch/example.c" \
        -o "$scratch/example" "$library" -Wl,-rpath,"$(dirname "$library")"
    "$scratch/example" >"$scratch/printed"
    diff "$scratch/expected" "$scratch/printed"
    echo "$page: $(wc -l <"$scratch/example.c") lines of C print what it shows"
done

root=$PWD
mkdir "$scratch/tutorial" "$scratch/bin"
ln -s "$(realpath "$command")" "$scratch/bin/eddy"
printf '#!/bin/sh\nexec %q -std=c11 -Wall -Wextra -Werror "$@"\n' "$compiler" >"$scratch/bin/cc"
chmod +x "$scratch/bin/cc"
PATH=$scratch/bin:$PATH
cp LICENSE "$scratch/tutorial"
cd "$scratch/tutorial"
awk '/^```eddy$/ { inside = 1; head = ""; file = ""; next }
     /^```/ { inside = 0 }
     inside && file == "" && /^cell / { name = $2; sub(/\(.*/, "", name); file = name ".eddy"
                                        printf "%s", head >file }
     inside && file == "" { head = head $0 "\n" }
     inside && file != "" { print >file }' "$root/README.md"
awk '/^```c$/ { inside = 1; file = ""; next }
     /^```/ { inside = 0 }
     inside && file == "" { file = "/dev/null" }
     inside && /^\/\* [a-z]+\.c: / { file = $2; sub(/:$/, "", file) }
     inside { print >file }' "$root/README.md"
for cell in *.eddy; do
    eddy check "$cell" >../said || { cat ../said && exit 1; }
    echo "README.md: the cell $cell is right"
done

# A line that begins with a dollar is run; the lines behind it are what it says.
awk '/^```console$/ { inside = 1; next } /^```/ { inside = 0 } inside' "$root/README.md" >../shown
[[ -s ../shown ]] || { echo "README.md: there is no console" && exit 1; }
grep '^\$ ' ../shown | while IFS= read -r line; do
    printf '%s\n' "$line"
    bash -c "${line:2}" </dev/null 2>&1 | sed 's/[ \t]*$//'
done >../printed
diff ../shown ../printed
echo "README.md: $(grep -c '^\$ ' ../shown) commands say what it shows"
