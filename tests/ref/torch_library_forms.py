"""Forms of the language that no cell of the library has: see torch_library.py.

A text stands above the function that says what it means. What reads ahead, or runs a cell along
the axis of a memory, is told over whole sequences."""

import torch
import torch.nn.functional as F

from torch_library import cell
from torch_library_linear import pair
from torch_library_plain import DH, X, gates

sigmoid, tanh, exp = torch.sigmoid, torch.tanh, torch.exp


def named(prefix, shapes, width):
    return {prefix + k: [width if d == "D" else d for d in v] for k, v in shapes.items()}


def unit(p, prefix):
    return {k[len(prefix):]: v for k, v in p.items() if k.startswith(prefix)}


def lstm(p, xs):
    h = c = torch.zeros(p["bi"].shape)
    hs, cs = [], []
    for x in xs:
        i, f, g, o = (p["W" + k] @ x + p["U" + k] @ h + p["b" + k] for k in "ifgo")
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)
        hs, cs = hs + [h], cs + [c]
    return torch.stack(hs), torch.stack(cs)


def gru(p, xs):
    h, hs = torch.zeros(p["br"].shape), []
    for x in xs:
        r, z = (sigmoid(p["W" + k] @ x + p["U" + k] @ h + p["b" + k]) for k in "rz")
        n = tanh(p["Wn"] @ x + p["bn"] + r * (p["Un"] @ h + p["vn"]))
        h = n + z * (h - n)
        hs.append(h)
    return torch.stack(hs)


def both_ways(p, prefix, xs):
    back = gru(unit(p, prefix + "backward."), xs.flip(0)).flip(0)
    return torch.cat([gru(unit(p, prefix + "forward."), xs), back], 1)


GRU = gates("rzn") | {"vn": ["H"]}


@cell({"D": 3, "K": 2, "V": 4}, X, {"Wq": ["K", "D"], "Wk": ["K", "D"], "Wv": ["V", "D"]},
      {"A": ["V", "K"]}, ["y"], {"rate": 0.4}, text="""\
# A step of descent on an inner loss, in each step.
cell inner(x[D], rate = 0.3) -> y {
    state A[V, K]
    param W{q, k}[K, D], Wv[V, D]
    q, k = tanh(W@x)
    wrong = tanh(A@k) - Wv@x
    A' = A - rate*grad(wrong@wrong, A)
    y = A'@q
}
""")
def inner(p, x, s, t, past):
    A = s.A if s.A.requires_grad else s.A.requires_grad_()
    wrong = tanh(A @ tanh(p.Wk @ x.x)) - p.Wv @ x.x
    slope, = torch.autograd.grad((wrong ** 2).sum(), A, create_graph=True)
    A = A - 0.4 * slope
    return {"A": A, "y": A @ tanh(p.Wq @ x.x)}


@cell(DH, X,
      {"h0": ["H"], "s": ["D"], "W": ["H", "D"], "V": ["H", "D"], "U": ["H", "H"],
       "P": ["H", "H"], "g.W": ["H", "H"], "g.U": ["H", "H"], "g.b": ["H"]},
      {"h": ["H"], "z": ["H"], "g": ["H"]}, ["h", "g"],
      begin={"h": lambda p: tanh(p.h0), "z": 0.5, "g": lambda p: torch.sin(p.h0)}, text="""\
# States that begin at what is computed, given and constant; what is read before the first step.
cell start(x[D]) -> h, g {
    param h0[H], s[D], W, V[H, D], U, P[H, H]
    state h[H] = tanh(h0), z[H] = 0.5
    z' = 0.9*z + P@h[t-3]
    h' = tanh(W@x + V@x[t-2 else s] + U@h + z')
    g = elman(h', H = H, h = sin(h0))
}
""")
def start(p, x, s, t, past):
    z = 0.9 * s.z + p.P @ (past("h", 3) if t >= 3 else tanh(p.h0))
    h = tanh(p.W @ x.x + p.V @ (past("x", 2) if t >= 2 else p.s) + p.U @ s.h + z)
    return {"h": h, "z": z, "g": tanh(p["g.W"] @ h + p["g.U"] @ s.g + p["g.b"])}


@cell(DH, X, {"W": ["H", "D"], "V": ["H", "D"], "s": ["D"]}, {}, ["y"], whole=True, text="""\
# The steps that follow, the last one, the second one.
cell ahead(x[D]) -> y {
    param W, V[H, D], s[D]
    y = tanh(W@x[t+1 else s] + V@x[t+2] + W@last(x, t) - V@at(x, t, int(1)))
}
""")
def ahead(p, x):
    one = torch.cat([x.x[1:], p.s[None]])
    two = F.pad(x.x, (0, 0, 0, 2))[2:]
    return {"y": tanh((one + x.x[-1]) @ p.W.T + (two - x.x[1]) @ p.V.T)}


@cell({"D": 4}, X,
      {f"y.{i}.{way}.{k}": v for i in "12" for way in ("forward", "backward")
       for k, v in (gates("rzn", "D//2", "D//2") | {"vn": ["D//2"]}).items()},
      {}, ["y"], whole=True, text="""\
# Two layers, both ways, each beside what it reads.
cell tower(x[D]) -> y {
    y = stack(residual(bidirectional(gru)), 2)(x, H = D/2)
}
""")
def tower(p, x):
    y = x.x
    for i in "12":
        y = y + both_ways(p, f"y.{i}.", y)
    return {"y": y}


@cell({"D": 3, "H": 4, "K": 5}, {"x": ["D"], "i": []},
      {"E": ["K", "H"], "W": ["H", "D"], "U": ["H", "H"], "V": ["K", "H"]},
      {"h": ["H"], "y": []}, ["loss", "h"], ints={"i": 5}, text="""\
# The likeliest symbol of a step is read in the next one; two forms of a cost.
cell feedback(x[D], i : int) -> loss, h {
    state h[H], y : int
    param E[K, H], W[H, D], U[H, H], V[K, H]
    h' = tanh(W@x + U@h + E[y])
    z = V@h'
    loss = cross_entropy(z, i) - sum(onehot(y, K)*log_softmax(z))
    y' = argmax(z)
}
""")
def feedback(p, x, s, t, past):
    h = tanh(p.W @ x.x + p.U @ s.h + p.E[int(s.y)])
    costs = -F.log_softmax(p.V @ h, 0)
    return {"h": h, "y": torch.argmax(p.V @ h), "loss": costs[x.i] + costs[int(s.y)]}


@cell({"D": 3, "N": 2}, X,
      {"nu": ["N"], "theta": ["N"]}
      | {f"{k}.{half}": v for k, v in (("B", ["N", "D"]), ("C", ["D", "N"]), ("S", ["N", "N"]))
         for half in ("re", "im")}, {"h": ["N"]}, ["y"], text="""\
# Complex values: products, quotients, halves, sizes.
cell pairs(x[D]) -> y {
    state h[N] : complex
    param nu, theta[N], B[N, D] : complex, C[D, N] : complex, S[N, N] : complex
    lambda = exp(complex(-exp(nu), theta))
    u = B@x
    h' = lambda*h + conj(u)*complex(0.5, theta)/(2 + abs(u)) - (S@h)*u/complex(2 + nu^2, theta)
    y = re(C@h') + sum(im(h')*re(u)) - im(C@conj(h))
}
""", pairs=("h",))
def pairs(p, x, s, t, past):
    u = pair(p, "B") @ x.x.to(torch.complex128)
    half = torch.complex(torch.full((2,), 0.5), p.theta)
    h = exp(torch.complex(-exp(p.nu), p.theta)) * s.h + u.conj() * half / (2 + u.abs())
    h = h - (pair(p, "S") @ s.h) * u / torch.complex(2 + p.nu ** 2, p.theta)
    y = (pair(p, "C") @ h).real + (h.imag * u.real).sum() - (pair(p, "C") @ s.h.conj()).imag
    return {"h": h, "y": y}


@cell({"D": 3, "M": 2}, {"x": ["D"], "m": ["M"]}, {"A": ["D", "D"], "k": ["D"], "c": []}, {},
      ["y"], over=("m",), text="""\
# Functions of elements, of dimensions, and of an axis; comparisons.
cell functions(x[D], m[M] over s) -> y {
    param A[D, D], k[D], c
    a = logaddexp(x, sin(A^T@x)) + cos(x)*sinh(1e-6*x) * 1e6 + log1p(square(x)) + min(x, c)
    b = lse(x) + max(x) - min(k*x) + mean(x) + sum(A, 0)[1] + mean(A, 1)[0] + lse(A, 0)[2]
    odd = where(t mod 2 == 1 and not x[0] > 0 or c > 2, 1, 2)
    w = concat(x[1:], [c, odd])[0:D] - pad(x[0:2], 0, 1, D) + (eye(D) - A)@(iota(D)*k)
    e = a*softplus(b) + silu(w) + log_softmax(k*x) + expm1(k)*sign(x)*floor(2*x) + abs(x) - A[1]
    near = min(m, s) + max(m, s)*lse(m, s) - mean(m, s) + last(m, s)*real(steps(s))
    before = sum(softmax(m, s)*m[s-1 else 0.5], s)
    y = e * sum(near + before + at(m, s, int(2)) + sum(log_softmax(m, s), s))
}
""")
def functions(p, x, s, t, past):
    v, m, D = x.x, x.m, 3
    a = torch.logaddexp(v, torch.sin(p.A.T @ v)) + torch.cos(v) * torch.sinh(1e-6 * v) * 1e6
    a = a + torch.log1p(v ** 2) + torch.minimum(v, p.c)
    b = v.logsumexp(0) + v.max() - (p.k * v).min() + v.mean() + p.A.sum(0)[1] + p.A.mean(1)[0]
    b = b + p.A.logsumexp(0)[2]
    odd = torch.tensor(1.0 if (t % 2 == 1 and not v[0] > 0) or p.c > 2 else 2.0)
    w = torch.cat([v[1:], p.c[None]]) - torch.cat([torch.zeros(1), v[:2]])
    assert len(w) == D and odd > 0  # what comes last is cut off
    w = w + (torch.eye(D) - p.A) @ (torch.arange(D) * p.k)
    e = a * F.softplus(b) + F.silu(w) + F.log_softmax(p.k * v, 0) + v.abs() - p.A[1]
    e = e + torch.expm1(p.k) * torch.sign(v) * torch.floor(2 * v)
    near = m.amin(0) + m.amax(0) * m.logsumexp(0) - m.mean(0) + 4 * m[3]
    before = (torch.softmax(m, 0) * torch.cat([torch.full((1, 2), 0.5), m[:3]])).sum(0)
    return {"y": e * (near + before + m[2] + F.log_softmax(m, 0).sum(0)).sum()}


@cell({"D": 3, "H": 4, "M": 2}, {"x": ["D"], "m": ["M"]},
      named("e.", gates("ifgo"), "M") | named("b.forward.", GRU, "M")
      | named("b.backward.", GRU, "M")
      | {"W": ["H", "D"], "U": ["H", "2*H"], "V": ["H", "H"]}, {"h": ["H"]}, ["h"], over=("m",),
      text="""\
# Cells that run along a memory, and a decoder that attends to it.
cell encoder(x[D], m[M] over s) -> h {
    state h[H]
    param W[H, D], U[H, 2*H], V[H, H]
    (e, c) = lstm(m, H = H, t = s)
    b = bidirectional(gru)(m, H = H, t = s)
    a = softmax(e@h, s)
    h' = tanh(W@x + U@sum(a*b, s) + V@last(c, s))
}
""")
def encoder(p, x, s, t, past):
    e, c = lstm(unit(p, "e."), x.m)
    a = torch.softmax(e @ s.h, 0)
    context = (a[:, None] * both_ways(p, "b.", x.m)).sum(0)
    return {"h": tanh(p.W @ x.x + p.U @ context + p.V @ c[-1])}
