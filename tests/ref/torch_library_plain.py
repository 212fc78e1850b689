"""Plain recurrences, long short-term memories and physical cells; see torch_library.py."""

import math

import torch
import torch.nn.functional as F

from torch_library import cell

sigmoid, tanh, relu, exp = torch.sigmoid, torch.tanh, torch.relu, torch.exp
DH = {"D": 3, "H": 4}
X, H1 = {"x": ["D"]}, {"h": ["H"]}


def gates(names, over="H", of="H", bias=True):
    out = {}
    for g in names:
        out["W" + g], out["U" + g] = [over, "D"], [over, of]
        if bias:
            out["b" + g] = [over]
    return out


def pre(p, g, x, h):
    s = p["W" + g] @ x + p["U" + g] @ h
    return s + p["b" + g] if "b" + g in p else s


@cell(DH, X, {"W": ["H", "D"], "U": ["H", "H"], "b": ["H"]}, H1, ["h"])
def elman(p, x, s, t, past):
    return {"h": tanh(p.b + p.W @ x.x + p.U @ s.h)}


@cell({"D": 3, "H": 4, "K": 2}, X,
      {"W": ["H", "D"], "U": ["H", "K"], "b": ["H"], "V": ["K", "H"], "d": ["K"]},
      {"y": ["K"]}, ["y"])
def jordan(p, x, s, t, past):
    return {"y": sigmoid(p.V @ tanh(p.W @ x.x + p.U @ s.y + p.b) + p.d)}


@cell(DH, X, {"W": ["H", "D"], "U": ["H", "H"], "b": ["H"]}, H1, ["h"])
def irnn(p, x, s, t, past):
    return {"h": torch.clamp(p.b + p.W @ x.x + p.U @ s.h, min=0)}


@cell(DH, X, {"W": ["H", "D"], "u": ["H"], "b": ["H"]}, H1, ["h"])
def indrnn(p, x, s, t, past):
    return {"h": torch.clamp(torch.diag(p.u) @ s.h + p.W @ x.x + p.b, min=0)}


@cell({"D": 3, "H": 4, "S": 2}, X,
      {"B": ["S", "D"], "P": ["H", "S"], "A": ["H", "D"], "R": ["H", "H"]},
      {"h": ["H"], "s": ["S"]}, ["h", "s"], {"a": 0.8})
def scrn(p, x, s, t, past):
    slow = (1 - p.a) * (p.B @ x.x) + p.a * s.s
    return {"h": sigmoid(p.P @ slow + p.A @ x.x + p.R @ s.h), "s": slow}


@cell({"D": 3, "H": 8}, X, {"W": ["H", "D"], "U": ["H", "H"], "b": ["H"]}, H1, ["h"])
def clockwork(p, x, s, t, past):
    rows = []
    for i in range(8):  # four modules of two units, periods 1, 2, 4, 8
        if t % 2 ** (i // 2):
            rows.append(s.h[i])
            continue
        read = sum(p.U[i, j] * s.h[j] for j in range(8) if j // 2 >= i // 2)
        rows.append(tanh(p.W[i] @ x.x + read + p.b[i]))
    return {"h": torch.stack(rows)}


@cell(DH, X, {"W": ["H", "D"], "U": ["H", "H"], "b": ["H"], "a": [], "d": []}, H1, ["h"])
def fastrnn(p, x, s, t, past):
    return {"h": sigmoid(p.a) * tanh(p.W @ x.x + p.U @ s.h + p.b) + sigmoid(p.d) * s.h}


@cell({"D": 3, "H": 4, "R": 2}, X,
      {"W1": ["H", "R"], "W2": ["R", "D"], "U1": ["H", "R"], "U2": ["R", "H"], "bz": ["H"],
       "bn": ["H"], "zeta": [], "nu": []}, H1, ["h"])
def fastgrnn(p, x, s, t, past):
    shared = (p.W1 @ p.W2) @ x.x + (p.U1 @ p.U2) @ s.h
    z, n = sigmoid(shared + p.bz), tanh(shared + p.bn)
    return {"h": (sigmoid(p.zeta) * (1 - z) + sigmoid(p.nu)) * n + z * s.h}


@cell(DH, X, {"U": ["H", "H"], "Vz": ["H", "D"], "Vn": ["H", "D"], "bz": ["H"], "bn": ["H"]}, H1,
      ["h"], {"e": 0.2, "gamma": 0.05})
def antisymmetric(p, x, s, t, past):
    A = p.U - p.U.T - p.gamma * torch.eye(4)
    z = sigmoid(A @ s.h + p.Vz @ x.x + p.bz)
    return {"h": s.h + p.e * z * tanh(A @ s.h + p.Vn @ x.x + p.bn)}


@cell(DH, X, {"Wn": ["H", "D"], "Wk": ["H", "D"]}
      | {f"{l}.{n}": s for l in (1, 2, 3) for n, s in
         {"Un": ["H", "H"], "Uk": ["H", "H"], "bn": ["H"], "bk": ["H"]}.items()}, H1, ["h"])
def highway(p, x, s, t, past):
    h = s.h
    for l in (1, 2, 3):
        n, k = p[f"{l}.Un"] @ h + p[f"{l}.bn"], p[f"{l}.Uk"] @ h + p[f"{l}.bk"]
        if l == 1:
            n, k = n + p.Wn @ x.x, k + p.Wk @ x.x
        h = tanh(n) * sigmoid(k) + h * (1 - sigmoid(k))
    return {"h": h}


@cell({"D": 3, "H": 4, "K": 2}, X,
      {"W": ["H", "D"], "U": ["H", "H"], "b": ["H"], "V": ["K", "1+D+H"]}, H1, ["y", "h"],
      {"a": 0.3}, fixed=("W", "U", "b"))
def echo_state(p, x, s, t, past):
    h = (1 - p.a) * s.h + p.a * tanh(p.W @ x.x + p.U @ s.h + p.b)
    return {"y": p.V[:, 0] + p.V[:, 1:4] @ x.x + p.V[:, 4:] @ h, "h": h}


# ---- matrices with a structure

def reflection(v):
    return torch.eye(len(v)) - 2 * torch.outer(v, v) / v.dot(v)


@cell({"N": 4, "K": 3}, {"x": ["N"]}, {f"{k}.v": ["N"] for k in (1, 2, 3)}, {}, ["y"])
def reflections(p, x, s, t, past):
    return {"y": reflection(p["3.v"]) @ reflection(p["2.v"]) @ reflection(p["1.v"]) @ x.x}


@cell({"D": 3, "H": 4, "K": 2}, X, {"A": ["H", "K"], "B": ["K", "D"]}, {}, ["y"])
def low_rank(p, x, s, t, past):
    return {"y": (p.A @ p.B) @ x.x}


@cell({"N": 6, "K": 2}, {"x": ["N"]}, {"A": ["K", 3, 3]}, {}, ["y"])
def block_diagonal(p, x, s, t, past):
    return {"y": torch.block_diag(p.A[0], p.A[1]) @ x.x}


@cell({"D": 3, "H": 4, "K": 2}, X,
      {"W": ["H", "D"], "b": ["H"]} | {f"turned.{k}.v": ["H"] for k in (1, 2)}, H1, ["h"])
def householder(p, x, s, t, past):
    U = reflection(p["turned.2.v"]) @ reflection(p["turned.1.v"])
    return {"h": torch.clamp(U @ s.h + p.W @ x.x + p.b, min=0)}


# ---- long short-term memories

HC, HCR = {"h": ["H"], "c": ["H"]}, ["h", "c"]


def memory(p, x, h, c, f=None):
    i, o, g = (pre(p, "i", x, h), pre(p, "o", x, h), pre(p, "g", x, h))
    f = sigmoid(pre(p, "f", x, h)) if f is None else f(sigmoid(i))
    c = f * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


@cell(DH, X, gates("igo"), HC, HCR)
def lstm_1997(p, x, s, t, past):
    h, c = memory(p, x.x, s.h, s.c, lambda i: torch.ones(4))
    return {"h": h, "c": c}


@cell(DH, X, gates("ifgo"), HC, HCR)
def lstm(p, x, s, t, past):
    h, c = memory(p, x.x, s.h, s.c)
    return {"h": h, "c": c}


@cell(DH, X, gates("ifgo") | {"pi": ["H"], "pf": ["H"], "po": ["H"]}, HC, HCR)
def lstm_peephole(p, x, s, t, past):
    i = sigmoid(pre(p, "i", x.x, s.h) + p.pi * s.c)
    f = sigmoid(pre(p, "f", x.x, s.h) + p.pf * s.c)
    c = f * s.c + i * tanh(pre(p, "g", x.x, s.h))
    return {"h": sigmoid(pre(p, "o", x.x, s.h) + p.po * c) * tanh(c), "c": c}


@cell(DH, X, gates("igo"), HC, HCR)
def lstm_coupled(p, x, s, t, past):
    h, c = memory(p, x.x, s.h, s.c, lambda i: 1 - i)
    return {"h": h, "c": c}


@cell({"D": 3, "H": 4, "P": 2}, X, gates("ifgo", of="P") | {"R": ["P", "H"]},
      {"h": ["P"], "c": ["H"]}, HCR)
def lstm_projection(p, x, s, t, past):
    h, c = memory(p, x.x, s.h, s.c)
    return {"h": p.R @ h, "c": c}


@cell(DH, X, gates("ifgo") | {"Wm": ["H", "D"], "Um": ["H", "H"]}, HC, HCR)
def lstm_multiplicative(p, x, s, t, past):
    h, c = memory(p, x.x, (p.Wm @ x.x) * (p.Um @ s.h), s.c)
    return {"h": h, "c": c}


@cell(DH, X, gates("ifgo") | {"c." + k: ["H", "H"] if k[0] == "W" else v
                              for k, v in gates("ifgo").items()},
      {"h": ["H"], "c": ["H"], "deep": ["H"]}, HCR)
def lstm_nested(p, x, s, t, past):
    i, f, o = (sigmoid(pre(p, g, x.x, s.h)) for g in "ifo")
    inner = {k[2:]: v for k, v in p.items() if k.startswith("c.")}
    c, deep = memory(inner, i * tanh(pre(p, "g", x.x, s.h)), f * s.c, s.deep)
    return {"h": o * tanh(c), "c": c, "deep": deep}


@cell(DH, X, {"W": ["4*H", "D"], "U": ["4*H", "H"], "b": ["4*H"]}
      | {f"{n}.{k}": [s] for n, s in (("from_x", "4*H"), ("from_h", "4*H"), ("memory", "H"))
         for k in ("gain", "bias")}, HC, HCR)
def lstm_layer_norm(p, x, s, t, past):
    norm = lambda v, n: F.layer_norm(v, v.shape, p[n + ".gain"], p[n + ".bias"], 1e-5)
    a = norm(p.W @ x.x, "from_x") + norm(p.U @ s.h, "from_h") + p.b
    i, f, g, o = a.split(4)
    c = sigmoid(f) * s.c + sigmoid(i) * tanh(g)
    return {"h": sigmoid(o) * tanh(norm(c, "memory")), "c": c}


@cell({"D": 5}, X, {"gain": ["D"], "bias": ["D"]}, {}, ["y"])
def layer_norm(p, x, s, t, past):
    return {"y": F.layer_norm(x.x, (5,), p.gain, p.bias, 1e-5)}


@cell(DH, X, gates("ifgo"), HC, HCR, {"rate_c": 0.5, "rate_h": 0.25})
def lstm_zoneout(p, x, s, t, past):
    h, c = memory(p, x.x, s.h, s.c)  # in use: the expectation
    return {"h": 0.25 * s.h + 0.75 * h, "c": 0.5 * s.c + 0.5 * c}


@cell(DH, {"x": ["D"], "time": []}, gates("ifgo") | {"tau": ["H"], "s": ["H"]}, HC, HCR,
      {"r": 0.4}, positive=("tau", "time"), train=1)
def lstm_phased(p, x, s, t, past):
    h, c = memory(p, x.x, s.h, s.c)
    phase = torch.remainder(x.time - p.s, p.tau) / p.tau
    k = torch.where(phase < 0.2, phase / 0.2, torch.where(phase < 0.4, 2 - phase / 0.2,
                                                          0.001 * phase))
    return {"h": k * h + (1 - k) * s.h, "c": k * c + (1 - k) * s.c}


def convolve(p, name, x):
    """[R, Q, C] by nine matrices [K, C] to [R, Q, K]."""
    rows = [torch.stack([p[f"{name}{i}.{j}.W"] for j in range(3)], -1) for i in range(3)]
    kernel = torch.stack(rows, -2)  # [K, C, 3, 3]
    return F.conv2d(x.permute(2, 0, 1)[None], kernel, padding=1)[0].permute(1, 2, 0)


NINE = [f"{i}.{j}.W" for i in range(3) for j in range(3)]


@cell({"R": 3, "Q": 2, "C": 2, "K": 3}, {"x": ["R", "Q", "C"]}, {n: ["K", "C"] for n in NINE}, {},
      ["y"])
def convolution(p, x, s, t, past):
    return {"y": convolve(p, "", x.x)}


@cell({"R": 3, "Q": 2, "C": 2, "K": 2}, {"x": ["R", "Q", "C"]},
      {f"{g}.convolution{k}.{n}": ["K", "C"] if not k else ["K", "K"]
       for g in "ifgo" for k in ("", "2") for n in NINE}
      | {"b" + g: ["K"] for g in "ifgo"} | {"p" + g: ["R", "Q", "K"] for g in "ifo"},
      {"h": ["R", "Q", "K"], "c": ["R", "Q", "K"]}, HCR)
def lstm_convolution(p, x, s, t, past):
    a = {g: convolve(p, f"{g}.convolution.", x.x) + convolve(p, f"{g}.convolution2.", s.h)
         + p["b" + g] for g in "ifgo"}
    c = sigmoid(a["f"] + p.pf * s.c) * s.c + sigmoid(a["i"] + p.pi * s.c) * tanh(a["g"])
    return {"h": sigmoid(a["o"] + p.po * c) * tanh(c), "c": c}


@cell({"R": 3, "Q": 2, "C": 2, "K": 2}, {"x": ["R", "Q", "C"]},
      {f"{g}.convolution{k}.{n}": ["K", "C"] if not k else ["K", "K"]
       for g in "rzn" for k in ("", "2") for n in NINE} | {"b" + g: ["K"] for g in "rzn"},
      {"h": ["R", "Q", "K"]}, ["h"])
def gru_convolution(p, x, s, t, past):
    def gate(g, h):
        return (convolve(p, f"{g}.convolution.", x.x) + convolve(p, f"{g}.convolution2.", h)
                + p["b" + g])

    r, z = sigmoid(gate("r", s.h)), sigmoid(gate("z", s.h))
    return {"h": s.h + z * (tanh(gate("n", r * s.h)) - s.h)}


@cell(DH, X, gates("abdefgij", bias=False), HC, HCR)
def nas(p, x, s, t, past):
    W = {g: p["W" + g] @ x.x for g in "abdefgij"}
    U = {g: p["U" + g] @ s.h for g in "abdefgij"}
    one = [sigmoid(W["a"] + U["a"]), relu(W["b"] + U["b"]), sigmoid(W["d"] + U["d"]),
           relu(W["e"] * U["e"]), tanh(W["f"] + U["f"]), sigmoid(W["g"] + U["g"]),
           tanh(W["i"] + U["i"]), sigmoid(W["j"] + U["j"])]
    two = [tanh(one[0] * one[1]), tanh(one[2] + one[3]), tanh(one[4] * one[5]),
           sigmoid(one[6] + one[7])]
    c = tanh(two[0] + s.c) * two[1]
    return {"h": tanh(c * tanh(two[2] + two[3])), "c": c}


@cell(DH, X, {k: ["2", "H//2", "H//2"] if k[0] == "U" else v for k, v in gates("ifzo").items()},
      {"C": ["H"], "N": ["H"], "h": ["H"]}, ["h"])
def slstm(p, x, s, t, past):
    """Without the running maximum: the gates stay small here."""
    a = {g: p["W" + g] @ x.x + torch.block_diag(*p["U" + g]) @ s.h + p["b" + g] for g in "ifzo"}
    i, f = exp(a["i"]), sigmoid(a["f"])
    c, n = f * s.C + i * tanh(a["z"]), f * s.N + i
    return {"h": sigmoid(a["o"]) * c / n, "C": c, "N": n}


# ---- oscillators, continuous time, spikes, filters

HZ = {"h": ["H"], "z": ["H"]}


@cell(DH, X, {"W": ["H", "H"], "V": ["H", "H"], "Q": ["H", "D"], "b": ["H"]}, HZ, ["h", "z"],
      {"dt": 0.1, "gamma": 2.0, "epsilon": 3.0})
def cornn(p, x, s, t, past):
    force = tanh(p.W @ s.h + p.V @ s.z + p.Q @ x.x + p.b)
    z = s.z + 0.1 * (force - 2 * s.h - 3 * s.z)
    return {"h": s.h + 0.1 * z, "z": z}


@cell(DH, X, {"w": ["H"], "V": ["H", "D"], "b": ["H"], "c": ["H"]}, HZ, ["h", "z"],
      {"dt": 0.3, "alpha": 0.9})
def unicornn(p, x, s, t, past):
    step = 0.3 * sigmoid(p.c)
    z = s.z - step * (tanh(p.w * s.h + p.V @ x.x + p.b) + 0.9 * s.h)
    return {"h": s.h + step * z, "z": z}


@cell(DH, X, {"W": ["H", "D"], "U": ["H", "H"], "b": ["H"], "A": ["H"], "tau": ["H"]},
      {"v": ["H"]}, ["v"], {"dt": 0.2}, positive=("tau",))
def ltc(p, x, s, t, past):
    v = s.v
    for _ in range(3):
        f = sigmoid(p.W @ x.x + p.U @ v + p.b)
        v = (v + 0.2 * f * p.A) / (1 + 0.2 * (1 / p.tau + f))
    return {"v": v}


@cell({"D": 3, "H": 4, "B": 5}, {"x": ["D"], "ts": []},
      {"W": ["B", "D+H"], "b": ["B"]} | {k + g: v for g in "fgk" for k, v in
                                         {"V": ["H", "B"], "d": ["H"]}.items()},
      H1, ["h"], positive=("ts",))
def cfc(p, x, s, t, past):
    z = 1.7159 * tanh(2 * (p.W[:, :3] @ x.x + p.W[:, 3:] @ s.h + p.b) / 3)
    w = sigmoid(-(p.Vf @ z + p.df) * x.ts)
    return {"h": w * tanh(p.Vg @ z + p.dg) + (1 - w) * tanh(p.Vk @ z + p.dk)}


class Spike(torch.autograd.Function):
    @staticmethod
    def forward(context, v):
        context.save_for_backward(v)
        return (v > 0).double()

    @staticmethod
    def backward(context, g):
        (v,) = context.saved_tensors
        return g / (1 + 10 * v.abs()) ** 2


@cell({"H": 4}, {"v": ["H"]}, {}, {}, ["s"])
def spike(p, x, s, t, past):
    return {"s": Spike.apply(x.v)}


@cell(DH, X, {"W": ["H", "D"], "U": ["H", "H"]}, {"s": ["H"], "v": ["H"]}, ["s", "v"],
      {"beta": 0.8, "threshold": 0.4})
def lif(p, x, s, t, past):
    v = 0.8 * s.v + p.W @ x.x + p.U @ s.s - 0.4 * s.s
    return {"s": Spike.apply(v - 0.4), "v": v}


@cell({}, {k: [] for k in ("x", "b0", "b1", "b2", "a1", "a2")}, {}, {"s1": [], "s2": []}, ["y"])
def biquad(p, x, s, t, past):
    y = x.b0 * x.x + s.s1
    return {"y": y, "s1": x.b1 * x.x - x.a1 * y + s.s2, "s2": x.b2 * x.x - x.a2 * y}


@cell({}, {"x": []}, {"b": ["4"], "c": ["4"]}, {"d": ["4"]}, ["y"],
      {"L1": 1, "L2": 2, "L3": 3, "L4": 4})
def delay_network(p, x, s, t, past):
    lines = torch.stack([past("d", k)[k - 1] for k in (1, 2, 3, 4)])
    A = torch.eye(4) - torch.full((4, 4), 0.5)
    return {"y": (p.c * lines).sum(), "d": A @ (0.9 * lines) + p.b * x.x}
