# What the tests of the command share: they run the built binary in a scratch directory and compare
# what it says to the byte. Sourced with the binary as first argument.
set -euo pipefail
eddy=$(realpath "${1:?"usage: TEST EDDY"}")
source_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
export LC_ALL=C.UTF-8
unset EDDY_THREADS NO_COLOR EDDY_DUMP
failures=0

fault() {
    printf '%s\n' "$@"
    failures=$((failures + 1))
}

# A cell that several tests have in a file.
minimal_gated_unit() {
    cat <<'END_OF_CELL'
# A minimal gated unit.
cell mgu(x[D]) -> h {
    state h[H]
    param W{f, n}[H, D], U{f, n}[H, H] = orthogonal, b{f, n}[H]
    f = sigmoid(W@x + U@h + b)
    n = tanh(W@x + U@(f*h) + b)
    h' = (1 - f)*h + f*n
}
END_OF_CELL
}

# expect STATUS STREAM TEXT ARGUMENT...: `eddy ARGUMENT...` ends with the status and says exactly
# the text on the stream (out or err).
expect() {
    local status=$1 stream=$2 text=$3 got=0
    shift 3
    "$eddy" "$@" >said.out 2>said.err </dev/null || got=$?
    if [[ $got != "$status" ]]; then
        fault "eddy $*: status $got, not $status" "$(cat said.err)"
    elif ! diff -u --label expected --label said <(printf '%s\n' "$text") "said.$stream"; then
        fault "eddy $*: said something else"
    fi
}

# refused TEXT ARGUMENT...: the command line is not understood.
refused() {
    local text=$1
    shift
    expect 2 err "$text" "$@"
}

# wrong TEXT ARGUMENT...: the work cannot be done.
wrong() {
    local text=$1
    shift
    expect 1 err "$text" "$@"
}

# holds FILE PATTERN: a line of the file fits the extended regular expression.
holds() {
    grep -qE -- "$2" "$1" || fault "$1 has no line '$2':" "$(head -n 20 "$1")"
}

finish() {
    [[ $failures == 0 ]] || { echo "$failures faults" && exit 1; }
}
