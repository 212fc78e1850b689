"""Gated units with one memory, and cells with a memory axis; see torch_library.py."""

import torch

from torch_library import cell
from torch_library_plain import DH, H1, X, gates, pre

sigmoid, tanh, relu, exp = torch.sigmoid, torch.tanh, torch.relu, torch.exp


@cell(DH, X, gates("rzn"), H1, ["h"])
def gru_before(p, x, s, t, past):
    r, z = sigmoid(pre(p, "r", x.x, s.h)), sigmoid(pre(p, "z", x.x, s.h))
    return {"h": z * s.h + (1 - z) * tanh(pre(p, "n", x.x, r * s.h))}


@cell(DH, X, gates("rzn") | {"vn": ["H"]}, H1, ["h"])
def gru(p, x, s, t, past):
    weights = [torch.cat([p[k + g] for g in "rzn"]) for k in "WU"]
    unit = torch.func.functional_call(
        torch.nn.GRUCell(3, 4),
        {"weight_ih": weights[0], "weight_hh": weights[1],
         "bias_ih": torch.cat([p.br, p.bz, p.bn]),
         "bias_hh": torch.cat([torch.zeros(8), p.vn])}, (x.x[None], s.h[None]))
    return {"h": unit[0]}


@cell(DH, {"x": ["D"], "a": []}, gates("run"), H1, ["h"])
def augru(p, x, s, t, past):
    r, u = sigmoid(pre(p, "r", x.x, s.h)), x.a * sigmoid(pre(p, "u", x.x, s.h))
    return {"h": s.h + u * (tanh(pre(p, "n", x.x, r * s.h)) - s.h)}


@cell(DH, X, gates("fn"), H1, ["h"])
def mgu(p, x, s, t, past):
    f = sigmoid(pre(p, "f", x.x, s.h))
    return {"h": s.h + f * (tanh(pre(p, "n", x.x, f * s.h)) - s.h)}


@cell(DH, X, gates("gn"), H1, ["h"])
def ugrnn(p, x, s, t, past):
    n = tanh(pre(p, "n", x.x, s.h))
    return {"h": n + sigmoid(pre(p, "g", x.x, s.h)) * (s.h - n)}


@cell(DH, X, gates("ap", over="D") | gates("nq"), H1, ["y", "h"])
def intersection(p, x, s, t, past):
    a = {g: pre(p, g, x.x, s.h) for g in "apnq"}
    up, on = sigmoid(a["p"]), sigmoid(a["q"])
    return {"y": up * x.x + (1 - up) * relu(a["a"]), "h": on * s.h + (1 - on) * tanh(a["n"])}


@cell(DH, X, gates("sn"), H1, ["h"], {"beta": 0.7})
def janet(p, x, s, t, past):
    a = pre(p, "s", x.x, s.h)
    n = tanh(pre(p, "n", x.x, s.h))
    return {"h": sigmoid(a) * s.h + (1 - sigmoid(a - 0.7)) * n}


@cell(DH, X, {k.replace("W", "V"): v for k, v in gates("fe").items()} | {"W": ["H", "D"]}, H1,
      ["h"])
def cfn(p, x, s, t, past):
    f, e = (sigmoid(p["U" + g] @ s.h + p["V" + g] @ x.x + p["b" + g]) for g in "fe")
    return {"h": f * tanh(s.h) + e * tanh(p.W @ x.x)}


@cell(DH, X, gates("zn", bias=False)
      | {f"{g}.norm.{k}": ["H"] for g in "zn" for k in ("gain", "bias", "mean", "variance")},
      H1, ["h"], positive=("z.norm.variance", "n.norm.variance"),
      fixed=tuple(f"{g}.norm.{k}" for g in "zn" for k in ("mean", "variance")))
def ligru(p, x, s, t, past):
    def norm(g):  # in use: the running statistics
        n = lambda k: p[f"{g}.norm.{k}"]
        y = (p["W" + g] @ x.x - n("mean")) / torch.sqrt(n("variance") + 1e-5)
        return y * n("gain") + n("bias")

    z, n = sigmoid(norm("z") + p.Uz @ s.h), relu(norm("n") + p.Un @ s.h)
    return {"h": z * s.h + (1 - z) * n}


@cell(DH, X, gates("pqnk"), {"h": ["H"], "c": ["H"]}, ["h", "c"], {"dt": 0.6})
def lem(p, x, s, t, past):
    first, second = (0.6 * sigmoid(pre(p, g, x.x, s.h)) for g in "pq")
    c = (1 - first) * s.c + first * tanh(pre(p, "n", x.x, s.h))
    return {"h": (1 - second) * s.h + second * tanh(pre(p, "k", x.x, c)), "c": c}


@cell(DH, X, gates("ukga", bias=False), H1, ["h"], {"d": 2})
def tau_gru(p, x, s, t, past):
    u, z = tanh(pre(p, "u", x.x, s.h)), tanh(pre(p, "k", x.x, past("h", 2)))
    g, a = sigmoid(pre(p, "g", x.x, s.h)), sigmoid(pre(p, "a", x.x, s.h))
    return {"h": (1 - g) * s.h + g * (u + a * z)}


@cell(DH, X, {"Wa": ["H", "D"], "Wk": ["H", "D"], "Wn": ["H", "D"], "wa": ["H"], "wk": ["H"]},
      H1, ["h"])
def brc(p, x, s, t, past):
    a, k = 1 + tanh(p.Wa @ x.x + p.wa * s.h), sigmoid(p.Wk @ x.x + p.wk * s.h)
    return {"h": k * s.h + (1 - k) * tanh(p.Wn @ x.x + a * s.h)}


@cell({"D": 3}, X,
      {"W" + g: ["D", "D"] for g in "frn"} | {k + g: ["D"] for k in "vb" for g in "fr"},
      {"c": ["D"]}, ["h", "c"])
def sru(p, x, s, t, past):
    f, r = (sigmoid(p["W" + g] @ x.x + p["v" + g] * s.c + p["b" + g]) for g in "fr")
    c = f * s.c + (1 - f) * (p.Wn @ x.x)
    return {"h": r * c + (1 - r) * x.x, "c": c}


@cell(DH, X, {k + g: ["H"] if k == "b" else ["H", "D"] for k in "WVb" for g in "zfo"},
      {"c": ["H"]}, ["h", "c"])
def qrnn(p, x, s, t, past):
    a = {g: p["W" + g] @ x.x + p["V" + g] @ past("x", 1) + p["b" + g] for g in "zfo"}
    f = sigmoid(a["f"])
    c = f * s.c + (1 - f) * tanh(a["z"])
    return {"h": sigmoid(a["o"]) * c, "c": c}


@cell(DH, X, {"Wz": ["H", "D"], "Wn": ["H", "D"], "bz": ["H"], "bn": ["H"]}, H1, ["h"])
def mingru(p, x, s, t, past):
    z = sigmoid(p.Wz @ x.x + p.bz)
    return {"h": (1 - z) * s.h + z * (p.Wn @ x.x + p.bn)}


@cell(DH, {"x": ["D"], "m": ["D"], "d": ["D"]},
      {"average": ["D"], "wx": ["D"], "bx": ["D"], "Wd": ["H", "D"], "bd": ["H"]} | gates("rzn")
      | {"V" + g: ["H", "D"] for g in "rzn"},
      {"h": ["H"], "last": ["D"]}, ["h"], fixed=("average",), positive=("d",))
def gru_d(p, x, s, t, past):
    gamma = exp(-relu(p.wx * x.d + p.bx))
    v = x.m * x.x + (1 - x.m) * (gamma * s.last + (1 - gamma) * p.average)
    h = exp(-relu(p.Wd @ x.d + p.bd)) * s.h
    r, z = (sigmoid(pre(p, g, v, h) + p["V" + g] @ x.m) for g in "rz")
    n = tanh(pre(p, "n", v, r * h) + p.Vn @ x.m)
    return {"h": (1 - z) * h + z * n, "last": x.m * x.x + (1 - x.m) * s.last}


@cell({"D": 3, "H": 4, "M": 2, "K": 3}, {"x": ["D"], "m": ["M"]},
      {"Wm": ["K", "M"], "Wh": ["K", "H"], "v": ["K"]}
      | {"h." + k: ["H", "D+M"] if k[0] == "W" else v for k, v in gates("rzn").items()},
      H1, ["h", "context"], over=("m",))
def attention_decoder(p, x, s, t, past):
    energy = tanh(x.m @ p.Wm.T + p.Wh @ s.h) @ p.v
    context = torch.softmax(energy, 0) @ x.m
    unit = {k[2:]: v for k, v in p.items() if k.startswith("h.")}
    u = torch.cat([x.x, context])
    r, z = sigmoid(pre(unit, "r", u, s.h)), sigmoid(pre(unit, "z", u, s.h))
    return {"h": z * s.h + (1 - z) * tanh(pre(unit, "n", u, r * s.h)), "context": context}


@cell({"D": 3, "R": 4, "W": 2}, X,
      {"V" + g: ["W", "D+W"] for g in "kea"} | {"v" + g: ["D+W"] for g in "bgs"}
      | {"Vs": ["3", "D+W"], "w0": ["R"]},
      {"M": ["R", "W"], "w": ["R"], "r": ["W"]}, ["r", "w"],
      begin={"M": 1e-3, "w": lambda p: torch.softmax(p.w0, 0)})
def turing_memory(p, x, s, t, past):
    z = torch.cat([x.x, s.r])
    k = p.Vk @ z
    like = torch.stack([row @ k / (row.norm() * k.norm() + 1e-6) for row in s.M])
    found = torch.softmax(torch.nn.functional.softplus(p.vb @ z) * like, 0)
    g = sigmoid(p.vg @ z)
    mixed, shift = g * found + (1 - g) * s.w, torch.softmax(p.Vs @ z, 0)
    moved = sum(shift[i] * torch.roll(mixed, i - 1) for i in range(3))
    w = (moved + 1e-12) ** (1 + torch.nn.functional.softplus(p.vs @ z))
    w = w / w.sum()
    M = s.M * (1 - torch.outer(w, sigmoid(p.Ve @ z))) + torch.outer(w, tanh(p.Va @ z))
    return {"r": w @ M, "w": w, "M": M}
