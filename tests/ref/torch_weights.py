"""Weights of PyTorch's modules, and what the modules make of them.

    pip install torch==2.13.0 numpy
    python3 torch_weights.py        # writes torch/ beside itself

For each of nn.LSTM, nn.GRU and nn.RNN, of two layers, both ways, with lengths: <name>_f32.npz and
<name>_f64.npz hold the state_dict of a module and of a linear layer behind it (the numbers are
those of f32 in both); <name>_numbers.npz holds an input, the outputs, and the gradients of a
loss with respect to the input and to all weights, in f64. The gradients are cut into gates here,
apart from the library's map, and named as its params: the gradient of b is that of either bias.
small.npz is a model without numbers.
"""

from pathlib import Path

import numpy as np
import torch

torch.set_num_threads(1)
torch.manual_seed(1)
HERE = Path(__file__).parent / "torch"
D, H, K, STEPS, LENGTHS = 3, 4, 2, 6, (6, 3, 1)
GATES = {"lstm": "ifgo", "gru": "rzn", "rnn": [""]}
MODULES = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}


def forward(module, head, x):
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, LENGTHS)
    return head(torch.nn.utils.rnn.pad_packed_sequence(module(packed)[0])[0])


def gates_of(kind, grads, prefix, name):
    out = {}
    for i, gate in enumerate(GATES[kind]):
        rows = slice(i * H, (i + 1) * H)
        out[f"{name}.W{gate}"] = grads[prefix.replace("*", "weight_ih")][rows]
        out[f"{name}.U{gate}"] = grads[prefix.replace("*", "weight_hh")][rows]
        out[f"{name}.b{gate}"] = grads[prefix.replace("*", "bias_ih")][rows]
        if (kind, gate) == ("gru", "n"):
            out[f"{name}.vn"] = grads[prefix.replace("*", "bias_hh")][rows]
    return out


def export(kind):
    module = MODULES[kind](D, H, num_layers=2, bidirectional=True)
    head = torch.nn.Linear(2 * H, K)
    both = torch.nn.ModuleDict({"body": module, "head": head})
    small = {name: value.detach().numpy().copy() for name, value in both.state_dict().items()}
    np.savez(HERE / f"{kind}_f32.npz", **small)
    np.savez(HERE / f"{kind}_f64.npz", **{n: v.astype("f8") for n, v in small.items()})
    both.double()
    x = torch.randn(STEPS, len(LENGTHS), D).float().double().requires_grad_()
    weight = torch.randn(STEPS, len(LENGTHS), K).float().double()
    y = forward(module, head, x)
    inside = torch.arange(STEPS)[:, None] < torch.tensor(LENGTHS)
    y = torch.where(inside[..., None], y, 0)
    (y * weight).sum().backward()
    grads = {name: value.grad.numpy() for name, value in both.named_parameters()}
    numbers = {"x": x.detach().numpy(), "weight": weight.numpy(), "y": y.detach().numpy()}
    found = {"x": x.grad.numpy(), "head.W": grads["head.weight"], "head.b": grads["head.bias"]}
    for layer in range(2):
        for way, suffix in (("forward", ""), ("backward", "_reverse")):
            name = f"layer{layer + 1}.{way}"
            found |= gates_of(kind, grads, f"body.*_l{layer}{suffix}", name)
    np.savez(HERE / f"{kind}_numbers.npz", **numbers, **{f"d {n}": v for n, v in found.items()})


def export_small():
    """A model as `eddy train` makes one of two columns and one target."""
    both = torch.nn.ModuleDict({"body": torch.nn.GRU(2, H), "head": torch.nn.Linear(H, 1)})
    np.savez(HERE / "small.npz", **{n: v.numpy() for n, v in both.state_dict().items()})


HERE.mkdir(exist_ok=True)
for kind in MODULES:
    export(kind)
export_small()
