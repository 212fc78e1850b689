"""PyTorch: its own LSTM, GRU and RNN, and users' cells run op by op; or by torch.compile, if
argument 1 is "compiled"."""

import sys

import numpy
import torch
from torch import nn

import cells
import peer


class Ops:
    """What cells.py asks for."""

    tanh, sigmoid, relu, exp = torch.tanh, torch.sigmoid, torch.relu, torch.exp
    sqrt, where, maximum = torch.sqrt, torch.where, torch.maximum
    concatenate, einsum, zeros = torch.concatenate, torch.einsum, torch.zeros
    log_sigmoid = nn.functional.logsigmoid
    affine = torch.addmm

    @staticmethod
    def mean(x, dimensions):
        return torch.mean(x, dimensions, keepdim=True)

    @staticmethod
    def loop(step, state, H, sequence):
        if isinstance(state, int):
            state = (torch.zeros(sequence.shape[1], H),) * state
        outputs = []
        for now in sequence.unbind(0):
            state, output = step(state, now)
            outputs.append(output)
        return torch.stack(outputs)


def tensor(array):
    return torch.from_numpy(numpy.ascontiguousarray(array))


class Layer:
    """One of PyTorch's layers with our weights."""

    KINDS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}

    def __init__(self, cell, given, inputs, units, names, directions):
        self.cell, self.given, self.state = cell, given, None
        self.net = self.KINDS[cell](
            inputs, units, num_layers=len(names), bidirectional=directions == 2
        )
        self.packed = {}
        for i, name in enumerate(names):
            ways = (("", name),)
            if directions == 2:
                ways = (("", f"{name}.forward"), ("_reverse", f"{name}.backward"))
            for suffix, full in ways:
                self.take(f"l{i}{suffix}", cells.packed_layer(cell, full))

    def take(self, suffix, packed):
        for ours, theirs in (("W", "weight_ih"), ("U", "weight_hh"), ("b", "bias_ih")):
            parameter = getattr(self.net, f"{theirs}_{suffix}")
            parameter.data.copy_(tensor(peer.merge(self.given, packed[ours])))
            self.packed[f"{theirs}_{suffix}"] = packed[ours]
        second = getattr(self.net, f"bias_hh_{suffix}")
        second.data.zero_()
        if self.cell == "gru":
            units = second.shape[0] // 3
            second.data[2 * units :] = tensor(self.given[packed["v"][0]])
            self.packed[f"bias_hh_{suffix}"] = packed["v"]

    def __call__(self, x, stream=False):
        y, state = self.net(x, self.state)
        if stream:
            self.state = state
        return y

    def parameters(self):
        return self.net.parameters()

    def gradients(self):
        found = {}
        for theirs, names in self.packed.items():
            array = getattr(self.net, theirs).grad.numpy()
            if self.cell == "gru" and theirs.startswith("bias_hh"):
                array = array[2 * (array.shape[0] // 3) :]
            found.update(peer.unmerge(array, self.given, names))
        return found


class Ragged:
    """A layer over sequences of their own lengths, which computes only those steps."""

    def __init__(self, layer, lengths):
        self.layer, self.lengths = layer, tensor(lengths).long()

    def __call__(self, x, stream=False):
        # ours begin with the longest, as packing them asks for
        packed = nn.utils.rnn.pack_padded_sequence(x, self.lengths)
        y, _ = self.layer.net(packed)
        return nn.utils.rnn.pad_packed_sequence(y, total_length=x.shape[0])[0]

    def parameters(self):
        return self.layer.parameters()

    def gradients(self):
        return self.layer.gradients()


class Dense:
    def __init__(self, given, name):
        self.weight = nn.Parameter(tensor(given[f"{name}.W"]))
        self.bias = nn.Parameter(tensor(given[f"{name}.b"]))
        self.name = name

    def __call__(self, x):
        return nn.functional.linear(x, self.weight, self.bias)

    def parameters(self):
        return self.weight, self.bias

    def gradients(self):
        return {
            f"{self.name}.W": self.weight.grad.numpy(),
            f"{self.name}.b": self.bias.grad.numpy(),
        }


class Own:
    """A cell of cells.py."""

    def __init__(self, row, given):
        self.row, self.given, self.packed = row, given, cells.PACKED[row["cell"]]
        self.p = {
            key: nn.Parameter(tensor(peer.merge(given, names)), key not in cells.FIXED)
            for key, names in self.packed.items()
        }

    def __call__(self, x, stream=False):
        cell = cells.CELLS[self.row["cell"]]
        return cell(Ops, self.p, x, self.row["H"], self.row["mode"] == "training")

    def parameters(self):
        return self.p.values()

    def gradients(self):
        found = {}
        for key, parameter in self.p.items():
            if parameter.requires_grad:
                array = parameter.grad.numpy()
                found.update(peer.unmerge(array, self.given, self.packed[key]))
        return found


class Stack:
    """Whole nets: lists of parts, and what is between them."""

    def __init__(self, row, given):
        cell, H = row["cell"], row["H"]
        names = [f"l{i}" for i in range(row["L"])]
        self.cell, self.parts = cell, []
        if cell in Layer.KINDS:
            self.add(Layer(cell, given, row["I"], H, names, row["D"]))
        elif cell == "ragged":
            layer = Layer("lstm", given, row["I"], H, names, row["D"])
            self.add(Ragged(layer, given["lengths"]))
        elif cell == "amplifier":
            self.add(Layer("lstm", given, row["I"], H, names, 1), Dense(given, "out"))
        elif cell == "voice":
            self.add(
                Layer("gru", given, row["I"], H, ["l0"], 1), Layer("gru", given, H, 16, ["l1"], 1)
            )
        elif cell == "noise":
            self.add(Dense(given, "dense"), Layer("gru", given, 24, 24, ["speech"], 1))
            self.add(Layer("gru", given, 24 + 24 + row["I"], 48, ["noise"], 1))
            self.add(Layer("gru", given, 24 + 48 + row["I"], H, ["clean"], 1))
            self.add(Dense(given, "gains"), Dense(given, "heard"))
        elif cell == "lm":
            self.table = nn.Parameter(tensor(given["symbol"]))
            self.add(Layer("lstm", given, row["I"], H, names, 1), Dense(given, "next"))
        else:
            self.add(Own(row, given))

    def add(self, *parts):
        self.parts.extend(parts)

    def start(self):
        for part in self.parts:
            if isinstance(part, Layer):
                part.state = None

    def __call__(self, x, stream):
        if self.cell == "noise":
            dense, speech, noise, clean, gains, heard = self.parts
            first = torch.tanh(dense(x))
            v = speech(first, stream)
            n = noise(torch.concatenate([first, v, x], -1), stream)
            g = clean(torch.concatenate([v, n, x], -1), stream)
            return torch.sigmoid(torch.concatenate([gains(g), heard(v)], -1))
        if self.cell == "lm":
            x = nn.functional.embedding(x, self.table)
        for part in self.parts:
            x = part(x) if isinstance(part, Dense) else part(x, stream)
        return x

    def gradients(self):
        found = {}
        for part in self.parts:
            found.update(part.gradients())
        if self.cell == "lm":
            found["symbol"] = self.table.grad.numpy()
        return found

    def parameters(self):
        for part in self.parts:
            yield from part.parameters()
        if self.cell == "lm":
            yield self.table


class Torch:
    @staticmethod
    def versions():
        return f"PyTorch {torch.__version__}"

    def begin(self, row, given):
        self.row, self.net = row, Stack(row, given)
        self.forward = self.wrapped(self.net)
        self.training, self.stream = row["mode"] == "training", row["mode"] == "stream"
        self.x = tensor(given["x"])
        if row["cell"] == "lm":
            self.target = tensor(given["target"]).long().flatten()
        elif self.training:
            self.x.requires_grad_(True)
            self.dy = tensor(given["dy"])

    @staticmethod
    def wrapped(net):
        return net

    def start(self):
        self.net.start()

    def call(self):
        if not self.training:
            with torch.inference_mode():
                self.y = self.forward(self.x, self.stream)
            return
        for parameter in (self.x, *self.net.parameters()):
            parameter.grad = None
        self.y = self.forward(self.x, False)
        if self.row["cell"] == "lm":
            logits = self.y.flatten(0, 1)
            self.y = nn.functional.cross_entropy(logits, self.target)
            self.y.backward()
        else:
            self.y.backward(self.dy)

    def found(self):
        found = {"y": self.y.detach().numpy()}
        if self.training:
            found.update({f"d {name}": array for name, array in self.net.gradients().items()})
            if self.x.grad is not None:
                found["d x"] = self.x.grad.numpy()
        return found

    def threads(self, count):
        torch.set_num_threads(count)


class Compiled(Torch):
    @staticmethod
    def versions():
        return f"torch.compile of {Torch.versions()}"

    @staticmethod
    def wrapped(net):
        torch.compiler.reset()
        return torch.compile(net.__call__)


if __name__ == "__main__":
    peer.serve(Compiled if "compiled" in sys.argv else Torch)
