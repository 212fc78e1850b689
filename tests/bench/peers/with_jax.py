"""JAX: jit of lax.scan. How many threads there are is settled when it starts (argument 1)."""

import os
import sys

if __name__ == "__main__":
    os.environ["NPROC"] = sys.argv[1]
    flags = os.environ.get("XLA_FLAGS", "")
    if sys.argv[1] == "1":
        flags += " --xla_cpu_multi_thread_eigen=false"
    os.environ["XLA_FLAGS"] = flags
    os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import numpy
from jax import numpy as jnp

import cells
import peer


class Ops:
    """What cells.py asks for."""

    tanh, exp, sqrt, where = jnp.tanh, jnp.exp, jnp.sqrt, jnp.where
    sigmoid, relu, log_sigmoid = jax.nn.sigmoid, jax.nn.relu, jax.nn.log_sigmoid
    maximum, concatenate, einsum, zeros = jnp.maximum, jnp.concatenate, jnp.einsum, jnp.zeros

    @staticmethod
    def affine(x, y, matrix):
        return x + y @ matrix

    @staticmethod
    def mean(x, dimensions):
        return jnp.mean(x, dimensions, keepdims=True)

    @staticmethod
    def loop(step, state, H, sequence):
        if isinstance(state, int):
            state = (jnp.zeros((sequence.shape[1], H)),) * state
        return jax.lax.scan(step, state, sequence)[1]


def packing(row):
    """{peer's name: ours} of the whole net."""
    if row["cell"] in cells.PACKED:
        return dict(cells.PACKED[row["cell"]])
    packed = {}
    cell = "lstm" if row["cell"] == "lm" else row["cell"]
    for i in range(row["L"]):
        for key, names in cells.packed_layer(cell, f"l{i}").items():
            packed[f"{key}{i}"] = names
    if row["cell"] == "lm":
        packed.update({"table": ["symbol"], "W": ["next.W"], "b": ["next.b"]})
    return packed


def net(row):
    """The function from parameters and x to y."""
    H, training = row["H"], row["mode"] == "training"
    if row["cell"] in cells.PACKED:
        return lambda p, x: cells.CELLS[row["cell"]](Ops, p, x, H, training)
    cell = cells.CELLS["lstm" if row["cell"] == "lm" else row["cell"]]

    def layers(p, x):
        for i in range(row["L"]):
            own = {key: p[f"{key}{i}"] for key in "WUbv" if f"{key}{i}" in p}
            x = cell(Ops, own, x, H, training)
        return x

    return layers


def language(row):
    layers = net(row)

    def loss(p, x, target):
        logits = layers(p, p["table"][x]) @ p["W"].T + p["b"]
        chosen = jnp.take_along_axis(logits, target[..., None], -1)[..., 0]
        return jnp.mean(jax.nn.logsumexp(logits, -1) - chosen)

    return loss


def program(row):
    """A function of (parameters, x, dy or target) that gives y and, in training, gradients."""
    if row["cell"] == "lm":

        def step(p, x, target):
            y, dp = jax.value_and_grad(language(row))(p, x, target)
            return y, dp, None

        return step
    forward = net(row)
    if row["mode"] != "training":
        return lambda p, x, _: (forward(p, x), None, None)

    def step(p, x, dy):
        y, back = jax.vjp(forward, p, x)
        dp, dx = back(dy)
        return y, dp, dx

    return step


class Jax:
    @staticmethod
    def versions():
        return f"JAX {jax.__version__} (jaxlib {jax.lib.__version__})"

    def begin(self, row, given):
        self.row, self.given, self.packed = row, given, packing(row)
        p = {key: jnp.asarray(peer.merge(given, names)) for key, names in self.packed.items()}
        last = given.get("dy", given.get("target", numpy.zeros(())))
        self.arguments = (p, jnp.asarray(given["x"]), jnp.asarray(last))
        self.step = jax.jit(program(row))

    def start(self):
        pass

    def call(self):
        self.result = self.step(*self.arguments)
        jax.block_until_ready(self.result)

    def found(self):
        y, dp, dx = self.result
        found = {"y": numpy.asarray(y)}
        for key, array in (dp or {}).items():
            if key not in cells.FIXED:
                parts = peer.unmerge(numpy.asarray(array), self.given, self.packed[key])
                found.update({f"d {name}": part for name, part in parts.items()})
        if dx is not None:
            found["d x"] = numpy.asarray(dx)
        return found

    def threads(self, count):
        if str(count) != os.environ["NPROC"]:
            raise ValueError("threads of a JAX process are settled when it starts")


if __name__ == "__main__":
    peer.serve(Jax)
