#!/usr/bin/env bash
# docs/command.md is what the table of options says; with EDDY_UPDATE=1 it is written anew.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"
page=$source_folder/docs/command.md
if [[ ${EDDY_UPDATE:-} == 1 ]]; then
    "$eddy" help --format markdown >"$page"
fi
"$eddy" help --format markdown | diff -u "$page" - || fault "docs/command.md is stale: ./run docs"
finish
