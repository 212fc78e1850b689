#!/usr/bin/env bash
# What the command says when it is not understood, and what it prints about itself.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

refused "eddy: there is no command 'doctr'; did you mean 'doctor'?
Try 'eddy --help'." doctr
refused "eddy: there is no command 'quux'
Try 'eddy --help'." quux
refused "eddy: help has no option '--fromat'; did you mean '--format'?
Try 'eddy help --help'." help --fromat=man
refused "eddy: help has no option '-q'
Try 'eddy help --help'." help -q
refused "eddy: '--format' needs a value
Try 'eddy help --help'." help --format
refused "eddy: --format takes one of text|markdown|man|bash|zsh, not 'pdf'
Try 'eddy help --help'." help --format pdf
refused "eddy: '--help' takes no value
Try 'eddy doctor --help'." doctor --help=yes
refused "eddy: doctor does not know what to do with 'me'
Try 'eddy doctor --help'." doctor me
refused "$("$eddy" --help)"
expect 0 out "eddy $(sed -nE 's/^project\(eddy VERSION ([0-9.]+).*/\1/p' \
    "$source_folder/CMakeLists.txt")" --version
expect 0 out "$("$eddy" help doctor)" doctor --help

# Pages of all kinds are whole: every command is in them, and their readers take them.
for format in text markdown man bash zsh; do
    "$eddy" help --format "$format" >"page.$format"
    "$eddy" --help | sed -nE 's/^  ([a-z]+) .*/\1/p' | while read -r name; do
        holds "page.$format" "\\b$name\\b"
    done
done
bash -n page.bash
if command -v zsh >/dev/null; then
    zsh -n page.zsh
else
    echo "zsh is not installed: its completion is not run here"
fi
if command -v groff >/dev/null; then
    [[ -z $(groff -man -Tutf8 -ww page.man 2>&1 >page.read) ]] || fault "groff warns"
    holds page.read 'gradient is held'
else
    echo "groff is not installed: the man page is not set here"
fi

# The completion of bash completes.
completes() { # EXPECTED WORD...
    local expected=$1
    shift
    local got
    got=$(bash --norc -c 'source page.bash
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _eddy; echo "${COMPREPLY[*]}"' bash "$@")
    [[ $got == "$expected" ]] || fault "completion of '$*': '$got', not '$expected'"
}
completes doctor eddy doc
completes "--format" eddy help --f
completes "markdown man" eddy help --format ma

"$eddy" doctor >doctor.out || fault "doctor found a fault:" "$(cat doctor.out)"
holds doctor.out '^compiler +LLVM 19\.'
holds doctor.out '^ok +gradient of an LSTM: [0-9.e-]+ from difference quotients'
[[ $(grep -c '^ok ' doctor.out) == 3 ]] || fault "doctor does not say ok three times"
finish
