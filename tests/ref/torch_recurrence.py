"""Cases 1 to 9: recurrences with lengths, attention, nested and several axes, and their gradients.

Every `compute` is the definition, one sample and one step at a time.  Where PyTorch has the whole
thing ready-made (packed LSTM, CTC loss) it serves as a second witness.
"""

import torch

from torch_case import (
    Case,
    lstm_lines,
    lstm_module_weights,
    lstm_shapes,
    lstm_step,
    packed,
    sq,
    unpacked,
)


def two_layer_bilstm():
    B, D, H = 4, 2, 3
    case = Case(
        "case01_bilstm",
        "two-layer bidirectional LSTM, unequal lengths, NaN padding: "
        "outputs, last states and all gradients",
        t=7,
        b=B,
    )
    case.ends("len", [7, 1, 4, 6], "t")
    case.input("x", "tb", D)
    case.input("w", "tb", 2 * H)
    for s, width in (("_f0", D), ("_b0", D), ("_f1", 2 * H), ("_b1", 2 * H)):
        case.params_from(lstm_shapes(width, H, s))

    def direction(v, s, xs, back):
        h = c = torch.zeros(H)
        hs, cs = [None] * len(xs), [None] * len(xs)
        for t in reversed(range(len(xs))) if back else range(len(xs)):
            hs[t], cs[t] = h, c = lstm_step(v, xs[t], h, c, s)
        return hs, cs

    def compute(v):
        cells, loss = {}, torch.zeros(())
        for b in range(B):
            xs = [v.x[t, b] for t in range(case.end("t", b))]
            for layer in "01":
                hf, cf = direction(v, "_f" + layer, xs, False)
                hb, _ = direction(v, "_b" + layer, xs, True)
                xs = [torch.cat(pair) for pair in zip(hf, hb)]
            loss = loss + sq(hf[-1]) + sq(hb[0]) + sq(cf[-1])
            for t, y in enumerate(xs):
                cells[t, b] = y
                loss = loss + (y * v.w[t, b] * torch.tanh(y)).sum()
        return {"loss": ("", loss), "y": ("tb", case.fill("tb", cells, 2 * H))}

    def witness(v):
        pairs = {"_f0": "_l0", "_b0": "_l0_reverse", "_f1": "_l1", "_b1": "_l1_reverse"}
        module = torch.nn.LSTM(D, H, 2, bidirectional=True)
        sequence, (h, c) = torch.func.functional_call(
            module, lstm_module_weights(v, pairs), (packed(v.x, v.len),)
        )
        y = unpacked(sequence, 7)
        return (y * torch.nan_to_num(v.w) * y.tanh()).sum() + sq(h[2:]) + sq(c[2])

    case.finish(
        lstm_lines(H, s="_f0")
        + lstm_lines(H, k=-1, s="_b0")
        + "y1 = concat(h_f0, h_b0)\n"
        + lstm_lines(H, "y1", s="_f1")
        + lstm_lines(H, "y1", k=-1, s="_b1")
        + """
        y = concat(h_f1, h_b1)
        steps = total(dot(y * w, tanh(y)), t, b)
        ends = sq(last(h_f1, t)) + sq(at(h_b1, t, 0, 0)) + sq(last(c_f1, t))
        loss = steps + total(ends, b)
    """,
        compute,
        witness=witness,
    )


def empty_sequences(name, about, lengths, T):
    B, D, H = 4, 2, 3
    case = Case(name, about, t=T, b=B)
    case.ends("len", lengths, "t")
    case.input("x", "tb", D)
    case.params_from(lstm_shapes(D, H) | {"start": (H,)})

    def compute(v):
        loss, lasts = torch.zeros(()), {}
        for b in range(B):
            h, c = v.start, torch.zeros(H)
            for t in range(case.end("t", b)):
                h, c = lstm_step(v, v.x[t, b], h, c)
            lasts[b,] = h
            loss = loss + sq(h)
        return {"loss": ("", loss), "y": ("b", case.fill("b", lasts, H))}

    case.finish(
        lstm_lines(H, h_init="start") + """
        y = last(h, t, start)
        loss = total(sq(y), b)
    """,
        compute,
    )


def encoder_decoder(free):
    S, T, B, D, H, V = 5, 6, 3, 3, 4, 7
    kind = "its own argmax fed back" if free else "teacher-forced"
    case = Case(
        "case02_attention_" + ("free" if free else "forced"),
        "encoder-decoder with additive attention over axis s, both lengths, " + kind,
        s=S,
        t=T,
        b=B,
    )
    case.ends("len_s", [5, 2, 4], "s")
    case.ends("len_t", [6, 3, 5], "t")
    case.input("xs", "sb", D)
    case.integers("target", "tb", 0, V)
    case.params_from(
        {
            "We": (H, D),
            "Ue": (H, H),
            "E": (V, D),
            "Wm": (H, H),
            "Wh": (H, H),
            "va": (H,),
            "Wc": (H, D + H),
            "Uh": (H, H),
            "Wo": (V, H),
            "start": (H,),
        }
    )
    for name in case.params:
        case.tables[name] *= 2  # strong enough that the argmax changes from step to step

    def compute(v):
        loss, cells, picks = torch.zeros(()), {}, {}
        for b in range(B):
            m, memory = torch.zeros(H), []
            for s in range(case.end("s", b)):
                m = torch.tanh(v.We @ v.xs[s, b] + v.Ue @ m)
                memory.append(m)
            M = torch.stack(memory)
            h, token = torch.tanh(m) + v.start, 1
            for t in range(case.end("t", b)):
                a = torch.softmax(torch.tanh(M @ v.Wm.T + v.Wh @ h) @ v.va, 0)
                h = torch.tanh(v.Wc @ torch.cat([v.E[token], a @ M]) + v.Uh @ h)
                logits = v.Wo @ h
                wanted, best = int(v.target[t, b]), logits.argmax()
                loss = loss - torch.log_softmax(logits, 0)[wanted]
                token = int(best) if free else wanted
                cells[t, b], picks[t, b] = logits, best.double()
        results = {"loss": ("", loss), "logits": ("tb", case.fill("tb", cells, V))}
        if free:
            results["next"] = ("tb", case.fill("tb", picks).long())
        return results

    prev = "delay(next, t, 1, 1) : []{t,b} i32" if free else "delay(target, t, 1, 1)"
    case.finish(
        """
        m0 = delay(m, s, 1, 0) : [4]{s,b}
        m = tanh(We @ xs + Ue @ m0)
        h0 = delay(h, t, 1, tanh(last(m, s)) + start) : [4]{t,b}
        e = dot(va, tanh(Wm @ m + Wh @ h0))
        a = exp(e - stop(total_max(e, s)))
        ctx = contract(',m->m', a / total(a, s), m, s)
        prev = """
        + prev
        + """
        h = tanh(Wc @ concat(gather(E, prev), ctx) + Uh @ h0)
        logits = Wo @ h
        """
        + ("next = argmax(logits)" if free else "")
        + """
        loss = total(-gather(logsoftmax(logits), target), t, b)
    """,
        compute,
    )


def stacked_memory():
    S, T, B, D, H = 5, 6, 3, 3, 4
    case = Case(
        "case02_attention_stacked",
        "dot-product attention, memory as an axis (lse total) and "
        "as a stacked feature dimension (softmax and mask): the two losses are equal, and so "
        "are their gradients",
        s=S,
        t=T,
        b=B,
    )
    case.ends("len_s", [5, 2, 4], "s")
    case.ends("len_t", [6, 3, 5], "t")
    case.input("xs", "sb", D)
    case.params_from({"We": (H, D), "Ue": (H, H), "Uh": (H, H), "bias": (H,)})

    def compute(v):
        loss = torch.zeros(())
        for b in range(B):
            m, memory = torch.zeros(H), []
            for s in range(case.end("s", b)):
                m = torch.tanh(v.We @ v.xs[s, b] + v.Ue @ m)
                memory.append(m)
            M, h = torch.stack(memory), torch.zeros(H)
            for _ in range(case.end("t", b)):
                h = torch.tanh(v.Uh @ h + torch.softmax(M @ h, 0) @ M + v.bias)
                loss = loss + sq(h)
        return {"loss": ("", loss), "loss_stacked": ("", loss)}

    case.finish(
        """
        m0 = delay(m, s, 1, 0) : [4]{s,b}
        m = tanh(We @ xs + Ue @ m0)
        g0 = delay(g, t, 1, 0) : [4]{t,b}
        e = dot(m, g0)
        ctx = contract(',m->m', exp(e - total_lse(e, s)), m, s)
        g = tanh(Uh @ g0 + ctx + bias)
        loss = total(sq(g), t, b)
        # the same with the memory stacked: M has shape [extent of s, 4]
        h0 = delay(h, t, 1, 0) : [4]{t,b}
        M = stack(m, s)
        ok = stack(valid(s, b), s)
        a = softmax(select(ok, contract('sm,m->s', M, h0), -1e30))
        h = tanh(Uh @ h0 + contract('s,sm->m', a, M) + bias)
        loss_stacked = total(sq(h), t, b)
    """,
        compute,
    )


def nested_depth():
    T, B, D, H, N = 5, 3, 3, 4, 3
    case = Case(
        "case03_highway",
        "recurrent highway network: depth axis d nested in t, parameters that vary over d",
        t=T,
        d=N,
        b=B,
    )
    case.input("x", "tb", D)
    case.params_from({"W": (H, D), "Wt": (H, D)})
    for name, shape in {"U": (H, H), "Ut": (H, H), "bias": (H,)}.items():
        case.param(name, *shape, axes="d")

    def compute(v):
        loss, cells = torch.zeros(()), {}
        for b in range(B):
            s = torch.zeros(H)
            for t in range(T):
                for d in range(N):
                    new, gate = v.U[d] @ s + v.bias[d], v.Ut[d] @ s
                    if d == 0:
                        new, gate = new + v.W @ v.x[t, b], gate + v.Wt @ v.x[t, b]
                    gate = torch.sigmoid(gate)
                    s = torch.tanh(new) * gate + s * (1 - gate)
                cells[t, b] = s
                loss = loss + sq(s)
        return {"loss": ("", loss), "h": ("tb", case.fill("tb", cells, H))}

    case.finish(
        """
        top = delay(h, t, 1, 0) : [4]{t,b}
        s0 = delay(s, d, 1, top) : [4]{t,d,b}
        first = eq(index(d), 0)
        new = tanh(select(first, W @ x, 0) + U @ s0 + bias)
        gate = sigmoid(select(first, Wt @ x, 0) + Ut @ s0)
        s = new * gate + s0 * (1 - gate)
        h = last(s, d)
        loss = total(sq(h), t, b)
    """,
        compute,
    )


def grid():
    I, J, B, D, H = 4, 5, 2, 3, 3
    case = Case("case04_grid", "2-D grid recurrence over axes i and j", i=I, j=J, b=B)
    case.input("x", "ijb", D)
    case.params_from({"W": (H, D), "U": (H, H), "V": (H, H)})

    def compute(v):
        cells, zero = {}, torch.zeros(H)
        for i in range(I):
            for j in range(J):
                for b in range(B):
                    up, left = cells.get((i - 1, j, b), zero), cells.get((i, j - 1, b), zero)
                    cells[i, j, b] = torch.tanh(v.W @ v.x[i, j, b] + v.U @ up + v.V @ left)
        s = case.fill("ijb", cells, H)
        return {"loss": ("", sq(s)), "s": ("ijb", s)}

    case.finish(
        """
        up = delay(s, i, 1, 0) : [3]{i,j,b}
        left = delay(s, j, 1, 0) : [3]{i,j,b}
        s = tanh(W @ x + U @ up + V @ left)
        loss = total(sq(s), i, j, b)
    """,
        compute,
    )


def ctc():
    T, B, V, N = 8, 4, 5, 3
    tl, yl = [8, 6, 7, 2], [3, 2, 3, 1]
    case = Case(
        "case05_ctc",
        "CTC loss as a log-semiring recurrence over (t,u), both lengths; "
        "blank is 0 and lab holds the labels with blanks between",
        t=T,
        u=2 * N + 1,
        b=B,
    )
    case.ends("len_t", tl, "t")
    case.ends("len_u", [2 * n + 1 for n in yl], "u")
    case.input("logit", "tb", V, scale=1.6)
    words = [[2, 2, 3], [1, 4, 0], [3, 1, 2], [4, 0, 0]]
    lab = torch.zeros(2 * N + 1, B, dtype=torch.long)
    lab[1::2] = torch.tensor(words).T
    case.integers("lab", "ub", 0, V, values=lab.numpy())

    def compute(v):
        loss = torch.zeros(())
        for b in range(B):
            labels = [int(k) for k in v.lab[: case.end("u", b), b]]
            old = [torch.ones(())] + [torch.zeros(())] * (len(labels) - 1)
            for t in range(case.end("t", b)):  # in probabilities: no -inf, nothing to guard
                p, new = torch.softmax(v.logit[t, b], 0), []
                for u, k in enumerate(labels):
                    a = old[u] + (old[u - 1] if u >= 1 else 0)
                    if u >= 2 and k != 0 and k != labels[u - 2]:
                        a = a + old[u - 2]
                    new.append(p[k] * a)
                old = new
            loss = loss - torch.log(old[-1] + old[-2])
        return {"loss": ("", loss)}

    def witness(v):
        x = torch.nan_to_num(v.logit).log_softmax(-1)
        return torch.nn.functional.ctc_loss(
            x, torch.tensor(words), torch.tensor(tl), torch.tensor(yl), reduction="sum"
        )

    case.finish(
        """
        lp = logsoftmax(logit)
        prev = delay(al, t, 1, select(eq(index(u), 0), 0, -inf)) : []{t,u,b}
        one = delay(prev, u, 1, -inf)
        two = delay(prev, u, 2, -inf)
        skip = and(ne(lab, 0), ne(lab, delay(lab, u, 2, 0)))
        al = gather(lp, lab) + logaddexp(logaddexp(prev, one), select(skip, two, -inf))
        end = last(al, t)
        loss = total(-logaddexp(last(end, u, -inf), at(end, u, length(u) - 2, -inf)), b)
    """,
        compute,
        witness=witness,
    )


def hidden_markov():
    T, B, V = 6, 3, 4
    case = Case(
        "case05_hmm", "HMM forward: a dense log-semiring matrix product in the recurrence", t=T, b=B
    )
    case.ends("len", [6, 2, 5], "t")
    case.input("e", "tb", V)
    case.param("A", V, V)

    def compute(v):
        loss = torch.zeros(())
        for b in range(B):
            a = torch.zeros(V)
            for t in range(case.end("t", b)):
                a = torch.logsumexp(a[:, None] + v.A, 0) + v.e[t, b]
            loss = loss + torch.logsumexp(a, 0)
        return {"loss": ("", loss)}

    case.finish(
        """
        a0 = delay(a, t, 1, 0) : [4]{t,b}
        a = lse(reshape(a0, 4, 1) + A, 0) + e
        # lse(x, 0) is log-sum-exp over feature dimension 0, which disappears: [4,4] -> [4]
        loss = total(lse(last(a, t), 0), b)
    """,
        compute,
    )


def linear_attention():
    T, B, K, M = 6, 3, 4, 5
    case = Case(
        "case06_linear_attention", "linear attention with feature map exp: a matrix state", t=T, b=B
    )
    case.input("q", "tb", K)
    case.input("k", "tb", K)
    case.input("v", "tb", M)

    def compute(v):
        cells = {}
        for b in range(B):
            S, n = torch.zeros(K, M), torch.zeros(K)
            for t in range(T):
                f = torch.exp(v.k[t, b])
                S, n = S + torch.outer(f, v.v[t, b]), n + f
                g = torch.exp(v.q[t, b])
                cells[t, b] = g @ S / (g @ n)
        y = case.fill("tb", cells, M)
        return {"loss": ("", sq(y)), "y": ("tb", y)}

    def witness(v):
        a = torch.einsum("tbk,sbk->tsb", v.q.exp(), v.k.exp()) * torch.ones(T, T).tril()[..., None]
        return sq(torch.einsum("tsb,sbm->tbm", a, v.v) / a.sum(1)[..., None])

    case.finish(
        """
        S0 = delay(S, t, 1, 0) : [4,5]{t,b}
        n0 = delay(n, t, 1, 0) : [4]{t,b}
        S = S0 + contract('k,m->km', exp(k), v)
        n = n0 + exp(k)
        y = contract('k,km->m', exp(q), S) / dot(exp(q), n)
        loss = total(sq(y), t, b)
    """,
        compute,
        witness=witness,
    )


def second_derivative():
    B, D, H = 2, 3, 4
    case = Case(
        "case07_double_lstm",
        "the gradient of the squared norm of the weight gradient of an LSTM, with lengths",
        t=5,
        b=B,
    )
    case.ends("len", [5, 3], "t")
    case.input("x", "tb", D)
    shapes = lstm_shapes(D, H)
    case.params_from(shapes)

    def compute(v):
        inner = torch.zeros(())
        for b in range(B):
            h = c = torch.zeros(H)
            for t in range(case.end("t", b)):
                h, c = lstm_step(v, v.x[t, b], h, c)
                inner = inner + sq(h)
        grads = torch.autograd.grad(inner, [getattr(v, n) for n in shapes], create_graph=True)
        return {"loss": ("", sum(map(sq, grads))), "inner": ("", inner)}

    case.finish(
        lstm_lines(H)
        + "inner = total(sq(h), t, b)\n"
        + "\n".join(f"d{n} = grad(inner, {n})" for n in shapes)
        + "\nloss = "
        + " + ".join(f"sq(d{n})" for n in shapes),
        compute,
    )


def long_delay(k):
    B, H = 4, 3
    sign = "plus" if k > 0 else "minus"
    case = Case(
        f"case08_delay_{sign}{abs(k)}",
        f"delay of {k} steps whose initial value is computed and "
        "differs from step to step; lengths 0 and below |k| among them",
        t=6,
        b=B,
    )
    case.ends("len", [6, 1, 4, 0], "t")
    case.input("x", "tb", H)
    case.input("c", "b", H)
    case.params_from({"A": (H, H), "U": (H, H)})

    def compute(v):
        loss, cells = torch.zeros(()), {}
        for b in range(B):
            n = case.end("t", b)
            for t in range(n) if k > 0 else reversed(range(n)):
                start = torch.tanh(v.A @ v.c[b]) + t * 0.1
                before = cells[t - k, b] if 0 <= t - k < n else start
                cells[t, b] = torch.tanh(v.x[t, b] + v.U @ before)
                loss = loss + sq(cells[t, b])
            loss = loss + sq(cells[n - 1, b] if n else v.A @ v.c[b])
        return {"loss": ("", loss), "h": ("tb", case.fill("tb", cells, H))}

    case.finish(
        f"""
        h0 = delay(h, t, {k}, tanh(A @ c) + index(t) * 0.1) : [3]{{t,b}}
        h = tanh(x + U @ h0)
        loss = total(sq(h), t, b) + total(sq(last(h, t, A @ c)), b)
    """,
        compute,
    )


def split_axis(truncated):
    N, C, B, D, H = 2, 5, 3, 3, 4
    case = Case(
        "case09_split_" + ("truncated" if truncated else "full"),
        "an LSTM over 10 steps as axes (n,t) of 2 blocks of 5: "
        + ("truncated BPTT, the carry passes stop" if truncated else "full BPTT through the carry"),
        n=N,
        t=C,
        b=B,
    )
    case.input("x", "ntb", D)
    case.params_from(lstm_shapes(D, H))

    def compute(v):
        loss, cells = torch.zeros(()), {}
        for b in range(B):
            h = c = torch.zeros(H)
            for n in range(N):
                if truncated:
                    h, c = h.detach(), c.detach()
                for t in range(C):
                    h, c = lstm_step(v, v.x[n, t, b], h, c)
                    cells[n, t, b] = h
                    loss = loss + sq(h)
        return {"loss": ("", loss), "h": ("ntb", case.fill("ntb", cells, H))}

    cut = (lambda s: f"stop({s})") if truncated else (lambda s: s)
    case.finish(
        """
        hn = delay(h_last, n, 1, 0) : [4]{n,b}
        cn = delay(c_last, n, 1, 0) : [4]{n,b}
        """
        + lstm_lines(H, h_init=cut("hn"), c_init=cut("cn"), domain="n,t,b")
        + """
        h_last = last(h, t)
        c_last = last(c, t)
        loss = total(sq(h), n, t, b)
    """,
        compute,
        differences=not truncated,
    )


def define():
    two_layer_bilstm()
    empty_sequences(
        "case01_length_zero",
        "length 0 inside a batch: last gives its initial value, and the loss still depends on it",
        [0, 0, 2, 0],
        3,
    )
    empty_sequences(
        "case01_extent_zero",
        "extent T = 0: loss is B start.start, its gradient 2 B start",
        [0, 0, 0, 0],
        0,
    )
    encoder_decoder(False)
    encoder_decoder(True)
    stacked_memory()
    nested_depth()
    grid()
    ctc()
    hidden_markov()
    linear_attention()
    second_derivative()
    for k in (1, 2, 3, -1, -2):
        long_delay(k)
    split_axis(False)
    split_axis(True)
