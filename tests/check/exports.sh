#!/usr/bin/env bash
# Usage: exports.sh LIBRARY [--update]. The shared library exports exactly the names of exports.txt,
# and all of them begin with eddy_. With --update the list is written anew, for review in the diff.
# Its soname carries the major version, so that programs linked with one find no other.
set -euo pipefail
library=${1:?"usage: exports.sh LIBRARY [--update]"}
list=$(dirname "${BASH_SOURCE[0]}")/exports.txt
export LC_ALL=C

major=$(sed -nE 's/^project\(eddy VERSION ([0-9]+)\..*/\1/p' \
    "$(dirname "${BASH_SOURCE[0]}")/../../CMakeLists.txt")
soname=$(readelf -d "$library" | sed -nE 's/.*\(SONAME\).*\[(.*)\]/\1/p')
if [[ -z $major || $soname != "libeddy.so.$major" ]]; then
    printf '%s has the soname "%s", not "libeddy.so.%s"\n' "$library" "$soname" "$major"
    exit 1
fi

names=$(nm -D --defined-only "$library" | awk '{ print $NF }' | sort)
if foreign=$(grep -v '^eddy_' <<<"$names"); then
    printf '%s exports names outside eddy_:\n%s\n' "$library" "$foreign"
    exit 1
fi
if [[ ${2:-} == --update ]]; then
    printf '%s\n' "$names" >"$list"
    exit
fi
if ! diff -u --label exports.txt --label "$library" "$list" - <<<"$names"; then
    printf 'If the change is meant: tests/check/exports.sh %s --update\n' "$library"
    exit 1
fi
