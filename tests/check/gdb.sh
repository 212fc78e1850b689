#!/usr/bin/env bash
# Usage: gdb.sh PROGRAM. A debugger stops in compiled code by the name that the user gave a value.
#
# PROGRAM is test_race_shared_program, which names a value "memory". With EDDY_DEBUG=1 the library
# announces its code to debuggers. Where there is no gdb, or it may not trace, nothing is checked.
set -euo pipefail
program=${1:?"usage: gdb.sh PROGRAM"}

if ! command -v gdb >/dev/null; then
    echo "not run here: there is no gdb"
    exit
fi
said=$(EDDY_DEBUG=1 timeout 120 gdb -nx -batch \
    -ex 'set breakpoint pending on' -ex 'set debuginfod enabled off' \
    -ex 'break eddy_kernel_memory' -ex run -ex backtrace -ex 'info symbol $pc' -ex kill \
    "$program" 2>&1 </dev/null || true)
if grep -qiE 'could not trace|ptrace: operation not permitted' <<<"$said"; then
    echo "not run here: gdb may not trace"
    exit
fi
expect() { # extended regular expression
    if ! grep -qE "$1" <<<"$said"; then
        printf 'expected a line like: %s\ngdb said:\n%s\n' "$1" "$said"
        exit 1
    fi
}
expect '^#0 .*eddy_kernel_memory \(\)'
expect '^#1 .*eddy_row \(\)'
expect '^#2 .*eddy_run \(\)'
expect '^#[0-9]+ .* eddy_run_call '
expect '^eddy_kernel_memory '
grep -E '^#' <<<"$said" | head -n 5
