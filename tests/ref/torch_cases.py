#!/usr/bin/env python3
"""Writes tests/ref/cases/NAME.json: models with their inputs, values and gradients, from PyTorch.

Without options it writes all case files. --check computes all again and compares with the files,
with finite differences and with PyTorch's ready-made modules. --only PREFIX ... takes some of the
cases.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

import torch_case
import torch_cells
import torch_networks
import torch_positions
import torch_recurrence
import torch_semantics

FOLDER = Path(__file__).parent / "cases"
NUMERIC, WITNESS, STORED = 1e-7, 1e-10, 1e-12


def distance(a, b):
    """Worst distance of two tables' data, infinite when they are not of one form."""
    if {k: a[k] for k in ("axes", "shape", "dtype")} != {
        k: b[k] for k in ("axes", "shape", "dtype")
    }:
        return float("inf")
    p, q = (np.array(v["data"], float) for v in (a, b))
    if p.shape != q.shape or (np.isnan(p) != np.isnan(q)).any():
        return float("inf")
    return float(np.abs(p - q)[~np.isnan(p)].max(initial=0.0)) if p.size else 0.0


def stored(case):
    """Worst distance between this case and its file."""
    old = json.loads((FOLDER / f"{case.name}.json").read_text())
    new = json.loads(torch_case.lay_out(case.whole()))
    groups = ("inputs", "params", "outputs", "grads")
    same = all(old[k] == new[k] for k in new if k not in groups)
    if not same or any(old[g].keys() != new[g].keys() for g in groups):
        return float("inf")
    return max(distance(old[g][n], new[g][n]) for g in groups for n in new[g])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only", nargs="*", default=[""])
    options = parser.parse_args()
    for module in (torch_recurrence, torch_semantics, torch_positions, torch_cells, torch_networks):
        module.define()
    bad = []
    for case in torch_case.CASES:
        if not case.name.startswith(tuple(options.only)):
            continue
        case.solve()
        if not options.check:
            path = case.write(FOLDER)
            print(
                f"{case.name:32} {path.stat().st_size:7} bytes  loss {case.outputs['loss'][1]:.6f}"
            )
            continue
        numeric, witness = case.check()
        file = stored(case)
        good = numeric <= NUMERIC and witness <= WITNESS and file <= STORED
        bad += [] if good else [case.name]
        difference = f"{numeric:8.1e}" if case.differences else "    none"
        other = f"{witness:8.1e}" if case.witness else "    none"
        print(
            f"{'ok ' if good else 'BAD'} {case.name:32} differences {difference}  witness {other}"
            f"  file {file:8.1e}"
        )
    if bad:
        sys.exit("failed: " + " ".join(bad))


if __name__ == "__main__":
    main()
