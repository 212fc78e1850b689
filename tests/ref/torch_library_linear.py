"""Recurrences that are linear in their state; see torch_library.py.

What the cells keep relative to a running maximum is computed plainly here: numbers stay small."""

import torch
import torch.nn.functional as F

from torch_library import cell
from torch_library_plain import X

sigmoid, exp, softplus, outer = torch.sigmoid, torch.exp, F.softplus, torch.outer
DKV = {"D": 3, "K": 2, "V": 4}
QKV = {"Wq": ["K", "D"], "Wk": ["K", "D"], "Wv": ["V", "D"]}


def pair(p, name):
    return torch.complex(p[name + ".re"], p[name + ".im"])


@cell({"D": 3, "N": 2}, X,
      {"rate": ["D", "N"], "shift": ["D", "N"], "log_dt": ["D", "1"], "C.re": ["D", "N"],
       "C.im": ["D", "N"], "d": ["D"]}, {"h": ["D", "N"]}, ["y"], pairs=("h",))
def s4d(p, x, s, t, past):
    a = torch.complex(-exp(p.rate) / 2, p.shift + torch.pi * torch.arange(2.0))
    bar = exp(a * exp(p.log_dt))
    h = bar * s.h + (bar - 1) / a * x.x[:, None]
    return {"y": 2 * (pair(p, "C") * h).sum(1).real + p.d * x.x, "h": h}


@cell({"D": 3, "N": 2}, X,
      {"nu": ["N"], "theta": ["N"], "gamma": ["N"], "B.re": ["N", "D"], "B.im": ["N", "D"],
       "C.re": ["D", "N"], "C.im": ["D", "N"], "d": ["D"]}, {"h": ["N"]}, ["y"], pairs=("h",))
def lru(p, x, s, t, past):
    size, angle = exp(-exp(p.nu)), exp(p.theta)
    turn = torch.complex(size * torch.cos(angle), size * torch.sin(angle))
    h = turn * s.h + exp(p.gamma) * (pair(p, "B") @ x.x.to(torch.complex128))
    return {"y": (pair(p, "C") @ h).real + p.d * x.x, "h": h}


@cell({"D": 3, "H": 4, "N": 3}, X,
      {"e": ["D"], "k": ["H"], "q": ["N"], "W": ["H", "D"], "U": ["H", "H"], "V": ["H", "N"]},
      {"h": ["H"], "m": ["N"]}, ["h", "m"], {"theta": 12.0})
def lmu(p, x, s, t, past):
    A = torch.tensor([[(2 * i + 1) * (-1.0 if i < j else (-1.0) ** (i - j + 1)) for j in range(3)]
                      for i in range(3)])
    B = torch.tensor([(2 * i + 1) * (-1.0) ** i for i in range(3)])
    u = p.e @ x.x + p.k @ s.h + p.q @ s.m
    m = (torch.eye(3) + A / 12) @ s.m + B / 12 * u
    return {"h": torch.tanh(p.W @ x.x + p.U @ s.h + p.V @ m), "m": m}


@cell({"D": 3, "N": 2, "R": 1}, X,
      {f"k{i}": ["D"] for i in range(4)}
      | {"b": ["D"], "V1": ["R", "D"], "V2": ["D", "R"], "bt": ["D"], "a": ["D", "N"],
         "B": ["N", "D"], "C": ["N", "D"], "d": ["D"]}, {"S": ["D", "N"]}, ["y"])
def mamba(p, x, s, t, past):
    u = F.silu(p.b + p.k0 * x.x + sum(p[f"k{i}"] * past("x", i) for i in (1, 2, 3)))
    dt = softplus(p.V2 @ p.V1 @ u + p.bt)
    S = torch.stack([exp(-dt[i] * exp(p.a[i])) * s.S[i] + dt[i] * u[i] * (p.B @ u)
                     for i in range(3)])
    return {"y": S @ (p.C @ u) + p.d * u, "S": S}


@cell({"D": 4, "N": 3}, X,
      {"Wt": ["2", "D"], "bt": ["2"], "a": ["2"], "B": ["N", "D"], "C": ["N", "D"], "d": ["2"]},
      {"S": ["2", "2", "N"]}, ["y"])
def mamba2(p, x, s, t, past):
    S, y = [], []
    for k, part in enumerate(x.x.split(2)):
        dt = softplus(p.Wt[k] @ x.x + p.bt[k])
        S.append(exp(-dt * exp(p.a[k])) * s.S[k] + outer(dt * part, p.B @ x.x))
        y.append(S[-1] @ (p.C @ x.x) + p.d[k] * part)
    return {"y": torch.cat(y), "S": torch.stack(S)}


@cell(DKV, X, QKV, {"S": ["K", "V"], "n": ["K"]}, ["y"])
def linear_attention(p, x, s, t, past):
    fq, fk = F.elu(p.Wq @ x.x) + 1, F.elu(p.Wk @ x.x) + 1
    S, n = s.S + outer(fk, p.Wv @ x.x), s.n + fk
    return {"y": S.T @ fq / (n @ fq), "S": S, "n": n}


@cell(DKV | {"R": 2}, X, QKV | {"A1": ["R", "D"], "A2": ["K", "R"], "ba": ["K"]},
      {"S": ["K", "V"]}, ["y"])
def gla(p, x, s, t, past):
    a = sigmoid(p.A2 @ p.A1 @ x.x + p.ba) ** (1 / 16)
    S = torch.diag(a) @ s.S + outer(p.Wk @ x.x, p.Wv @ x.x)
    return {"y": (p.Wq @ x.x) @ S, "S": S}


@cell({"D": 3, "H": 4}, X,
      {k + g: ["D"] if k == "m" else ["H", "D"] for k in "mW" for g in "rkv"}
      | {"Wo": ["D", "H"], "u": ["H"], "decay": ["H"]}, {"A": ["H"], "B": ["H"]}, ["y"])
def rwkv4(p, x, s, t, past):
    mix = {g: p["W" + g] @ (p["m" + g] * x.x + (1 - p["m" + g]) * past("x", 1)) for g in "rkv"}
    now, fade = exp(p.u + mix["k"]), exp(-exp(p.decay))
    wkv = (s.A + now * mix["v"]) / (s.B + now)
    return {"y": p.Wo @ (sigmoid(mix["r"]) * wkv),
            "A": fade * s.A + exp(mix["k"]) * mix["v"], "B": fade * s.B + exp(mix["k"])}


@cell(DKV | {"R": 2}, X,
      {"Wr": ["K", "D"], "Wk": ["K", "D"], "Wv": ["V", "D"], "B1": ["R", "D"], "B2": ["K", "R"],
       "d": ["K"], "u": ["K"]}, {"S": ["K", "V"]}, ["y"])
def rwkv6(p, x, s, t, past):
    r, k, v = p.Wr @ x.x, p.Wk @ x.x, p.Wv @ x.x
    w = exp(-exp(p.d + p.B2 @ torch.tanh(p.B1 @ x.x)))
    return {"y": r @ (s.S + torch.diag(p.u) @ outer(k, v)), "S": torch.diag(w) @ s.S + outer(k, v)}


@cell(DKV, X, {"W" + g: ["K", "D"] for g in "rkwa"} | {"Wv": ["V", "D"], "bw": ["K"], "ba": ["K"]},
      {"S": ["V", "K"]}, ["y"])
def rwkv7(p, x, s, t, past):
    r, k, v = p.Wr @ x.x, p.Wk @ x.x, p.Wv @ x.x
    a = sigmoid(p.Wa @ x.x + p.ba)
    w = exp(-0.606531 * sigmoid(p.Ww @ x.x + p.bw))
    kk = k / torch.sqrt(k @ k + 1e-12)
    S = s.S @ (torch.diag(w) - outer(kk, a * kk)) + outer(v, k)
    return {"y": S @ r, "S": S}


@cell({"D": 3}, X, {"Wr": ["D", "D"], "Wi": ["D", "D"], "br": ["D"], "bi": ["D"], "l": ["D"]},
      {"h": ["D"]}, ["h"])
def rglru(p, x, s, t, past):
    r, i = sigmoid(p.Wr @ x.x + p.br), sigmoid(p.Wi @ x.x + p.bi)
    a = sigmoid(-p.l) ** (8 * r)
    return {"h": a * s.h + torch.sqrt(1 - a ** 2) * (i * x.x)}


@cell(DKV, X, QKV | {"Wo": ["V", "D"], "wi": ["D"], "wf": ["D"], "bi": [], "bf": []},
      {"C": ["V", "K"], "n": ["K"]}, ["h"])
def mlstm(p, x, s, t, past):
    k, v = p.Wk @ x.x / 2 ** 0.5, p.Wv @ x.x
    i, f = exp(p.wi @ x.x + p.bi), sigmoid(p.wf @ x.x + p.bf)
    C, n = f * s.C + i * outer(v, k), f * s.n + i * k
    q = p.Wq @ x.x
    bottom = torch.clamp((n @ q).abs(), min=1)
    return {"h": sigmoid(p.Wo @ x.x) * (C @ q) / bottom, "C": C, "n": n}


@cell(DKV, X, QKV | {"wb": ["D"]}, {"S": ["V", "K"]}, ["y"])
def delta_net(p, x, s, t, past):
    k = p.Wk @ x.x
    k = k / torch.sqrt(k @ k + 1e-6)
    beta = sigmoid(p.wb @ x.x)
    S = s.S @ (torch.eye(2) - beta * outer(k, k)) + beta * outer(p.Wv @ x.x, k)
    return {"y": S @ (p.Wq @ x.x), "S": S}


@cell(DKV, X, QKV | {"wb": ["D"], "wa": ["D"], "a": [], "dt": []}, {"S": ["V", "K"]}, ["y"])
def gated_delta_net(p, x, s, t, past):
    k = p.Wk @ x.x
    k = k / torch.sqrt(k @ k + 1e-6)
    beta = sigmoid(p.wb @ x.x)
    S = s.S * exp(-exp(p.a) * softplus(p.wa @ x.x + p.dt))
    S = S @ (torch.eye(2) - beta * outer(k, k)) + beta * outer(p.Wv @ x.x, k)
    return {"y": S @ (p.Wq @ x.x), "S": S}
