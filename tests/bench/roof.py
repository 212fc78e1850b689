"""The least time that a row can take on the machine as it was measured.

The roof is the sum over stages of max(compute, stream, chain), plus activations over their rate:
compute is multiply-adds over the rate of registers alone; stream, what must be read over the
bandwidth of the cache level that holds it; chain, what waits for the step before. The stages of a
layer are its product with the whole input, its loop over time, and in training the loop backwards,
the gradients of its weights and that of its input. An activation's derivative comes from its value
and costs none. A state that is a matrix is read and written in every step, in the cache that holds
one head's: how many samples there are does not matter, since they can go one by one. The last tiles
of one step may still be there in the next, which the stream term does not know: shares a little
over 100 % are possible.
"""

import dataclasses

FLOAT = 4
LEVELS = ("L1", "L2", "L3", "DRAM")


@dataclasses.dataclass(frozen=True)
class Cell:
    """Per unit: products with rows of x and of h; activations; those of them and the multiply-adds
    that one step's h waits for after the product; elements of a matrix state."""

    inputs: float
    states: float
    tanh: int
    sigmoid: int  # and exp, log1p: about as dear
    chain_tanh: int
    chain_sigmoid: int
    chain_adds: int
    matrix: int = 0


CELLS = {
    "lstm": Cell(4, 4, 2, 3, 1, 1, 3),
    "gru": Cell(3, 3, 1, 2, 1, 1, 3),
    "rnn": Cell(1, 1, 1, 0, 1, 0, 0),
    "ligru": Cell(2, 2, 0, 1, 0, 1, 2),
    "norm-lstm": Cell(4, 4, 2, 3, 1, 1, 9),
    "peephole": Cell(4, 4, 2, 3, 0, 2, 5),
    "gru-gates": Cell(3, 3, 1, 2, 1, 1, 3),
    "cornn": Cell(1, 2, 1, 0, 1, 0, 3),
    "slstm": Cell(4, 1, 1, 5, 0, 4, 5),
    "mingru": Cell(2, 0, 0, 2, 0, 0, 1),
    "attention": Cell(3, 0, 0, 2, 0, 0, 1, matrix=64),
    "joined": Cell(4, 4, 2, 3, 1, 1, 3),
}


def layers(row):
    """[(cell, inputs, units, directions)] and [(inputs, outputs)] of the products beside them."""
    H = row.H
    if row.cell == "noise":
        gru = [("gru", 24, 24, 1), ("gru", 48 + row.I, 48, 1), ("gru", 72 + row.I, H, 1)]
        return gru, [(row.I, 24), (24, 1), (H, 22)]
    if row.cell == "voice":
        return [("gru", row.I, H, 1), ("gru", H, 16, 1)], []
    cell = "lstm" if row.cell in ("lm", "amplifier", "ragged") else row.cell
    stack = [(cell, row.I if i == 0 else H * row.D, H, row.D) for i in range(row.L)]
    dense = {"lm": [(H, 10000)], "amplifier": [(H, 1)]}
    return stack, dense.get(row.cell, [])


def samples(row):
    """Of a step, on average: where lengths fall evenly from T to T / B, about half of B."""
    return (row.B + 1) / 2 if row.cell == "ragged" else row.B


class Machine:
    """What was measured. rate: multiply-adds around the row, on one and two threads."""

    def __init__(self, roofs, caches, rate, threads):
        self.roofs, self.caches, self.n = roofs, caches, threads
        self.rate = rate[threads - 1]

    def compute(self, multiplications):
        return 2 * multiplications / self.rate

    def level(self, floats):
        """The first level that holds it: a thread's part in four fifths of a cache of its own, or
        all in the one that threads share."""
        for level in LEVELS[:2]:
            if floats * FLOAT / self.n <= self.caches[level] * 0.8:
                return level
        return "L3" if floats * FLOAT <= self.caches["L3"] else "DRAM"

    def stream(self, floats, resident):
        return floats * FLOAT / self.roofs["read"][self.level(resident)][self.n - 1]

    def activate(self, name, count):
        return count / self.roofs["activations"][name]["rate"][self.n - 1]

    def wait(self, name):
        return self.roofs["activations"][name]["chain"]


class Sum:
    """Seconds by what bounds them."""

    def __init__(self):
        self.terms = {"compute": 0.0, "stream": 0.0, "chain": 0.0, "activations": 0.0}

    def stage(self, **terms):
        name = max(terms, key=terms.get)
        self.terms[name] += terms[name]

    def total(self):
        return sum(self.terms.values())

    def bound(self):
        return max(self.terms, key=self.terms.get)


def seconds(row, machine):
    """A Sum."""
    result, (stack, dense) = Sum(), layers(row)
    steps, frames, training = row.T, row.T * samples(row), row.mode == "training"
    weights = sum(
        D * H * (CELLS[cell].inputs * inputs + CELLS[cell].states * H)
        for cell, inputs, H, D in stack
    ) + sum(inputs * outputs for inputs, outputs in dense)

    def product(floats):
        # A call of one step reads all weights, so they must be somewhere together.
        resident = weights if steps == 1 else floats
        compute = machine.compute(frames * floats)
        for _ in range(3 if training else 1):
            result.stage(compute=compute, stream=machine.stream(floats, resident))

    for name, inputs, H, D in stack:
        cell = CELLS[name]
        R, state = cell.states * H * H, cell.matrix * H * samples(row)
        # Heads need nothing of one another, so each may take all steps while its matrix is near.
        near = state if steps == 1 else machine.n * cell.matrix * min(H, cell.matrix)
        # A meeting per step is what a split of the units costs; samples need none.
        latency = machine.roofs["latency"]
        chain = (
            cell.chain_tanh * machine.wait("tanh")
            + cell.chain_sigmoid * machine.wait("sigmoid")
            + cell.chain_adds * latency
            + latency * (cell.states > 0) * H / 8
        )
        compute = machine.compute(steps * (samples(row) * R + 2 * state))
        stream = machine.stream(steps * R, weights if steps == 1 else R)
        stream += machine.stream(steps * 2 * state, near)
        for _ in range(D):
            product(cell.inputs * inputs * H)
            result.stage(compute=compute, stream=stream, chain=steps * chain)
            if training:
                result.stage(compute=compute, stream=stream, chain=steps * 4 * latency)
                result.stage(compute=compute)
            for function in ("tanh", "sigmoid"):
                count = frames * H * getattr(cell, function)
                result.terms["activations"] += machine.activate(function, count)
    for inputs, outputs in dense:
        product(inputs * outputs)
    return result
