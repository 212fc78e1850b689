#!/usr/bin/env bash
# Files hold under 600 lines of at most 100 columns, each C file opens with a comment, and nothing
# is left unfinished. Tables and links in Markdown may be wider, and so may data.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export LC_ALL=C.UTF-8

status=0
fault() {
    printf '%s\n' "$@"
    status=1
}

mapfile -d '' files < <(find CMakeLists.txt run README.md .ci \
    core ops graph jit frontends tests docs -type f -regextype posix-extended \
    -regex '.*(\.(c|h|def|cpp|py|sh|md)|CMakeLists.txt|run)' -print0 | sort -z)

for file in "${files[@]}"; do
    lines=$(wc -l <"$file")
    if ((lines >= 600)); then
        fault "$file: $lines lines, and 599 is the limit"
    fi
    case $file in
    *.md) wide='^[^|].{100}' ;;
    *) wide='^.{101}' ;;
    esac
    if found=$(grep -nE "$wide" "$file" | grep -vE '^[0-9]+:.*(https?://|\]\()' | cut -c 1-60); then
        fault "$file: wider than 100 columns:" "$found"
    fi
    if found=$(grep -nP '[ \t]$|\t' "$file"); then
        fault "$file: a tab, or a blank at the end of a line:" "$found"
    fi
    if [[ $file == *.c && $(head -c 2 "$file") != '/*' && $(head -c 2 "$file") != '//' ]]; then
        fault "$file: does not open with a comment"
    fi
    if [[ $file != tests/check/style.sh ]] &&
        found=$(grep -nE '\b(TODO|FIXME|XXX|HACK)\b|^#[[:blank:]]*if 0' "$file"); then
        fault "$file: unfinished work:" "$found"
    fi
done

for entry in * .*; do
    case $entry in
    . | .. | .git | .ci | .clang-format | .clang-tidy | .editorconfig | .gitignore | .cache) ;;
    build | core | ops | graph | jit | frontends | tests | docs) ;;
    CMakeLists.txt | CMakePresets.json | CMakeUserPresets.json | README.md | LICENSE | run) ;;
    compile_commands.json) ;;
    *) fault "$entry: not one of the entries of the root" ;;
    esac
done
exit $status
