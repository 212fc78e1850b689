"""One case: named inputs, equations in words, numbers from PyTorch, one JSON file.

The equations of a case stand in its file twice over: as text for the person who writes the model in
C, and as the numbers that PyTorch's autograd gives for them.  Two habits keep the oracle honest.
Padding really is NaN (99 for integers) in the tensors that PyTorch computes with, so a formula that
touches a step past a sample's end shows at once; and every sample is walked on its own with plain
loops, so no mask can be wrong here in the way it could be wrong in the library.
"""

import json
import math
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
CASES = []


class Case:
    def __init__(self, name, about, **extents):
        self.name, self.about, self.extents = name, about, extents
        self.tables, self.order, self.lengths, self.params = {}, {}, {}, []
        self.calls = None
        self.random = np.random.default_rng(zlib.crc32(name.encode()))
        CASES.append(self)

    def shape(self, axes, shape):
        return tuple(self.extents[a] for a in axes) + tuple(shape)

    def ends(self, name, values, axes):
        """Lengths, one per sample, of each of `axes`; the input `name` holds them."""
        self.add(name, "b", np.array(values, int))
        self.lengths |= {a: name for a in axes}

    def add(self, name, axes, data):
        self.tables[name], self.order[name] = data, axes

    def input(self, name, axes, *shape, scale=0.5, values=None):
        """A float input; three decimals, so that the files stay small and readable."""
        data = (
            self.random.normal(size=self.shape(axes, shape)) * scale if values is None else values
        )
        data = np.round(np.array(data, float), 3) if values is None else np.array(data, float)
        self.add(name, axes, np.where(self.inside(axes, data.ndim), data, np.nan))

    def integers(self, name, axes, low, high, values=None):
        data = self.random.integers(low, high, self.shape(axes, ())) if values is None else values
        data = np.array(data, int)
        self.add(name, axes, np.where(self.inside(axes, data.ndim), data, 99))

    def param(self, name, *shape, axes="", scale=0.5, values=None):
        self.input(name, axes, *shape, scale=scale, values=values)
        self.params.append(name)

    def params_from(self, shapes):
        for name, shape in shapes.items():
            self.param(name, *shape)

    def end(self, axis, b):
        """Number of valid steps of sample b along the axis."""
        if axis not in self.lengths:
            return self.extents[axis]
        return int(self.tables[self.lengths[axis]][b])

    def inside(self, axes, rank):
        """True where a value over `axes` is not padding, shaped to broadcast to rank `rank`."""
        ok = np.ones(self.shape(axes, ()), bool)
        for place, axis in enumerate(axes):
            if axis in self.lengths and "b" in axes:
                for b in range(self.extents["b"]):
                    cut = [slice(None)] * len(axes)
                    cut[place], cut[axes.index("b")] = slice(self.end(axis, b), None), b
                    ok[tuple(cut)] = False
        return ok.reshape(ok.shape + (1,) * (rank - len(axes)))

    def fill(self, axes, cells, *shape):
        """A table over `axes` from {(index of each axis): tensor}; 0 where there is no cell."""
        zero, full = torch.zeros(shape), self.shape(axes, ())
        return (
            torch.stack([cells.get(i, zero) for i in np.ndindex(*full)] or [zero]).reshape(
                full + tuple(shape)
            )
            if math.prod(full)
            else torch.zeros(full + tuple(shape))
        )

    def leaves(self, tables=None):
        return SimpleNamespace(
            **{
                n: torch.tensor(a, requires_grad=a.dtype == float)
                for n, a in (tables or self.tables).items()
            }
        )

    def finish(self, equations, compute, frozen=(), witness=None, differences=True):
        """compute(values) -> {output: (axes, tensor)}, "loss" among them.  witness(values) -> the
        loss by another route.  differences: whether finite differences must give the gradient."""
        self.equations = [line.strip() for line in equations.strip().splitlines() if line.strip()]
        self.compute, self.witness, self.differences = compute, witness, differences
        self.wrt = [n for n, a in self.tables.items() if a.dtype == float and n not in frozen]

    def gradient(self, loss, leaves):
        wrt = [getattr(leaves, n) for n in self.wrt]
        found = torch.autograd.grad(loss, wrt, allow_unused=True)
        return {
            n: (torch.zeros_like(w) if g is None else g).numpy()
            for n, w, g in zip(self.wrt, wrt, found)
        }

    def solve(self):
        leaves = self.leaves()
        results = self.compute(leaves)
        self.grads = self.gradient(results["loss"][1], leaves)
        self.outputs = {n: (axes, t.detach().numpy()) for n, (axes, t) in results.items()}
        for name, (axes, a) in list(self.outputs.items()) + [
            (n, (self.order[n], g)) for n, g in self.grads.items()
        ]:
            rank = a.ndim if a.dtype == float else len(axes)
            padding = np.broadcast_to(~self.inside(axes, rank), a.shape)
            assert np.isfinite(a).all() and (a[padding] == 0).all(), (self.name, name)

    def loss_of(self, tables):
        return float(self.compute(self.leaves(tables))["loss"][1].detach())

    def check(self):
        """Worst distance to finite differences (relative to 1 + |g|), and to the witness if any.
        A NaN anywhere makes the result NaN, which passes no bound."""
        worst, other = 0.0, 0.0
        for name in self.wrt if self.differences else []:
            g, a = self.grads[name], self.tables[name]
            places = np.argwhere(np.isfinite(a))
            for i in map(tuple, self.random.permutation(places)[:4]):
                sides = []
                for step in (1e-5, -1e-5):
                    moved = a.copy()
                    moved[i] += step
                    sides.append(self.loss_of(self.tables | {name: moved}))
                numeric = (sides[0] - sides[1]) / 2e-5
                worst = np.maximum(worst, abs(numeric - g[i]) / (1 + abs(g[i])))
        if self.witness:
            leaves = self.leaves()
            loss = self.witness(leaves)
            found = self.gradient(loss, leaves) | {"loss": loss.detach().numpy()}
            for name, value in (self.grads | {"loss": self.outputs["loss"][1]}).items():
                gap = np.abs(value - found[name])
                other = np.maximum(other, gap.max() if gap.size else 0.0)
        return worst, other

    def table(self, axes, a):
        kind = "f64" if a.dtype == float else "i32"
        data = [("nan" if v != v else v) for v in a.reshape(-1).tolist()]
        return {
            "axes": list(axes),
            "shape": list(a.shape[len(axes) :]),
            "dtype": kind,
            "data": data,
        }

    def whole(self):
        """The case as it stands in its file."""
        whole = {
            "case": self.name,
            "about": self.about,
            "equations": self.equations,
            "extents": self.extents,
            "lengths": self.lengths,
        }
        if self.calls:
            whole["calls"] = self.calls
        pick = lambda names: {n: self.table(self.order[n], self.tables[n]) for n in names}
        whole["inputs"] = pick(n for n in self.tables if n not in self.params)
        whole["params"] = pick(self.params)
        whole["outputs"] = {n: self.table(*pair) for n, pair in self.outputs.items()}
        whole["grads"] = {n: self.table(self.order[n], g) for n, g in self.grads.items()}
        return whole

    def write(self, folder):
        path = Path(folder) / f"{self.name}.json"
        path.write_text(lay_out(self.whole()))
        return path


def lay_out(whole):
    """JSON with one table, or one equation, on a line: a changed number is one line of a diff."""
    parts = []
    for key, value in whole.items():
        if key == "equations":
            body = "[\n" + ",\n".join("    " + json.dumps(v) for v in value) + "\n  ]"
        elif key in ("inputs", "params", "outputs", "grads") and value:
            lines = [f"    {json.dumps(n)}: {json.dumps(v)}" for n, v in value.items()]
            body = "{\n" + ",\n".join(lines) + "\n  }"
        else:
            body = json.dumps(value)
        parts.append(f"  {json.dumps(key)}: {body}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


# ---------------------------------------------------------------- pieces that several cases share
def lstm_shapes(D, H, s=""):
    return {
        k + g + s: shape for g in "ifgo" for k, shape in (("W", (H, D)), ("U", (H, H)), ("b", (H,)))
    }


def lstm_step(v, x, h, c, s=""):
    p = lambda name: getattr(v, name + s)
    z = {g: p("W" + g) @ x + p("U" + g) @ h + p("b" + g) for g in "ifgo"}
    c = torch.sigmoid(z["f"]) * c + torch.sigmoid(z["i"]) * torch.tanh(z["g"])
    return torch.sigmoid(z["o"]) * torch.tanh(c), c


def lstm_lines(H, x="x", k=1, s="", h_init="0", c_init="0", domain="t,b"):
    gate = lambda g, f: f"{g}{s} = {f}(W{g}{s} @ {x} + U{g}{s} @ h0{s} + b{g}{s})"
    return (
        "\n".join(
            [
                f"h0{s} = delay(h{s}, t, {k}, {h_init}) : [{H}]{{{domain}}}",
                f"c0{s} = delay(c{s}, t, {k}, {c_init}) : [{H}]{{{domain}}}",
                gate("i", "sigmoid"),
                gate("f", "sigmoid"),
                gate("g", "tanh"),
                gate("o", "sigmoid"),
                f"c{s} = f{s} * c0{s} + i{s} * g{s}",
                f"h{s} = o{s} * tanh(c{s})",
            ]
        )
        + "\n"
    )


def lstm_module_weights(v, suffixes):
    """The parameters of torch.nn.LSTM from gate-by-gate ones; suffixes: {ours: theirs}."""
    out = {}
    for ours, theirs in suffixes.items():
        join = lambda k: torch.cat([getattr(v, k + g + ours) for g in "ifgo"])
        out |= {
            "weight_ih" + theirs: join("W"),
            "weight_hh" + theirs: join("U"),
            "bias_ih" + theirs: join("b"),
            "bias_hh" + theirs: torch.zeros_like(join("b")),
        }
    return out


def packed(x, lengths):
    return torch.nn.utils.rnn.pack_padded_sequence(
        torch.nan_to_num(x), lengths, enforce_sorted=False
    )


def unpacked(sequence, steps):
    return torch.nn.utils.rnn.pad_packed_sequence(sequence, total_length=steps)[0]


def sq(y):
    return (y * y).sum()
