"""Sequences to learn from, with NumPy: each has something that only a memory can know.

    python3 make.py         # writes class.npz and the others beside itself

class  the first of up to 8 symbols is the class of the sequence; past a length stands 99
value  the mean of the first number over the steps of a sequence; past a length stands NaN
tags   of each step: was the symbol before it an even one?
sums   of each step: the sum so far
blind  class without its y; hole: value with a NaN in it; long: a length of more than there is
"""

from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
draw = np.random.default_rng(1)


def save(name, **arrays):
    np.savez_compressed(HERE / f"{name}.npz", **arrays)


def main():
    n, t = 120, 8
    lengths = draw.integers(1, t + 1, n)
    past = np.arange(t) >= lengths[:, None]
    symbols = draw.integers(0, 4, (n, t))
    save("class", x=np.where(past, 99, symbols).astype("i8"), y=symbols[:, 0], lengths=lengths)
    save("blind", x=np.where(past, 99, symbols).astype("i8"), lengths=lengths)
    x = draw.normal(5, 2, (n, t, 2)).astype("f4")
    mean = np.where(past, 0, x[:, :, 0]).sum(1) / lengths
    save("value", x=np.where(past[..., None], np.nan, x), y=mean, lengths=lengths.astype("i4"))
    save("hole", x=np.where(past[..., None], np.nan, x)[:3], y=mean[:3])
    save("long", x=x[:3], y=mean[:3], lengths=np.array([8, 3, 9]))
    before = np.concatenate([np.ones((n, 1), int), symbols[:, :-1]], 1)
    save("tags", x=symbols.astype("u1"), y=(before % 2 == 0))
    x = draw.normal(0, 1, (n, t)).astype("f4")
    save("sums", x=x, y=x.cumsum(1)[..., None])


main()
