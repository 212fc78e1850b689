"""The cells of cells.c and the library's own, as an expert writes them for PyTorch and JAX.

The products with x are taken over the whole sequence before the loop, and the matrices of all gates
are one. What differs between the two systems is in `ops`: their functions by common names, and
`loop`, which is a Python loop in one and lax.scan in the other.

A cell is a function of (ops, p, x, H, training); x is [T, B, I], the result [T, B, H]. PACKED says
which of our parameters make one of the peer's, laid one after the other along dimension 0.
"""

HEADS, HEAD_UNITS = 4, 64


def gates(kind, letters):
    return [f"{letter}.{kind}" for letter in letters]


PACKED = {
    "ligru": {
        "W": ["Wz", "Wn"],
        "U": ["Uz", "Un"],
        "gain": ["nz.gain", "nn.gain"],
        "bias": ["nz.bias", "nn.bias"],
        "mean": ["nz.mean", "nn.mean"],
        "variance": ["nz.variance", "nn.variance"],
    },
    "norm-lstm": {
        "W": ["W"],
        "U": ["U"],
        "x_gain": ["nx.gain"],
        "x_bias": ["nx.bias"],
        "h_gain": ["nh.gain"],
        "h_bias": ["nh.bias"],
        "c_gain": ["nc.gain"],
        "c_bias": ["nc.bias"],
    },
    "peephole": {
        "W": gates("W", "ifgo"),
        "U": gates("U", "ifgo"),
        "b": gates("b", "ifgo"),
        "pi": ["pi"],
        "pf": ["pf"],
        "po": ["po"],
    },
    "gru-gates": {
        "W": gates("W", "rzn"),
        "U": gates("U", "rzn"),
        "b": gates("b", "rzn"),
        "v": ["n.v"],
    },
    "cornn": {"W": ["W"], "V": ["V"], "U": ["U.W"], "b": ["U.b"]},
    "slstm": {
        "W": gates("W", "ifzo"),
        "U": gates("U", "ifzo"),
        "b": gates("b", "ifzo"),
    },
    "mingru": {"W": ["z.W", "n.W"], "b": ["z.b", "n.b"]},
    "attention": {"W": ["q", "k", "v"]},
    "joined": {"W": gates("W", "ifgo"), "b": gates("b", "ifgo")},
}

FIXED = ("mean", "variance")  # not trained


def packed_layer(cell, name):
    """Packing of a layer of the library's own cells."""
    letters = {"lstm": "ifgo", "gru": "rzn", "rnn": [""]}[cell]
    parts = {kind: [f"{name}.{kind}{letter}" for letter in letters] for kind in "WUb"}
    if cell == "gru":
        parts["v"] = [f"{name}.vn"]
    return parts


def split(x, count):
    size = x.shape[-1] // count
    return [x[..., i * size : (i + 1) * size] for i in range(count)]


def normal(ops, x, gain, bias):
    centred = x - ops.mean(x, -1)
    return centred / ops.sqrt(ops.mean(centred * centred, -1) + 1e-5) * gain + bias


def lstm(ops, p, x, H, training):
    U = p["U"].T

    def step(state, pre):
        h, c = state
        i, f, g, o = split(ops.affine(pre, h, U), 4)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(c)
        return (h, c), h

    return ops.loop(step, 2, H, x @ p["W"].T + p["b"])


def gru(ops, p, x, H, training):
    U = p["U"].T

    def step(state, pre):
        (h,) = state
        r, z, n = split(pre, 3)
        hr, hz, hn = split(h @ U, 3)
        z = ops.sigmoid(z + hz)
        n = ops.tanh(n + ops.sigmoid(r + hr) * (hn + p["v"]))
        h = n + z * (h - n)
        return (h,), h

    return ops.loop(step, 1, H, x @ p["W"].T + p["b"])


def rnn(ops, p, x, H, training):
    U = p["U"].T

    def step(state, pre):
        h = ops.tanh(ops.affine(pre, state[0], U))
        return (h,), h

    return ops.loop(step, 1, H, x @ p["W"].T + p["b"])


def ligru(ops, p, x, H, training):
    U, pre = p["U"].T, x @ p["W"].T
    mean, variance = (ops.mean(pre, (0, 1)), None) if training else (p["mean"], p["variance"])
    centred = pre - mean
    if training:
        variance = ops.mean(centred * centred, (0, 1))
    pre = centred / ops.sqrt(variance + 1e-5) * p["gain"] + p["bias"]

    def step(state, pre):
        (h,) = state
        z, n = split(ops.affine(pre, h, U), 2)
        z, n = ops.sigmoid(z), ops.relu(n)
        h = n + z * (h - n)
        return (h,), h

    return ops.loop(step, 1, H, pre)


def norm_lstm(ops, p, x, H, training):
    U = p["U"].T

    def step(state, pre):
        h, c = state
        i, f, g, o = split(pre + normal(ops, h @ U, p["h_gain"], p["h_bias"]), 4)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(normal(ops, c, p["c_gain"], p["c_bias"]))
        return (h, c), h

    return ops.loop(step, 2, H, normal(ops, x @ p["W"].T, p["x_gain"], p["x_bias"]))


def peephole(ops, p, x, H, training):
    U = p["U"].T

    def step(state, pre):
        h, c = state
        i, f, g, o = split(ops.affine(pre, h, U), 4)
        i, f = ops.sigmoid(i + p["pi"] * c), ops.sigmoid(f + p["pf"] * c)
        c = f * c + i * ops.tanh(g)
        h = ops.sigmoid(o + p["po"] * c) * ops.tanh(c)
        return (h, c), h

    return ops.loop(step, 2, H, x @ p["W"].T + p["b"])


def cornn(ops, p, x, H, training):
    dt, gamma, epsilon = 0.05, 2.7, 4.7
    W, V = p["W"].T, p["V"].T

    def step(state, pre):
        h, z = state
        force = ops.tanh(ops.affine(ops.affine(pre, h, W), z, V))
        z = z + dt * (force - gamma * h - epsilon * z)
        h = h + dt * z
        return (h, z), h

    return ops.loop(step, 2, H, x @ p["U"].T + p["b"])


def slstm(ops, p, x, H, training):
    T, B, _ = x.shape
    each = H // HEADS
    pre = (x @ p["W"].T + p["b"]).reshape(T, B, 4, HEADS, each)
    U = p["U"].reshape(4, HEADS, each, each)

    def step(state, pre):
        h, c, n, m = (s.reshape(B, HEADS, each) for s in state)
        s = pre + ops.einsum("ghij,bhj->bghi", U, h)
        li, lf, z, o = s[:, 0], s[:, 1], s[:, 2], s[:, 3]
        kept = ops.log_sigmoid(lf) + m
        m = ops.maximum(kept, li)
        i, f = ops.exp(li - m), ops.exp(kept - m)
        c = f * c + i * ops.tanh(z)
        n = f * n + i
        h = ops.sigmoid(o) * (c / n)
        return tuple(s.reshape(B, H) for s in (h, c, n, m)), h.reshape(B, H)

    return ops.loop(step, 4, H, pre)


def mingru(ops, p, x, H, training):
    z, s = split(x @ p["W"].T + p["b"], 2)
    z = ops.sigmoid(z)
    new = z * ops.where(s >= 0, s + 0.5, ops.sigmoid(s))

    def step(state, pre):
        kept, new = split(pre, 2)
        h = kept * state[0] + new
        return (h,), h

    return ops.loop(step, 1, H, ops.concatenate([1 - z, new], -1))


def attention(ops, p, x, H, training):
    T, B, _ = x.shape
    each = min(H, HEAD_UNITS)
    q, k, v = split(x @ p["W"].T, 3)
    q, k = (ops.where(s > 0, s + 1, ops.exp(s)) for s in (q, k))
    pre = ops.concatenate([q, k, v], -1).reshape(T, B, 3, H // each, each)

    def step(state, pre):
        n, S = state
        q, k, v = pre[:, 0], pre[:, 1], pre[:, 2]
        S = S + k[..., :, None] * v[..., None, :]
        n = n + k
        read = ops.einsum("bhi,bhij->bhj", q, S)
        h = read / (q * n).sum(-1)[..., None]
        return (n, S), h.reshape(B, H)

    start = (ops.zeros((B, H // each, each)), ops.zeros((B, H // each, each, each)))
    return ops.loop(step, start, H, pre)


def joined(ops, p, x, H, training):
    W = p["W"].T

    def step(state, x):
        h, c = state
        i, f, g, o = split(ops.affine(p["b"], ops.concatenate([x, h], -1), W), 4)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(c)
        return (h, c), h

    return ops.loop(step, 2, H, x)


CELLS = {
    "lstm": lstm,
    "gru": gru,
    "rnn": rnn,
    "ligru": ligru,
    "norm-lstm": norm_lstm,
    "peephole": peephole,
    "gru-gates": gru,
    "cornn": cornn,
    "slstm": slstm,
    "mingru": mingru,
    "attention": attention,
    "joined": joined,
}
