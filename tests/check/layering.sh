#!/usr/bin/env bash
# Usage: layering.sh BUILD. Dependencies run one way: core <- ops <- graph <- jit <- frontends.
#
# Two witnesses: no source names a header above its folder (nor LLVM outside jit, nor the library
# inside tests/ref), and with the include directories of the build such an include does not compile.
set -euo pipefail
build=$(cd "${1:?"usage: layering.sh BUILD"}" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

status=0
fault() {
    printf '%s\n' "$@"
    status=1
}

# refuse <what is wrong> <extended regular expression of include lines that are right> <folder>...
refuse() {
    local what=$1 right=$2 found
    shift 2
    if found=$(grep -rnE --include='*.[ch]' --include='*.def' '^[[:blank:]]*#[[:blank:]]*include' \
        "$@" | grep -vE ":[[:blank:]]*#[[:blank:]]*include[[:blank:]]+($right)"); then
        fault "$what:" "$found"
    fi
}

folders=(core ops graph jit frontends)
system='<[^>]*>'
outside='<([a-z0-9_]+/)?[a-z0-9_]+\.h>' # but not llvm-c/, whose name has a dash
installed='"eddy(_language|_nn)?\.h"'
below=
for folder in "${folders[@]}"; do
    below+=${below:+|}$folder
    allowed=$outside
    if [[ $folder == frontends ]]; then
        allowed+="|$installed" # these find each other wherever they are
    fi
    if [[ $folder == jit ]]; then
        allowed=$system
    fi
    refuse "$folder may include from $below alone, written from the root" \
        "$allowed|\"($below)/" "$folder"
done
refuse "the installed headers need nothing but C" "<(stddef|stdint|stdbool)\.h>|$installed" \
    frontends/eddy*.h
if [[ -d tests/ref ]]; then
    refuse "tests/ref shares no code with the library" "$outside|\"tests/ref/" tests/ref
fi
if [[ -d docs/examples ]]; then
    examples=$(cd docs/examples && printf '%s|' *)
    refuse "examples use the library as everybody does" \
        "$outside|[<\"]eddy\.h[>\"]|\"(${examples%|})/" docs/examples
fi

compiles() { # folder header: can a file of the folder include the header?
    printf '#include <%s>\n' "$2" |
        gcc -std=c11 -I "$build/include/$1" -fsyntax-only -xc - 2>/dev/null
}
for ((lower = 0; lower < ${#folders[@]}; lower++)); do
    for ((upper = lower + 1; upper < ${#folders[@]}; upper++)); do
        for header in "${folders[upper]}"/*.h; do
            if [[ -e $header ]] && compiles "${folders[lower]}" "$header"; then
                fault "a file of ${folders[lower]} can include $header"
            fi
        done
    done
    if [[ ${folders[lower]} != jit ]] && compiles "${folders[lower]}" llvm-c/Core.h; then
        fault "a file of ${folders[lower]} can include llvm-c/Core.h"
    fi
done
compiles core core/arena.h || fault "the include directory of core in $build shows nothing"
exit $status
