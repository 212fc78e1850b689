#!/usr/bin/env bash
# Usage: tidy.sh BUILD [JOBS]. clang-tidy 19 with .clang-tidy on the sources of the library, as the
# clang build in BUILD compiles them.
set -euo pipefail
build=${1:?"usage: tidy.sh BUILD [JOBS]"}
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
find core ops graph jit frontends -name '*.c' -print0 |
    xargs -0 --no-run-if-empty -n 4 -P "${2:-2}" clang-tidy-19 --quiet -p "$build" \
    2> >(grep -v 'warnings generated' >&2)
