"""What is measured."""

import dataclasses
import fnmatch


@dataclasses.dataclass(frozen=True)
class Row:
    """L layers of D directions, I inputs, H units; B samples of T steps. mode: forward; training
    (forward, backward, all gradients); stream (forward; the next call goes on)."""

    id: str
    cell: str
    L: int
    D: int
    I: int  # noqa: E741
    H: int
    B: int
    T: int
    mode: str
    peers: tuple
    quick: bool = False  # among those of --quick
    note: str = ""
    object: bool = False  # of `eddy compile`, in one process with its peer

    def competing(self, quick):
        """The names of its peers; what takes long to begin is left out of quick runs."""
        return tuple(name for name in self.peers if name not in COMPILED or not quick)

    def request(self):
        return {key: getattr(self, key) for key in ("cell", "L", "D", "I", "H", "B", "T", "mode")}


FORWARD, TRAINING, STREAM = "forward", "training", "stream"
ALL = ("torch", "jax")
LAYERS = ("torch", "onnxruntime", "onednn")
TRAINED = ("torch", "jax", "onednn")
# torch.compile unrolls over time: it takes a minute for 16 steps of a user's cell in training, so
# it is tried where there are few steps alone, and there on a few rows.
COMPILED = ("compiled",)


def inference():
    """Groups A (one sample, small) and B."""
    rtneural = "RTNeural: not on PyPI or Debian, not run here"
    rnnoise = "RNNoise: not on PyPI or Debian, not run here"
    nets = ("torch", "onnxruntime")
    return [
        Row("A1.1", "amplifier", 1, 1, 1, 16, 1, 1, STREAM, nets + COMPILED, True, rtneural),
        Row("A1.64", "amplifier", 1, 1, 1, 16, 1, 64, STREAM, nets, False, rtneural),
        Row("A2", "amplifier", 1, 1, 1, 40, 1, 64, STREAM, nets, False, rtneural),
        Row("A3", "gru", 1, 1, 64, 64, 1, 1, STREAM, nets, True, rtneural),
        Row("A4", "lstm", 1, 1, 64, 64, 1, 1, STREAM, nets + COMPILED, False, rtneural),
        Row("A5", "noise", 1, 1, 42, 96, 1, 1, STREAM, nets, False, rnnoise),
        Row("A6", "gru", 3, 1, 256, 256, 1, 1, STREAM, nets, False, rnnoise),
        Row("A7", "voice", 1, 1, 128, 384, 1, 1, STREAM, nets, False, rnnoise),
        Row("A8.63", "lstm", 1, 2, 24, 32, 1, 63, FORWARD, LAYERS, True),
        Row("A8.31", "lstm", 1, 2, 48, 32, 1, 31, FORWARD, LAYERS),
        Row("A8.15", "lstm", 1, 2, 96, 32, 1, 15, FORWARD, LAYERS),
        Row("B1", "lstm", 2, 2, 800, 100, 1, 400, FORWARD, LAYERS, True),
        Row("B2", "lstm", 7, 1, 1024, 1024, 1, 30, FORWARD, LAYERS),
        Row("B3", "lstm", 1, 2, 256, 256, 64, 50, FORWARD, LAYERS, True),
        Row("B4", "lstm", 1, 1, 1024, 512, 640, 1, FORWARD, LAYERS + COMPILED),
        Row("B5.50", "gru", 1, 1, 1760, 1760, 1, 50, FORWARD, LAYERS),
        Row("B5.100", "gru", 1, 1, 1760, 1760, 1, 100, FORWARD, LAYERS),
        Row("B5.200", "gru", 1, 1, 1760, 1760, 1, 200, FORWARD, LAYERS),
        Row("B6.gru", "gru", 1, 1, 1760, 1760, 64, 25, FORWARD, LAYERS, note="T = 25 of 100"),
        Row("B6.rnn", "rnn", 1, 1, 1760, 1760, 64, 50, FORWARD, LAYERS, note="T = 50 of 100"),
        Row("B7.low", "lstm", 2, 1, 240, 1024, 64, 16, FORWARD, LAYERS,
            note="layers 1 and 2 of 5; T = 16 of 256"),
        Row("B7.high", "lstm", 3, 1, 2048, 1024, 64, 8, FORWARD, LAYERS,
            note="layers 3 to 5 of 5, which read pairs of steps; T = 8 of 128"),
    ]  # fmt: skip


def training():
    """Group C."""
    return [
        Row("C1", "lstm", 2, 1, 200, 200, 20, 20, TRAINING, TRAINED + COMPILED, True),
        Row("C1.lm", "lm", 2, 1, 200, 200, 20, 20, TRAINING, ALL,
            note="embedding, softmax over 10,000 symbols and loss included"),
        Row("C2", "lstm", 2, 1, 650, 650, 20, 35, TRAINING, TRAINED),
        Row("C3", "lstm", 2, 1, 1500, 1500, 20, 35, TRAINING, TRAINED),
        Row("C4", "lstm", 2, 1, 128, 128, 50, 50, TRAINING, TRAINED, True),
        Row("C5.629", "lstm", 1, 1, 128, 128, 128, 629, TRAINING, TRAINED),
        Row("C5.952", "lstm", 1, 1, 128, 128, 128, 952, TRAINING, TRAINED),
        Row("C6", "lstm", 1, 1, 500, 500, 64, 50, TRAINING, TRAINED),
        Row("C7.50", "rnn", 1, 1, 1760, 1760, 32, 50, TRAINING, TRAINED),
        Row("C7.100", "rnn", 1, 1, 1760, 1760, 32, 100, TRAINING, TRAINED),
        Row("C7.200", "rnn", 1, 1, 1760, 1760, 32, 200, TRAINING, TRAINED),
        Row("C8", "gru", 1, 1, 1760, 1760, 32, 25, TRAINING, TRAINED, note="T = 25 of 100"),
        Row("C9", "lstm", 1, 2, 256, 256, 128, 50, TRAINING, ("torch", "onednn")),
        Row("C10", "lstm", 1, 1, 1, 128, 128, 784, TRAINING, TRAINED),
        Row("C11", "gru", 2, 1, 64, 64, 64, 512, TRAINING, TRAINED, True),
        Row("C12", "ligru", 1, 1, 512, 512, 8, 1024, TRAINING, ALL),
        Row("C13", "slstm", 1, 1, 256, 256, 16, 1024, TRAINING, ALL),
        Row("C14", "mingru", 1, 1, 512, 512, 8, 4096, TRAINING, ALL),
    ]  # fmt: skip


def standard():
    """Group S: the LSTM where its memory and its threads are looked at."""
    return [
        Row(f"S.{H}x{B}.{mode[0]}", "lstm", 1, 1, H, H, B, T, mode, TRAINED, B == 8)
        for H, B, T in ((64, 1, 1000), (256, 1, 100), (256, 8, 100), (256, 16, 100), (512, 64, 50))
        for mode in (FORWARD, TRAINING)
    ]


def ragged():
    """Group R: S.256x16 with lengths that fall from T to T / B; S.256x16 is the same with all
    of the padding. One peer knows how to leave it out."""
    return [
        Row(f"R.256x16.{mode[0]}", "ragged", 1, 1, 256, 256, 16, 100, mode, ("torch",))
        for mode in (FORWARD, TRAINING)
    ]


def objects():
    """Group O: cells that `eddy compile` made, for whoever streams without the library."""
    return [
        Row("O1", "gru", 1, 1, 64, 64, 1, 1000, STREAM, ("onnxruntime",), True, object=True),
        Row("O2", "lstm", 1, 1, 1, 16, 1, 1, STREAM, ("onnxruntime",), True, object=True),
    ]  # fmt: skip


OWN = ("ligru", "norm-lstm", "peephole", "gru-gates", "cornn", "slstm", "mingru", "attention",
       "joined")  # fmt: skip
SIZES = ((1, 64, 1000), (16, 256, 100), (64, 512, 50))


def own():
    """Group U: users' cells."""
    return [
        Row(f"U.{cell}.{B}x{H}.{mode[0]}", cell, 1, 1, H, H, B, T, mode, ALL,
            H == 256 and mode == TRAINING)
        for cell in OWN
        for B, H, T in SIZES
        for mode in (FORWARD, TRAINING)
    ]  # fmt: skip


ROWS = inference() + training() + standard() + ragged() + objects() + own()

LEFT_OUT = (
    "C15 (long back-propagation under a byte budget): there is no such budget yet",
    "B2, B5, C3 and others in bf16 or int8: there is no reduced precision yet",
    "B7 as one net: between its layers 2 and 3 pairs of steps become one; it is two rows here",
    "peers RTNeural, RNNoise, LPCNet: neither on PyPI nor in Debian",
)


def choose(patterns, quick):
    """The rows whose id matches one of them; of all, or of those of a quick run."""
    if not patterns:
        return [row for row in ROWS if row.quick or not quick]
    return [
        row
        for row in ROWS
        if any(fnmatch.fnmatchcase(row.id, pattern) for pattern in patterns.split(","))
    ]
