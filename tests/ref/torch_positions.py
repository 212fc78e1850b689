"""Cases 17 and 18: which step of which sample is read, and what its gradient is added to.

A position may be shared by samples, mirrored, renamed, chosen by data or carried from call to call;
each sample's own end decides what exists.  A wrong rule here still trains, only worse.
"""

import torch

from torch_case import Case, lstm_lines, lstm_shapes, lstm_step, sq


def shared_position():
    T, B, D, H = 7, 3, 3, 4
    case = Case(
        "case17_position",
        "a value of domain {t} shared by samples of unequal length: its gradient skips padding",
        t=T,
        b=B,
    )
    case.ends("len", [7, 2, 4], "t")
    case.input("x", "tb", D)
    case.input("pos", "t", D)
    case.params_from(lstm_shapes(D, H))

    def compute(v):
        loss = torch.zeros(())
        for b in range(B):
            h = c = torch.zeros(H)
            for t in range(case.end("t", b)):
                h, c = lstm_step(v, v.x[t, b] + v.pos[t], h, c)
                loss = loss + sq(h)
        return {"loss": ("", loss)}

    case.finish("z = x + pos\n" + lstm_lines(H, "z") + "loss = total(sq(h), t, b)", compute)


def flip():
    T, B, D, H = 7, 3, 3, 4
    case = Case(
        "case17_flip",
        "a delay of -1 equals: flip by `at`, run forward, flip back; with lengths. "
        "Both losses and their gradients are equal",
        t=T,
        b=B,
    )
    case.ends("len", [7, 2, 4], "t")
    case.input("x", "tb", D)
    case.params_from(lstm_shapes(D, H))

    def compute(v):
        loss, cells = torch.zeros(()), {}
        for b in range(B):
            h = c = torch.zeros(H)
            for t in reversed(range(case.end("t", b))):
                cells[t, b] = h, c = lstm_step(v, v.x[t, b], h, c)
                loss = loss + sq(h)
        y = case.fill("tb", {i: h for i, (h, _) in cells.items()}, H)
        return {"loss": ("", loss), "h": ("tb", y), "loss_flip": ("", loss), "y": ("tb", y)}

    forward = "\n".join(
        [
            "fh0 = delay(fh, t, 1, 0) : [4]{t,b}",
            "fc0 = delay(fc, t, 1, 0) : [4]{t,b}",
            "fi = sigmoid(Wi @ xr + Ui @ fh0 + bi)",
            "ff = sigmoid(Wf @ xr + Uf @ fh0 + bf)",
            "fg = tanh(Wg @ xr + Ug @ fh0 + bg)",
            "fo = sigmoid(Wo @ xr + Uo @ fh0 + bo)",
            "fc = ff * fc0 + fi * fg",
            "fh = fo * tanh(fc)",
        ]
    )
    case.finish(
        lstm_lines(H, k=-1)
        + """
        loss = total(sq(h), t, b)
        xr = at(x, t, length(t) - 1 - index(t), 0)
        """
        + forward
        + """
        y = at(fh, t, length(t) - 1 - index(t), 0)
        loss_flip = total(sq(y), t, b)
    """,
        compute,
    )


def self_attention():
    T, B, D, H = 7, 3, 3, 4
    case = Case(
        "case17_self_attention",
        "causal self-attention: at(y, t, index(s)) renames an axis",
        t=T,
        s=T,
        b=B,
    )
    case.ends("len", [7, 2, 4], "ts")
    case.input("x", "tb", D)
    case.param("K", H, D)

    def compute(v):
        loss, cells = torch.zeros(()), {}
        for b in range(B):
            y = [v.K @ v.x[t, b] for t in range(case.end("t", b))]
            for t in range(len(y)):
                past = torch.stack(y[: t + 1])
                cells[t, b] = torch.softmax(past @ y[t], 0) @ past
                loss = loss + sq(cells[t, b])
        return {"loss": ("", loss), "o": ("tb", case.fill("tb", cells, H))}

    case.finish(
        """
        y = K @ x
        ys = at(y, t, index(s), 0)
        score = dot(y, ys)
        seen = le(index(s), index(t))
        weight = select(seen, exp(score - total_lse(select(seen, score, -inf), s)), 0)
        o = contract(',m->m', weight, ys, s)
        loss = total(sq(o), t, b)
    """,
        compute,
    )


def chosen_delay():
    T, B = 7, 3
    case = Case(
        "case17_chosen_delay",
        "a data-dependent delay of 1 to 3 steps inside the cycle, as a select over taps",
        t=T,
        b=B,
    )
    case.ends("len", [7, 2, 4], "t")
    case.integers("d", "tb", 1, 4)
    case.input("x", "tb")
    case.param("g", values=0.7)

    def compute(v):
        loss, cells = torch.zeros(()), {}
        for b in range(B):
            for t in range(case.end("t", b)):
                before = cells.get((t - int(v.d[t, b]), b), torch.zeros(()))
                cells[t, b] = v.x[t, b] + v.g * torch.tanh(before)
                loss = loss + sq(cells[t, b])
        return {"loss": ("", loss), "y": ("tb", case.fill("tb", cells))}

    case.finish(
        """
        y1 = delay(y, t, 1, 0) : []{t,b}
        y2 = delay(y1, t, 1, 0)
        y3 = delay(y1, t, 2, 0)
        y = x + g * tanh(select(eq(d, 1), y1, select(eq(d, 2), y2, y3)))
        loss = total(y * y, t, b)
    """,
        compute,
    )


def pointer():
    T, S, B, D = 7, 5, 3, 3
    case = Case(
        "case17_pointer",
        "pointer at(m, s, i(t)): its adjoint, a scatter-add, skips NaN padding",
        t=T,
        s=S,
        b=B,
    )
    case.ends("len", [7, 2, 4], "t")
    case.integers("i", "tb", 0, S)
    case.input("x", "tb", D)
    case.param("m", D, axes="s")

    def compute(v):
        cells = {
            (t, b): v.m[int(v.i[t, b])] * torch.tanh(v.x[t, b])
            for b in range(B)
            for t in range(case.end("t", b))
        }
        y = case.fill("tb", cells, D)
        return {"loss": ("", sq(y)), "y": ("tb", y)}

    case.finish(
        """
        y = at(m, s, i, 0) * tanh(x)
        loss = total(sq(y), t, b)
    """,
        compute,
    )


def spread():
    T, U, B = 7, 5, 3
    case = Case("case17_spread", "spread: a feature dimension becomes an axis", t=T, u=U, b=B)
    case.ends("len", [7, 2, 4], "t")
    case.input("x", "tb", U)

    def compute(v):
        cells = {
            (t, u, b): v.x[t, b, u]
            for b in range(B)
            for t in range(case.end("t", b))
            for u in range(U)
        }
        loss = sum(u * y * y for (t, u, b), y in cells.items())
        return {"loss": ("", loss), "y": ("tub", case.fill("tub", cells))}

    case.finish(
        """
        y = spread(x, 0, u)
        loss = total(y * y * index(u), t, u, b)
    """,
        compute,
    )


def ragged_streaming():
    T, B, H, K = 9, 3, 3, 2
    case = Case(
        "case18_streaming",
        "delay of 2 over ragged samples; cut into calls of unequal numbers of "
        "steps per sample (field calls: [call][sample]), the carry of one call being the hist of "
        "the next, it gives the same h and the same last carry",
        t=T,
        b=B,
    )
    case.ends("len", [9, 5, 3], "t")
    case.input("x", "tb", H)
    case.input("hist", "b", K, H)
    case.param("U", H, H)
    case.calls = [[3, 1, 0], [0, 2, 1], [1, 0, 0], [2, 2, 2], [3, 0, 0]]

    def compute(v):
        loss, cells, carries = torch.zeros(()), {}, {}
        for b in range(B):
            n = case.end("t", b)
            for t in range(n):
                before = cells[t - K, b] if t >= K else v.hist[b, K - 1 - t]
                cells[t, b] = torch.tanh(v.x[t, b] + v.U @ before)
                loss = loss + sq(cells[t, b])
            newest = [cells[t, b] for t in reversed(range(n))] + list(v.hist[b])
            carries[b,] = torch.stack(newest[:K])
        carry = case.fill("b", carries, K, H)
        return {
            "loss": ("", loss + sq(carry)),
            "h": ("tb", case.fill("tb", cells, H)),
            "carry": ("b", carry),
        }

    case.finish(
        """
        # hist[0] is the newest: the step t-2 before the start is hist[1-t]
        h0 = delay(h, t, 2, gather(hist, 1 - index(t))) : [3]{t,b}
        h = tanh(x + U @ h0)
        carry0 = at(h, t, length(t) - 1, gather(hist, 0 - length(t)))
        carry1 = at(h, t, length(t) - 2, gather(hist, 1 - length(t)))
        carry = concat(reshape(carry0, 1, 3), reshape(carry1, 1, 3))
        loss = total(sq(h), t, b) + total(sq(carry), b)
    """,
        compute,
    )


def log_semiring_twice():
    T, B, V, U = 5, 2, 4, 3
    case = Case(
        "case18_double_log",
        "second derivative through a log-semiring recurrence whose states "
        "are -inf at first: finite",
        t=T,
        u=U,
        b=B,
    )
    case.ends("len_t", [5, 3], "t")
    case.ends("len_u", [3, 2], "u")
    case.input("logit", "tb", V)
    case.integers("lab", "ub", 0, V, values=[[0, 0], [1, 2], [0, 0]])

    def compute(v):
        nll = torch.zeros(())
        for b in range(B):
            old = [torch.ones(())] + [torch.zeros(())] * (case.end("u", b) - 1)
            for t in range(case.end("t", b)):
                p = torch.softmax(v.logit[t, b], 0)
                old = [
                    p[int(v.lab[u, b])] * (a + (old[u - 1] if u else 0)) for u, a in enumerate(old)
                ]
            nll = nll - torch.log(old[-1])
        (g,) = torch.autograd.grad(nll, v.logit, create_graph=True)
        return {"loss": ("", sq(g)), "nll": ("", nll), "g": ("tb", g)}

    case.finish(
        """
        lp = logsoftmax(logit)
        prev = delay(al, t, 1, select(eq(index(u), 0), 0, -inf)) : []{t,u,b}
        al = gather(lp, lab) + logaddexp(prev, delay(prev, u, 1, -inf))
        nll = total(-last(last(al, t), u), b)
        g = grad(nll, logit)
        loss = total(sq(g), t, b)
    """,
        compute,
    )


def define():
    shared_position()
    flip()
    self_attention()
    chosen_delay()
    pointer()
    spread()
    ragged_streaming()
    log_semiring_twice()
