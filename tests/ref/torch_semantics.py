"""Cases 12 to 16: reductions that padding must not enter, legal nests, adjoints of the user's own.

Each case aims at one rule of the graph's meaning that a wrong implementation breaks silently:
which steps a sum sees, in which order nested loops run, where a gradient is expanded and where it
is summed.
"""

import torch

from torch_case import Case, lstm_lines, lstm_shapes, lstm_step, sq


def hypernetwork():
    T, B, D, H = 5, 4, 3, 3
    case = Case(
        "case12_hyper_batchnorm",
        "recurrent weights made from the input (a contract of two loop "
        "values) and batch norm over the valid steps of (t,b)",
        t=T,
        b=B,
    )
    case.ends("len", [5, 2, 4, 5], "t")
    case.input("x", "tb", D)
    case.params_from({"A": (H, H, D), "G": (H, H), "W": (H, D), "gamma": (H,), "beta": (H,)})

    def compute(v):
        steps = [(t, b) for b in range(B) for t in range(case.end("t", b))]
        u = torch.stack([v.W @ v.x[i] for i in steps])
        bn = (u - u.mean(0)) / torch.sqrt(u.var(0, unbiased=False) + 1e-5) * v.gamma + v.beta
        cells, zero = {}, torch.zeros(H)
        for (t, b), z in zip(steps, bn):
            before = cells.get((t - 1, b), zero)
            weights = torch.einsum("mnk,k->mn", v.A, v.x[t, b])
            cells[t, b] = torch.tanh(weights @ before + v.G @ before + z)
        h = case.fill("tb", cells, H)
        return {"loss": ("", sq(h)), "h": ("tb", h)}

    case.finish(
        """
        Wt = contract('mnk,k->mn', A, x)
        u = W @ x
        one = total(valid(t, b), t, b)
        # valid(t, b) is 1 or 0 in the domain {t,b}; one is the number of valid steps
        mu = total(u, t, b) / one
        var = total((u - mu) * (u - mu), t, b) / one
        bn = (u - mu) / sqrt(var + 1e-5) * gamma + beta
        h0 = delay(h, t, 1, 0) : [3]{t,b}
        h = tanh(contract('mn,n->m', Wt, h0) + G @ h0 + bn)
        loss = total(sq(h), t, b)
    """,
        compute,
    )


def accumulated_loss():
    T, B, D, H = 6, 3, 3, 4
    case = Case(
        "case13_accumulator",
        "the loss as an accumulating state equals the loss as a total; so do the gradients",
        t=T,
        b=B,
    )
    case.input("x", "tb", D)
    case.params_from(lstm_shapes(D, H))

    def compute(v):
        loss = torch.zeros(())
        for b in range(B):
            h = c = torch.zeros(H)
            for t in range(T):
                h, c = lstm_step(v, v.x[t, b], h, c)
                loss = loss + sq(h)
        return {"loss": ("", loss), "loss_state": ("", loss)}

    case.finish(
        lstm_lines(H) + """
        loss = total(sq(h), t, b)
        acc0 = delay(acc, t, 1, 0) : []{t,b}
        acc = acc0 + sq(h)
        loss_state = total(last(acc, t), b)
    """,
        compute,
    )


def qrnn():
    T, B, D, H = 7, 3, 3, 4
    case = Case(
        "case14_qrnn",
        "QRNN: causal convolution by input taps, and a look-ahead of 2 on the output; lengths",
        t=T,
        b=B,
    )
    case.ends("len", [7, 3, 1], "t")
    case.input("x", "tb", D)
    case.params_from({f"K{g}{j}": (H, D) for g in "zfo" for j in range(3)})

    def compute(v):
        loss, cells = torch.zeros(()), {}
        for b in range(B):
            n, hs, c = case.end("t", b), [], torch.zeros(H)
            for t in range(n):
                conv = lambda g: sum(
                    getattr(v, f"K{g}{j}") @ v.x[t - j, b] for j in range(3) if t - j >= 0
                )
                f = torch.sigmoid(conv("f"))
                c = f * c + (1 - f) * torch.tanh(conv("z"))
                hs.append(torch.sigmoid(conv("o")) * c)
            for t in range(n):
                cells[t, b] = hs[t] + hs[t + 2] if t + 2 < n else hs[t]
                loss = loss + sq(cells[t, b])
        return {"loss": ("", loss), "y": ("tb", case.fill("tb", cells, H))}

    taps = "\n".join(f"{g} = K{g}0 @ x + K{g}1 @ x1 + K{g}2 @ x2" for g in "zfo")
    case.finish(
        "x1 = delay(x, t, 1, 0)\nx2 = delay(x, t, 2, 0)\n" + taps + """
        c0 = delay(c, t, 1, 0) : [4]{t,b}
        c = sigmoid(f) * c0 + (1 - sigmoid(f)) * tanh(z)
        h = sigmoid(o) * c
        y = h + delay(h, t, -2, 0)
        loss = total(sq(y), t, b)
    """,
        compute,
    )


def legal_nests():
    T, S, B, H = 4, 3, 2, 2
    nested = Case(
        "case15_legal_nested",
        "legal: a cycle over s inside a cycle over t that reads the last s of the step before",
        t=T,
        s=S,
        b=B,
    )
    nested.input("x", "tb", H)
    both = Case(
        "case15_legal_both_signs",
        "legal: distances (t:+1, s:+1) and (t:+1, s:-1) in one cycle; "
        "t is outermost and carries both",
        t=T,
        s=S,
        b=B,
    )
    both.input("x", "tb", H)

    def compute_nested(v):
        cells, zero = {}, torch.zeros(H)
        for b in range(B):
            for t in range(T):
                for s in range(S):
                    a, c = cells.get((t, s - 1, b), zero), cells.get((t - 1, S - 1, b), zero)
                    cells[t, s, b] = torch.tanh(a + c + v.x[t, b])
        u = nested.fill("tsb", cells, H)
        return {"loss": ("", sq(u)), "u": ("tsb", u)}

    def compute_both(v):
        cells, zero = {}, torch.zeros(H)
        for b in range(B):
            for t in range(T):
                for s in range(S):
                    a, c = cells.get((t - 1, s - 1, b), zero), cells.get((t - 1, s + 1, b), zero)
                    cells[t, s, b] = torch.tanh(a + 0.5 * c + v.x[t, b])
        u = both.fill("tsb", cells, H)
        return {"loss": ("", sq(u)), "u": ("tsb", u)}

    nested.finish(
        """
        a = delay(u, s, 1, 0) : [2]{t,s,b}
        c = delay(end, t, 1, 0) : [2]{t,s,b}
        u = tanh(a + c + x)
        end = last(u, s)
        # c has the domain {t,s,b}, end only {t,b}: a state may be bound to a smaller domain
        loss = total(sq(u), t, s, b)
    """,
        compute_nested,
    )
    both.finish(
        """
        before = delay(u, t, 1, 0) : [2]{t,s,b}
        u = tanh(delay(before, s, 1, 0) + 0.5 * delay(before, s, -1, 0) + x)
        loss = total(sq(u), t, s, b)
    """,
        compute_both,
    )


def inner_gradient():
    T, B, K, V = 5, 2, 3, 3
    case = Case(
        "case16_inner_gradient",
        "a gradient inside the step (TTT-linear), which equals the delta "
        "rule, and the outer gradient through it",
        t=T,
        b=B,
    )
    for name, size in (("k", K), ("v", V), ("q", K)):
        case.input(name, "tb", size)
    case.param("eta", values=0.3)
    case.param("theta", K, K)

    def compute(v):
        loss = torch.zeros(())
        for b in range(B):
            W = torch.zeros(V, K, requires_grad=True)
            for t in range(T):
                inner = 0.5 * sq(W @ (v.theta @ v.k[t, b]) - v.v[t, b])
                W = W - v.eta * torch.autograd.grad(inner, W, create_graph=True)[0]
                loss = loss + sq(W @ v.q[t, b])
        return {"loss": ("", loss), "loss_delta": ("", loss)}

    case.finish(
        """
        W0 = delay(W, t, 1, 0) : [3,3]{t,b}
        kk = theta @ k
        W = W0 - eta * grad_in_step(0.5 * sq(W0 @ kk - v), W0)
        loss = total(sq(W @ q), t, b)
        # the same by the delta rule
        D0 = delay(D, t, 1, 0) : [3,3]{t,b}
        D = D0 - eta * contract('m,n->mn', D0 @ kk - v, kk)
        loss_delta = total(sq(D @ q), t, b)
    """,
        compute,
    )


class Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx, v):
        ctx.save_for_backward(v)
        return (v > 0.3).double()

    @staticmethod
    def backward(ctx, g):
        (v,) = ctx.saved_tensors
        return g / (1 + (v - 0.3).abs()) ** 2


def surrogate_spike():
    T, B, V = 5, 2, 3
    case = Case(
        "case16_spike",
        "custom adjoint: a spiking neuron with surrogate gradient, reset by its own spike",
        t=T,
        b=B,
    )
    case.input("x", "tb", V, scale=0.8)
    case.param("U", V, V)

    def compute(v):
        loss, cells = torch.zeros(()), {}
        for b in range(B):
            s = m = torch.zeros(V)
            for t in range(T):
                m = 0.9 * m + v.x[t, b] + v.U @ s - s
                cells[t, b] = s = Spike.apply(m)
                loss = loss + sq(s * v.x[t, b])
        return {"loss": ("", loss), "s": ("tb", case.fill("tb", cells, V))}

    case.finish(
        """
        s0 = delay(s, t, 1, 0) : [3]{t,b}
        m0 = delay(m, t, 1, 0) : [3]{t,b}
        m = 0.9 * m0 + x + U @ s0 - s0
        s = spike(m)
        # spike(a) is 1 where a > 0.3, else 0; its adjoint is declared as g / (1 + abs(a - 0.3))^2
        loss = total(sq(s * x), t, b)
    """,
        compute,
        differences=False,
    )


def fitted_adjoints():
    T, B, H = 5, 2, 3
    case = Case(
        "case16_fitted",
        "the adjoint of a total expands, that of a feature broadcast sums, that "
        "of a parameter read at each step sums over steps and samples",
        t=T,
        b=B,
    )
    case.input("x", "tb", H)
    case.input("x0", "tb")
    case.param("scale")
    case.param("p", H)
    case.param("p0")

    def compute(v):
        loss = torch.zeros(())
        for b in range(B):
            for t in range(T):
                x = v.x[t, b]
                loss = loss + sq(v.scale * x) + (x + v.p).sum() + v.x0[t, b] + v.p0
        return {"loss": ("", loss)}

    case.finish(
        """
        loss = total(sq(scale * x), t, b) + total(sum(x + p), t, b) + total(x0 + p0, t, b)
        # sum adds up all feature dimensions
    """,
        compute,
    )


def define():
    hypernetwork()
    accumulated_loss()
    qrnn()
    legal_nests()
    inner_gradient()
    surrogate_spike()
    fitted_adjoints()
