"""Networks of published cells with unequal lengths: a bidirectional LSTM, an attention decoder.

They join what the single cells test alone: two directions and two layers over one set of lengths,
and a decoder over one axis that reads an encoder over another, each axis with its own lengths.
"""

import torch

from torch_case import Case, lstm_lines, lstm_module_weights, lstm_shapes, lstm_step
from torch_case import packed, sq, unpacked
from torch_cells import gru_before, gru_lines, gru_shapes


def bilstm():
    B, D, H = 3, 2, 3
    names = {"_f0": "_l0", "_b0": "_l0_reverse", "_f1": "_l1", "_b1": "_l1_reverse"}
    case = Case(
        "cell_bilstm",
        "two-layer bidirectional LSTM, unequal lengths, learned initial states of "
        "each layer and direction",
        t=6,
        b=B,
    )
    case.ends("len", [4, 6, 1], "t")
    case.input("x", "tb", D)
    case.input("target", "tb", 2 * H)
    for s in names:
        case.params_from(
            lstm_shapes(D if s[-1] == "0" else 2 * H, H, s) | {
                "h_init" + s: (H,),
                "c_init" + s: (H,),
            }
        )

    def compute(v):
        cells = {}
        for b in range(B):
            n = case.end("t", b)
            ys = [v.x[t, b] for t in range(n)]
            for layer in "01":
                out = {}
                for way, order in (("f", range(n)), ("b", reversed(range(n)))):
                    s = f"_{way}{layer}"
                    h, c = getattr(v, "h_init" + s), getattr(v, "c_init" + s)
                    for t in order:
                        h, c = lstm_step(v, ys[t], h, c, s)
                        out[way, t] = h
                ys = [torch.cat([out["f", t], out["b", t]]) for t in range(n)]
            cells |= {(t, b): y for t, y in enumerate(ys)}
        loss = sum(sq(y - v.target[i]) for i, y in cells.items())
        return {"loss": ("", loss), "y": ("tb", case.fill("tb", cells, 2 * H))}

    def witness(v):
        starts = [
            torch.stack([getattr(v, k + s) for s in names])[:, None].repeat(1, B, 1)
            for k in ("h_init", "c_init")
        ]
        module = torch.nn.LSTM(D, H, 2, bidirectional=True)
        sequence = torch.func.functional_call(
            module, lstm_module_weights(v, names), (packed(v.x, v.len), tuple(starts))
        )[0]
        inside = torch.tensor(case.inside("tb", 3))
        return sq(torch.where(inside, unpacked(sequence, 6) - torch.nan_to_num(v.target), 0.0))

    lines = lambda x, s: lstm_lines(H, x, 1 if s[1] == "f" else -1, s, "h_init" + s, "c_init" + s)
    case.finish(
        lines("x", "_f0")
        + lines("x", "_b0")
        + "y0 = concat(h_f0, h_b0)\n"
        + lines("y0", "_f1")
        + lines("y0", "_b1")
        + "y = concat(h_f1, h_b1)\nloss = total(sq(y - target), t, b)",
        compute,
        witness=witness,
    )


def attention():
    S, T, B, D, H, V = 5, 4, 3, 2, 3, 5
    case = Case(
        "cell_attention",
        "encoder-decoder (GRU, reset before) with additive attention (Bahdanau "
        "et al. 2014), unequal lengths on both sides, teacher-forced",
        s=S,
        t=T,
        b=B,
    )
    case.ends("len_s", [2, 5, 4], "s")
    case.ends("len_t", [4, 1, 3], "t")
    case.input("xs", "sb", D)
    case.integers("target", "tb", 0, V)
    case.params_from(
        gru_shapes(D, H, "e")
        | {
            "m_init": (H,),
            "Ws": (H, H),
            "bs": (H,),
            "E": (V, D),
            "Wm": (H, H),
            "Wh": (H, H),
            "va": (H,),
        }
        | gru_shapes(D + H, H, "d")
        | {"Wo": (V, H), "Wc": (V, H), "bo": (V,)}
    )

    def compute(v):
        loss, cells = torch.zeros(()), {}
        for b in range(B):
            m, memory = v.m_init, []
            for s in range(case.end("s", b)):
                m = gru_before(v, v.xs[s, b], m, "e")
                memory.append(m)
            h, token = torch.tanh(v.Ws @ m + v.bs), 0
            for t in range(case.end("t", b)):
                scores = torch.stack([v.va @ torch.tanh(v.Wm @ m + v.Wh @ h) for m in memory])
                context = sum(a * m for a, m in zip(torch.softmax(scores, 0), memory))
                h = gru_before(v, torch.cat([v.E[token], context]), h, "d")
                cells[t, b] = v.Wo @ h + v.Wc @ context + v.bo
                token = int(v.target[t, b])
                loss = loss - torch.log_softmax(cells[t, b], 0)[token]
        return {"loss": ("", loss), "logits": ("tb", case.fill("tb", cells, V))}

    case.finish(
        "m0 = delay(m, s, 1, m_init) : [3]{s,b}\n"
        + gru_lines("xs", "e", "m")
        + """
        h0 = delay(h, t, 1, tanh(Ws @ last(m, s, m_init) + bs)) : [3]{t,b}
        score = dot(va, tanh(Wm @ m + Wh @ h0))
        context = contract(',m->m', exp(score - total_lse(score, s)), m, s)
        # token 0 stands before the first target
        xd = concat(gather(E, delay(target, t, 1, 0)), context)
        """
        + gru_lines("xd", "d", "h")
        + """
        logits = Wo @ h + Wc @ context + bo
        loss = total(-gather(logsoftmax(logits), target), t, b)
    """,
        compute,
    )


def define():
    bilstm()
    attention()
