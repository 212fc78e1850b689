"""The library's cells (frontends/cells) from their papers' equations: values and gradients.

    python3 torch_library.py            # write cells/ and forms/; the seed is the cell's name
    python3 torch_library.py --check    # recompute, and compare with the files

forms/ has cells with a text of their own, for what the language has and the library does not use.

Written apart from the cells, in PyTorch in f64: every sample is walked on its own, step by step, to
its own length, and autograd differentiates.  The loss is the sum of all results times fixed random
weights.  A cell is one function from (parameters, inputs of the step, old states, step, past) to a
dictionary of new states and results; or, of a cell that is told as a whole, from (parameters,
inputs of all steps) to results of all steps.
"""

import json
import sys
import zlib
from pathlib import Path

import numpy as np
import torch

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
CELLS = {}
STEPS, LENGTHS, PLACES = 5, (5, 3), 4


class Dots(dict):
    __getattr__ = dict.__getitem__


def cell(sizes, inputs, params, states, results, numbers=None, over=(), fixed=(), begin=None,
         positive=(), train=0, text=None, whole=False, ints=None, pairs=()):
    """inputs, params: {name: shape}; states: {name: shape}, zero at first or as in begin, which has
    numbers and functions of the parameters; a shape may hold names of sizes; over: inputs over the
    places of a memory; ints: {name: n} of inputs that are 0 .. n - 1; pairs: complex states."""

    def add(step):
        name = step.__name__
        CELLS[name] = Dots(
            name=name, sizes=sizes, inputs=inputs, params=params, states=states, results=results,
            numbers=numbers or {}, over=over, fixed=fixed, begin=begin or {}, positive=positive,
            train=train, step=step, text=text, whole=whole, ints=ints or {}, pairs=pairs)
        return step

    return add


def shape_of(c, shape):
    return tuple(eval(str(d), {}, dict(c.sizes)) for d in shape)


def draw(random, shape):
    return np.round(random.normal(size=shape) * 0.6, 3)


def compute(c):
    random = np.random.default_rng(zlib.crc32(c.name.encode()))
    B = len(LENGTHS)
    inputs, params = {}, {}
    for name, shape in c.inputs.items():
        lead = (PLACES if name in c.over else STEPS, B)
        if name in c.ints:
            inputs[name] = torch.tensor(random.integers(c.ints[name], size=lead))
            continue
        data = draw(random, lead + shape_of(c, shape))
        if name in c.positive:
            data = np.abs(data)
        inputs[name] = torch.tensor(data, requires_grad=True)
    for name, shape in c.params.items():
        data = draw(random, shape_of(c, shape))
        if name in c.positive:
            data = np.abs(data) + 0.5
        params[name] = torch.tensor(data, requires_grad=name not in c.fixed)
    numbers = Dots({**c.sizes, **c.numbers})
    outputs, weights, loss = {}, {}, torch.zeros(())
    for b, end in enumerate(LENGTHS):
        old = {}
        for name, shape in c.states.items():
            kind = torch.complex128 if name in c.pairs else torch.float64
            first = c.begin.get(name, 0.0)
            old[name] = (first(Dots(params)) if callable(first)
                         else torch.full(shape_of(c, shape), first, dtype=kind))
        history = []
        if c.whole:
            x = {k: v[:, b] if k in c.over else v[:end, b] for k, v in inputs.items()}
            found = c.step(Dots({**params, **numbers}), Dots(x))
            history = [{r: found[r][t] for r in c.results} for t in range(end)]
        for t in range(len(history), end):
            x = Dots({k: v[:, b] if k in c.over else v[t, b] for k, v in inputs.items()})

            def past(name, k):
                at = t - k
                if name in inputs:
                    return inputs[name][at, b] if at >= 0 else torch.zeros_like(x[name])
                return history[at][name] if at >= 0 else torch.zeros_like(old[name])

            new = c.step(Dots({**params, **numbers}), x, Dots(old), t, past)
            old = {k: new[k] for k in c.states}
            history.append(new)
        for t, new in enumerate(history):
            for r in c.results:
                value = new[r]
                if r not in outputs:
                    outputs[r] = torch.zeros((STEPS, B) + tuple(value.shape))
                    weights[r] = draw(random, (STEPS, B) + tuple(value.shape))
                outputs[r][t, b] = value.detach()
                loss = loss + (value * torch.tensor(weights[r][t, b])).sum()
    loss.backward()
    leaves = {k: v for k, v in (inputs | params).items() if k not in (*c.fixed, *c.ints)}
    grads = {k: torch.zeros_like(v) if v.grad is None else v.grad for k, v in leaves.items()}
    flat = lambda table: {k: table_of(v) for k, v in table.items()}
    form = {"text": c.text, "ints": list(c.ints), "ahead": c.whole} if c.text else {}
    return form | {
        "cell": c.name, "sizes": c.sizes, "numbers": c.numbers, "train": c.train,
        "extents": {"t": STEPS, "b": B, "s": PLACES}, "lengths": list(LENGTHS),
        "over": list(c.over), "inputs": flat(inputs), "params": flat(params),
        "weights": flat(weights), "outputs": flat(outputs), "loss": loss.item(),
        "grads": flat(grads),
    }


def table_of(v):
    data = v.detach().numpy() if isinstance(v, torch.Tensor) else v
    return {"shape": list(data.shape), "data": [float(f"{x:.17g}") for x in data.ravel()]}


def near(a, b):
    if isinstance(a, dict):
        return set(a) == set(b) and all(near(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(near(x, y) for x, y in zip(a, b))
    if isinstance(a, float) or isinstance(b, float):
        return abs(a - b) <= 1e-12 * max(1, abs(b))
    return a == b


def main():
    import torch_library_forms  # noqa: F401: they fill CELLS
    import torch_library_gated  # noqa: F401
    import torch_library_linear  # noqa: F401
    import torch_library_plain  # noqa: F401

    for name, c in CELLS.items():
        folder = Path(__file__).parent / ("forms" if c.text else "cells")
        folder.mkdir(exist_ok=True)
        found, path = compute(c), folder / f"{name}.json"
        if "--check" in sys.argv:
            assert near(found, json.loads(path.read_text())), name
        else:
            path.write_text(json.dumps(found) + "\n")
    print(len(CELLS), "cells")


if __name__ == "__main__":
    sys.modules["torch_library"] = sys.modules["__main__"]
    main()
