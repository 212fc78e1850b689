"""Published cells: values, and gradients of every parameter, learned initial state and input.

Equations follow the papers; where a paper leaves a choice, `about` names the variant.  A cell is
one function from (parameters, input, old states, step) to the new values; `cell` walks it over
every sample on its own and puts a squared distance to targets behind it.
"""

from types import SimpleNamespace

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

sigmoid, tanh = torch.sigmoid, torch.tanh


def cell(
    name,
    about,
    sizes,
    params,
    states,
    step,
    lines,
    output="h",
    steps=(6, 2, 4),
    axes=None,
    prepare=None,
    frozen=(),
    witness=None,
):
    """sizes: (of x, of the output); states: {name: (shape, learned initial value?)}; step returns a
    dict that holds each state and the output; prepare(case) adds constant inputs."""
    case = Case("cell_" + name, about, t=max(steps), **(axes or {}), b=len(steps))
    case.ends("len", list(steps), "t")
    case.input("x", "tb", sizes[0])
    case.input("target", "tb", sizes[1])
    if prepare:
        prepare(case)
    for key, shape in params.items():
        over, shape = shape if shape and isinstance(shape[0], str) else ("", shape)
        case.param(key, *shape, axes=over)
    for key, (shape, learned) in states.items():
        if learned:
            case.param(key + "_init", *shape)

    def compute(v):
        loss, cells = torch.zeros(()), {}
        for b, end in enumerate(steps):
            old = {
                k: getattr(v, k + "_init") if learned else torch.zeros(shape)
                for k, (shape, learned) in states.items()
            }
            for t in range(end):
                new = step(v, v.x[t, b], SimpleNamespace(**{k + "0": s for k, s in old.items()}), t)
                old = {k: new[k] for k in states}
                cells[t, b] = new[output]
                loss = loss + sq(new[output] - v.target[t, b])
        return {"loss": ("", loss), output: ("tb", case.fill("tb", cells, sizes[1]))}

    def against_module(v):
        init = lambda k: getattr(v, k + "_init").repeat(1, len(steps), 1)
        y = unpacked(witness(v, packed(v.x, v.len), init), max(steps))
        y = y @ v.Wo.T + v.bo if output == "y" else y
        inside = torch.tensor(case.inside("tb", 3))
        return sq(torch.where(inside, y - torch.nan_to_num(v.target), 0.0))

    delays = [
        f"{k}0 = delay({k}, t, 1, {k + '_init' if learned else 0}) : "
        f"[{','.join(map(str, shape))}]{{t,b}}"
        for k, (shape, learned) in states.items()
    ]
    case.finish(
        "\n".join(delays) + "\n" + lines + f"\nloss = total(sq({output} - target), t, b)",
        compute,
        frozen=frozen,
        witness=against_module if witness else None,
    )


def elman(kind):
    D, H = 3, 4
    f = {"tanh": tanh, "relu": torch.relu}[kind]

    def step(v, x, s, t):
        h = f(v.W @ x + v.U @ s.h0 + v.bh)
        return {"h": h, "y": v.Wo @ h + v.bo}

    def witness(v, x, init):
        weights = {
            "weight_ih_l0": v.W,
            "weight_hh_l0": v.U,
            "bias_ih_l0": v.bh,
            "bias_hh_l0": torch.zeros(H),
        }
        return torch.func.functional_call(
            torch.nn.RNN(D, H, nonlinearity=kind), weights, (x, init("h"))
        )[0]

    cell(
        "elman_" + kind,
        f"Elman network with {kind} and a linear readout",
        (D, 2),
        {"W": (H, D), "U": (H, H), "bh": (H,), "Wo": (2, H), "bo": (2,)},
        {"h": ((H,), True)},
        step,
        f"h = {kind}(W @ x + U @ h0 + bh)\ny = Wo @ h + bo",
        output="y",
        witness=witness,
    )


def lstm():
    D, H = 3, 4

    def step(v, x, s, t):
        return dict(zip("hc", lstm_step(v, x, s.h0, s.c0)))

    def witness(v, x, init):
        return torch.func.functional_call(
            torch.nn.LSTM(D, H), lstm_module_weights(v, {"": "_l0"}), (x, (init("h"), init("c")))
        )[0]

    cell(
        "lstm",
        "LSTM with forget gate (2000)",
        (D, H),
        lstm_shapes(D, H),
        {"h": ((H,), True), "c": ((H,), True)},
        step,
        "\n".join(lstm_lines(H).strip().splitlines()[2:]),
        witness=witness,
    )


def peephole_lstm():
    D, H = 3, 4

    def step(v, x, s, t):
        z = {
            g: getattr(v, "W" + g) @ x + getattr(v, "U" + g) @ s.h0 + getattr(v, "b" + g)
            for g in "ifgo"
        }
        i, f = sigmoid(z["i"] + v.pi * s.c0), sigmoid(z["f"] + v.pf * s.c0)
        c = f * s.c0 + i * tanh(z["g"])
        return {"h": sigmoid(z["o"] + v.po * c) * tanh(c), "c": c}

    cell(
        "lstm_peephole",
        "LSTM with peepholes: input and forget gate see the old cell state, the output "
        "gate the new one",
        (D, H),
        lstm_shapes(D, H) | {"pi": (H,), "pf": (H,), "po": (H,)},
        {"h": ((H,), True), "c": ((H,), True)},
        step,
        """
        i = sigmoid(Wi @ x + Ui @ h0 + pi * c0 + bi)
        f = sigmoid(Wf @ x + Uf @ h0 + pf * c0 + bf)
        g = tanh(Wg @ x + Ug @ h0 + bg)
        c = f * c0 + i * g
        o = sigmoid(Wo @ x + Uo @ h0 + po * c + bo)
        h = o * tanh(c)""",
    )


def gru_shapes(D, H, s=""):
    return {
        k + g + s: shape for g in "zrn" for k, shape in (("W", (H, D)), ("U", (H, H)), ("b", (H,)))
    }


def gru_before(v, x, h, s=""):
    z, r = (
        sigmoid(getattr(v, f"W{g}{s}") @ x + getattr(v, f"U{g}{s}") @ h + getattr(v, f"b{g}{s}"))
        for g in "zr"
    )
    n = tanh(getattr(v, "Wn" + s) @ x + getattr(v, "Un" + s) @ (r * h) + getattr(v, "bn" + s))
    return z * h + (1 - z) * n


def gru_lines(x="x", s="", h="h"):
    gate = lambda g: f"{g}{s} = sigmoid(W{g}{s} @ {x} + U{g}{s} @ {h}0 + b{g}{s})"
    return (
        "\n".join(
            [
                gate("z"),
                gate("r"),
                f"n{s} = tanh(Wn{s} @ {x} + Un{s} @ (r{s} * {h}0) + bn{s})",
                f"{h} = z{s} * {h}0 + (1 - z{s}) * n{s}",
            ]
        )
        + "\n"
    )


def gru():
    D, H = 3, 4

    def after(v, x, s, t):
        z, r = (
            sigmoid(getattr(v, "W" + g) @ x + getattr(v, "U" + g) @ s.h0 + getattr(v, "b" + g))
            for g in "zr"
        )
        n = tanh(v.Wn @ x + v.bn + r * (v.Un @ s.h0 + v.vn))
        return {"h": z * s.h0 + (1 - z) * n}

    def witness(v, x, init):
        join = lambda k: torch.cat([getattr(v, k + g) for g in "rzn"])
        hidden = torch.cat([torch.zeros(2 * H), v.vn])
        weights = {
            "weight_ih_l0": join("W"),
            "weight_hh_l0": join("U"),
            "bias_ih_l0": join("b"),
            "bias_hh_l0": hidden,
        }
        return torch.func.functional_call(torch.nn.GRU(D, H), weights, (x, init("h")))[0]

    cell(
        "gru_before",
        "GRU, reset before the product (Cho et al. 2014); z keeps the old state",
        (D, H),
        gru_shapes(D, H),
        {"h": ((H,), True)},
        lambda v, x, s, t: {"h": gru_before(v, x, s.h0)},
        gru_lines(),
    )
    cell(
        "gru_after",
        "GRU, reset after the product, with the second bias vn (as cuDNN and PyTorch)",
        (D, H),
        gru_shapes(D, H) | {"vn": (H,)},
        {"h": ((H,), True)},
        after,
        """
        z = sigmoid(Wz @ x + Uz @ h0 + bz)
        r = sigmoid(Wr @ x + Ur @ h0 + br)
        n = tanh(Wn @ x + bn + r * (Un @ h0 + vn))
        h = z * h0 + (1 - z) * n""",
        witness=witness,
    )


def mgu():
    D, H = 3, 4

    def step(v, x, s, t):
        f = sigmoid(v.Wf @ x + v.Uf @ s.h0 + v.bf)
        return {"h": (1 - f) * s.h0 + f * tanh(v.Wn @ x + v.Un @ (f * s.h0) + v.bn)}

    cell(
        "mgu",
        "minimal gated unit (Zhou et al. 2016)",
        (D, H),
        {k + g: shape for g in "fn" for k, shape in (("W", (H, D)), ("U", (H, H)), ("b", (H,)))},
        {"h": ((H,), True)},
        step,
        """
        f = sigmoid(Wf @ x + Uf @ h0 + bf)
        n = tanh(Wn @ x + Un @ (f * h0) + bn)
        h = (1 - f) * h0 + f * n""",
    )


def recurrent_highway():
    D, H, N = 3, 4, 3

    def step(v, x, s, t):
        h = s.h0
        for d in range(N):
            new, gate = v.Un[d] @ h + v.bn[d], v.Ut[d] @ h + v.bt[d]
            if d == 0:
                new, gate = new + v.Wn @ x, gate + v.Wt @ x
            gate = sigmoid(gate)
            h = tanh(new) * gate + h * (1 - gate)
        return {"h": h}

    cell(
        "highway",
        "recurrent highway network of depth 3 (Zilly et al. 2016), coupled gates, biases on "
        "both; depth is the axis d",
        (D, H),
        {
            "Wn": (H, D),
            "Wt": (H, D),
            "Un": ("d", (H, H)),
            "Ut": ("d", (H, H)),
            "bn": ("d", (H,)),
            "bt": ("d", (H,)),
        },
        {"h": ((H,), True)},
        step,
        """
        s0 = delay(s, d, 1, h0) : [4]{t,d,b}
        first = eq(index(d), 0)
        n = tanh(select(first, Wn @ x, 0) + Un @ s0 + bn)
        g = sigmoid(select(first, Wt @ x, 0) + Ut @ s0 + bt)
        s = n * g + s0 * (1 - g)
        h = last(s, d)""",
        axes={"d": N},
    )


def clockwork():
    D, H = 3, 6
    period = [1, 1, 2, 2, 4, 4]

    def prepare(case):
        slower = [[float(q >= p) for q in period] for p in period]
        case.input("mask", "", H, H, values=slower)
        case.integers("period", "", 0, 0, values=period)

    def step(v, x, s, t):
        new = tanh(v.W @ x + (v.U * v.mask) @ s.h0 + v.bh)
        return {"h": torch.stack([new[j] if t % period[j] == 0 else s.h0[j] for j in range(H)])}

    cell(
        "clockwork",
        "clockwork RNN (Koutnik et al. 2014) with three modules of periods 1, 2, 4; a module "
        "reads itself and slower ones; steps count from 0",
        (D, H),
        {"W": (H, D), "U": (H, H), "bh": (H,)},
        {"h": ((H,), True)},
        step,
        """
        # mask and period are constants of shapes [6,6] and [6] without axes; they get no gradient
        on = eq(mod(index(t), period), 0)
        h = select(on, tanh(W @ x + (U * mask) @ h0 + bh), h0)""",
        steps=(8, 3, 6),
        prepare=prepare,
        frozen=("mask",),
    )


def min_gru():
    D, H = 3, 4

    def step(v, x, s, t):
        z, a = sigmoid(v.Wz @ x + v.bz), v.Wn @ x + v.bn
        return {"h": (1 - z) * s.h0 + z * torch.where(a >= 0, a + 0.5, sigmoid(a))}

    cell(
        "mingru",
        "minGRU (Feng et al. 2024), the variant with the positive candidate g(a) = a + 0.5 for "
        "a >= 0, else sigmoid(a)",
        (D, H),
        {"Wz": (H, D), "bz": (H,), "Wn": (H, D), "bn": (H,)},
        {"h": ((H,), True)},
        step,
        """
        z = sigmoid(Wz @ x + bz)
        a = Wn @ x + bn
        h = (1 - z) * h0 + z * select(le(0, a), a + 0.5, sigmoid(a))""",
    )


def co_rnn(implicit):
    D, H, dt = 3, 4, 0.5

    def step(v, x, s, t):
        force = tanh(v.W @ s.y0 + v.V @ s.z0 + v.U @ x + v.bias) - v.gamma * s.y0
        z = (
            (s.z0 + dt * force) / (1 + dt * v.epsilon)
            if implicit
            else s.z0 + dt * (force - v.epsilon * s.z0)
        )
        return {"z": z, "y": s.y0 + dt * z}

    cell(
        "cornn" + ("_implicit" if implicit else ""),
        "coRNN (Rusch and Mishra 2021), damping "
        + ("implicit (new z)" if implicit else "explicit (old z)")
        + "; y moves with the new z; step 0.5",
        (D, H),
        {"W": (H, H), "V": (H, H), "U": (H, D), "bias": (H,), "gamma": (), "epsilon": ()},
        {"y": ((H,), True), "z": ((H,), True)},
        step,
        """
        force = tanh(W @ y0 + V @ z0 + U @ x + bias) - gamma * y0
        z = """
        + (
            "(z0 + 0.5 * force) / (1 + 0.5 * epsilon)"
            if implicit
            else "z0 + 0.5 * (force - epsilon * z0)"
        )
        + """
        y = y0 + 0.5 * z""",
        output="y",
    )


def legendre_memory():
    D, H, order, theta = 2, 3, 4, 6.0

    def prepare(case):
        a = torch.zeros(order + 1, order + 1)  # zero-order hold of A and B at once
        for i in range(order):
            for j in range(order):
                a[i, j] = (2 * i + 1) / theta * (-1.0 if i < j else (-1.0) ** (i - j + 1))
            a[i, order] = (2 * i + 1) / theta * (-1.0) ** i
        held = torch.matrix_exp(a).numpy()
        case.input("A", "", order, order, values=held[:order, :order])
        case.input("B", "", order, values=held[:order, order])

    def step(v, x, s, t):
        u = v.ex @ x + v.eh @ s.h0 + v.em @ s.m0
        m = v.A @ s.m0 + v.B * u
        return {"m": m, "h": tanh(v.Wx @ x + v.Wh @ s.h0 + v.Wm @ m)}

    cell(
        "lmu",
        "Legendre memory unit (Voelker et al. 2019), order 4, window 6, zero-order hold",
        (D, H),
        {"ex": (D,), "eh": (H,), "em": (order,), "Wx": (H, D), "Wh": (H, H), "Wm": (H, order)},
        {"h": ((H,), True), "m": ((order,), True)},
        step,
        """
        # A and B are constants of shapes [4,4] and [4] without axes; they get no gradient
        u = dot(ex, x) + dot(eh, h0) + dot(em, m0)
        m = A @ m0 + B * u
        h = tanh(Wx @ x + Wh @ h0 + Wm @ m)""",
        prepare=prepare,
        frozen=("A", "B"),
    )


def linear_attention():
    D, K, M = 3, 3, 4
    phi = lambda a: torch.nn.functional.elu(a) + 1

    def step(v, x, s, t):
        k, q = phi(v.Wk @ x), phi(v.Wq @ x)
        S, n = s.S0 + torch.outer(k, v.Wv @ x), s.n0 + k
        return {"S": S, "n": n, "y": q @ S / (q @ n)}

    cell(
        "linear_attention",
        "causal linear attention (Katharopoulos et al. 2020), feature map elu + 1, a matrix state",
        (D, M),
        {"Wq": (K, D), "Wk": (K, D), "Wv": (M, D)},
        {"S": ((K, M), False), "n": ((K,), False)},
        step,
        """
        ak = Wk @ x
        aq = Wq @ x
        # elu(a) + 1
        k = select(lt(0, ak), ak + 1, exp(ak))
        q = select(lt(0, aq), aq + 1, exp(aq))
        S = S0 + contract('k,m->km', k, Wv @ x)
        n = n0 + k
        y = contract('k,km->m', q, S) / dot(q, n)""",
        output="y",
    )


def define():
    for kind in ("tanh", "relu"):
        elman(kind)
    lstm()
    peephole_lstm()
    gru()
    mgu()
    recurrent_highway()
    clockwork()
    min_gru()
    for implicit in (False, True):
        co_rnn(implicit)
    legendre_memory()
    linear_attention()
