#!/usr/bin/env bash
# Usage: bench.sh BUILD. The benchmark runs, without peers and on short rows, and what it writes has
# what it should have. Times are not looked at.
set -euo pipefail
build=$(realpath "${1:?"usage: bench.sh BUILD"}")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if ! command -v python3 >/dev/null; then
    echo "the benchmark: not run here: there is no python3"
    exit
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -B tests/bench/benchmark.py --build "$build" --folder "$scratch" \
    --rows 'A1.1,A8.15,O*,R.*.f,U.*.1x64.?' --peers '' --threads 1 --quick \
    --json "$scratch/rows.json" --docs "$scratch/page.md" >"$scratch/printed" 2>&1 ||
    { cat "$scratch/printed" && exit 1; }
python3 - "$scratch/rows.json" <<'PYTHON'
import json, sys

rows = json.load(open(sys.argv[1], encoding="utf-8"))
asked = "id cell L D I H B T mode threads ours_s peers roof_s share_of_roof max_err cpu compile_ms"
for row in rows:
    lacks = [key for key in [*asked.split(), "arena_bytes"] if key not in row]
    assert not lacks, f"{row['id']} lacks {lacks}"
    assert row["ours_s"] > 0 and row["roof_s"] > 0, row["id"]
    if row["id"].startswith("O"):  # an object has been compared with a run, peers or not
        assert row["max_err"] < 1e-5 and row["command_ms"] > 0, row["id"]
assert len(rows) >= 22, f"{len(rows)} rows"
print(f"the benchmark: {len(rows)} rows of all cells, without peers")
PYTHON
grep -q '^| A1.1 ' "$scratch/page.md"
