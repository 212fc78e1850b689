#!/usr/bin/env bash
# Usage: format.sh [--fix]. Every C file is as clang-format 19 and .clang-format would write it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

mode=(--dry-run -Werror)
if [[ ${1:-} == --fix ]]; then
    mode=(-i)
fi
find core ops graph jit frontends tests docs -name '*.[ch]' -print0 |
    xargs -0 --no-run-if-empty clang-format-19 "${mode[@]}"
