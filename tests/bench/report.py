"""What a run shows: the machine, a line a row, programs, a summary; and the page that is kept."""

import math
import textwrap

import rows

MS = 1e3
GOALS = {"A1": 8, "A": 2, "B": 1.15, "C": 1.2, "jax": 1.8, "torch": 4}


def text_of(seconds):
    return "-" if seconds is None else f"{seconds * MS:.4g}"


def best_peer(result):
    """(name, seconds); (None, None) where there is none."""
    peers = result.get("peers") or {}
    name = min(peers, key=peers.get, default=None)
    return name, peers.get(name)


def ratio(result, name=None):
    """Time of the best peer, or of this one, over ours."""
    seconds = best_peer(result)[1] if name is None else result.get("peers", {}).get(name)
    return seconds / result["ours_s"] if seconds else None


def agrees(result):
    return result.get("max_err") is None or result["max_err"] <= result["err_bound"]


def faulty(result):
    return "error" in result or not agrees(result)


def reached(result):
    """The row's goal: the peer's time, or most of the roof."""
    own = result["id"].startswith("U")
    share = 0.88 if own or result["mode"] == "training" else 0.92
    found = ratio(result, "jax") if own else ratio(result)
    return result["share_of_roof"] >= share or (found or 0) >= (1.1 if own else 1.0)


# ---- tables

HEADS = ("row", "what", "ours ms", "best peer ms", "", "ratio", "roof ms", "share", "bound",
         "threads", "max err", "FMA x2/x1")  # fmt: skip
WIDTHS = (-20, -34, 9, 12, -11, 6, 9, 6, -11, 7, 9, 9)


def what(result):
    way = "" if result["D"] == 1 else "x2"
    return "{cell} {L}{way} {I}-{H} B={B} T={T} {mode}".format(way=way, **result)


def cells_of(result):
    name, seconds = best_peer(result)
    found = ratio(result)
    error = result["max_err"]
    return (
        result["id"] + ("" if reached(result) else " *"),
        what(result),
        text_of(result["ours_s"]),
        text_of(seconds),
        f"{name} on {result['peer_threads'][name]}" if name else "no peer",
        "-" if found is None else f"{found:.2f}",
        text_of(result["roof_s"]),
        f"{100 * result['share_of_roof']:.0f}%",
        result["bound"],
        str(result["threads"]),
        ("-" if error is None else f"{error:.1e}") + ("" if agrees(result) else " WRONG"),
        f"{result['fma_ratio']:.2f}" + ("~" if result["disturbed"] else ""),
    )


def aligned(texts, widths):
    parts = [f"{t:<{-w}}" if w < 0 else f"{t:>{w}}" for t, w in zip(texts, widths)]
    return " ".join(parts).rstrip()


def print_row(result):
    if "error" in result:
        print(f"{result['id']:<20} failed: {result['error']}", flush=True)
        return
    print(aligned(cells_of(result), WIDTHS))
    for name, why in result["failed"].items():
        print(f"{'':<20} {name}: not run here: {why}")
    if not agrees(result):
        print(f"{'':<20} differs from the peers in {result['err_of']}")
    print(end="", flush=True)


NEST_HEADS = ("ms of a call", "", "calls", "roof ms", "share", "bound", "nest")
NEST_WIDTHS = (33, 5, 8, 8, 6, 8, -60)


def print_where(nests):
    """Where the time of a call goes: what takes a hundredth of it, longest first."""
    total = sum(nest["seconds"] for nest in nests)
    print(aligned(NEST_HEADS, NEST_WIDTHS))
    for nest in nests:
        if nest["seconds"] < 0.01 * total:
            continue
        least = nest["roof_s"]
        known = least > 0
        cells = (
            text_of(nest["seconds"]),
            f"{100 * nest['seconds'] / total:.0f}%",
            f"{nest['calls']:.0f}",
            text_of(least) if known else "-",
            f"{100 * least / nest['seconds']:.0f}%" if known else "-",
            nest["bound"] if known else "-",
            nest["name"],
        )
        print(aligned(cells, NEST_WIDTHS))
    print(end="", flush=True)


PROGRAM_HEADS = ("row", "kernels", "nests", "compile ms", "core ms", "LLVM ms", "object KB",
                 "arena MB", "floats", "growth", "1 thread", "2 threads", "of FMA",
                 "meet")  # fmt: skip
PROGRAM_WIDTHS = (-20, 7, 5, 10, 8, 8, 9, 9, 7, 7, 9, 9, 7, 5)


def program_cells(result):
    by_threads, gain = result["ours_by_threads"], thread_gain(result)
    return (
        result["id"],
        str(result["kernels"]),
        str(result["nests"]),
        f"{result['compile_ms']:.0f}",
        f"{result['compile_core_ms']:.0f}",
        f"{result['compile_llvm_ms']:.0f}",
        f"{result['object_bytes'] / 1024:.1f}",
        f"{result['arena_bytes'] / (1 << 20):.2f}",
        f"{result['arena_floats']:.1f}",
        f"{result['arena_growth']:.1f}",
        text_of(by_threads.get(1)),
        text_of(by_threads.get(2)),
        "-" if gain is None else f"{gain:.2f}",
        f"{result['meeting_s'] * 1e9:.0f}" if result["meeting_s"] else "-",
    )


PROGRAM_WORDS = """\
kernels: functions, which equal nests share. compile: wall time of a second compilation in the
process; core: of both threads; LLVM: its part on the wall. arena: what a run holds beyond inputs,
outputs and parameters; floats: of it per T * B * H; growth: the same of what further steps add.
1 thread, 2 threads: ms of a call; of FMA: the gain of the second thread over what it gave of
multiply-adds. meet: ns in which two threads meet around the row: 50 between cores that share a
cache, several times that between others, and then what one made is dear for the other to read."""

ROW_WORDS = """\
ms: a call on the wall, the median of 9 rounds; ours on as many threads as the library takes by
itself, a peer's on one or two, whichever is faster. ratio: the peer's time over ours. roof: the
least time by what was measured above; share: roof over ours; bound: the largest part of the roof.
max err: over the tensors of all peers' results, the largest norm of a difference from ours, as a
part of the tensor's norm; where it is more than 1e-3 the row is WRONG. FMA x2/x1: multiply-adds of
two threads over one's around the row; under 1.9 (~) the second core was not all ours. *: neither
the peer's time nor most of the roof. Rows O: ours is an object of `eddy compile`, with what it
prepares made before, on one thread and in one process with the peer."""


def good(results):
    return [result for result in results if "error" not in result]


def print_programs(results):
    print("\n" + aligned(PROGRAM_HEADS, PROGRAM_WIDTHS))
    for result in good(results):
        print(aligned(program_cells(result), PROGRAM_WIDTHS))
    print("\n" + PROGRAM_WORDS)


# ---- the summary


def mean(ratios):
    """The geometric mean; None of nothing."""
    ratios = [r for r in ratios if r]
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else None


def groups(results):
    """[(words, mean, number of rows, goal)]"""

    def group(letter, choose=lambda result: True):
        return [r for r in results if r["id"][0] == letter and choose(r)]

    def call(result):
        return result["mode"] == "stream" and result["T"] == 1

    own = group("U")
    found = [
        ("A, one step a call", group("A", call), None, GOALS["A1"]),
        ("A, several steps a call", group("A", lambda r: not call(r)), None, GOALS["A"]),
        ("B", group("B"), None, GOALS["B"]),
        ("C", group("C"), None, GOALS["C"]),
        ("users' cells, over JAX", own, "jax", GOALS["jax"]),
        ("users' cells, over PyTorch eager", own, "torch", GOALS["torch"]),
    ]
    lines = []
    for words, members, name, goal in found:
        value = mean([ratio(r, name) for r in members])
        if value:
            lines.append((words, value, len(members), goal))
    return lines


def thread_gain(result):
    """One thread's time over two's, as a share of what two gave of multiply-adds; None: unknown."""
    times = result["ours_by_threads"]
    if 1 not in times or 2 not in times or math.isnan(result["fma_ratio"]):
        return None
    return times[1] / times[2] / result["fma_ratio"]


def side_conditions(results):
    """What has a goal besides the ratios: (words, values by row, which one counts)."""
    wide = [r for r in results if r["B"] * r["H"] >= 4096 and thread_gain(r)]
    narrow = [r for r in results if r["B"] * r["H"] < 4096 and thread_gain(r)]
    slower = {r["id"]: r["ours_s"] / r["ours_by_threads"][1] for r in narrow}
    trained = {r["id"]: r["compile_ms"] for r in results if r["mode"] == "training"}
    floats = {r["id"]: r["arena_growth"] for r in results if r["id"] == "S.256x8.t"}
    step = {r["id"]: r["ours_s"] * 1e9 for r in results if r["id"] == "A1.1"}
    alone = {r["id"]: r["ours_s"] * 1e9 for r in results if r["id"] == "O2"}
    whole = {r["id"]: 1 / ratio(r) for r in results if r["id"] == "O1" and ratio(r)}
    command = {r["id"]: r["command_ms"] for r in results if "command_ms" in r}
    return [
        (
            "two threads over one as a share of multiply-adds, B * H of 4,096 and more: {:.2f}, "
            "goal 0.93",
            {r["id"]: thread_gain(r) for r in wide},
            min,
        ),
        ("time over one thread's, other rows: {:.2f}, goal 1.05", slower, max),
        ("compilation of a training program: {:.0f} ms, goal 80", trained, max),
        ("memory of LSTM training, floats that a step adds per B * H: {:.1f}, goal 7", floats, max),
        ("a call of one step of 16 units and an output: {:.0f} ns, goal 100", step, max),
        ("a step of an object, an LSTM of 16 units: {:.0f} ns, goal 100", alone, max),
        ("a sequence of an object over ONNX Runtime's time: {:.2f}, goal 0.80", whole, max),
        ("eddy compile of one cell: {:.0f} ms, goal 150", command, max),
    ]


def summary(results):
    lines = [
        f"geometric mean of ratios, {words} ({count} rows): {value:.2f}, goal {goal}"
        for words, value, count, goal in groups(good(results))
    ]
    slow = [r["id"] for r in good(results) if not reached(r)]
    names = f" ({', '.join(slow)})" if slow else ""
    lines.append(
        f"rows that reach neither the peer's time nor most of the roof: {len(slow)}{names}"
    )
    for words, values, worst in side_conditions(good(results)):
        if values:
            row = worst(values, key=values.get)
            lines.append(f"{words.format(values[row])} ({row}, of {len(values)} rows)")
    return lines + [f"not run: {words}" for words in rows.LEFT_OUT]


def print_summary(results):
    print("\n" + "\n".join(summary(results)))


# ---- the machine


def rate_text(pair, unit, scale):
    if pair is None:
        return "not run here"
    return f"{pair[0] / scale:.0f} {unit}, on two threads {pair[1] / scale:.0f}"


def machine_lines(bench):
    facts, roofs = bench.machine, bench.roofs
    caches = ", ".join(f"{name} {size >> 10} KB" for name, size in sorted(bench.caches.items()))
    lines = [f"CPU: {facts['cpu']}; {caches}"]
    lines.append(
        f"ours: eddy {facts['eddy']}, code for {facts['code']}, LLVM {facts['llvm']} "
        f"(its start: {facts['start_ms']:.0f} ms)"
    )
    lines += [f"peer {name}: {words}" for name, words in bench.versions.items()]
    for name, pair in roofs["multiply"].items():
        lines.append(f"multiply-adds of {name}: {rate_text(pair, 'GFLOP/s', 1e9)}")
    for name, pair in roofs["read"].items():
        lines.append(f"reading {name}: {rate_text(pair, 'GB/s', 1e9)}")
    for name, entry in roofs["activations"].items():
        lines.append(
            f"{name}: {rate_text(entry['rate'], 'million a second', 1e6)}; "
            f"one after the other {entry['chain'] * 1e9:.1f} ns"
        )
    lines.append(
        f"from a multiply-add to the next that needs it {roofs['latency'] * 1e9:.2f} ns; "
        f"two threads meet in {roofs['meeting'] * 1e9:.0f} ns"
    )
    if not facts["optimised"]:
        lines.append("THIS BUILD IS NOT OPTIMISED, or is instrumented: times mean nothing")
    return lines


def print_machine(bench):
    print("\n".join(machine_lines(bench)))
    print("\n" + ROW_WORDS + "\n\n" + aligned(HEADS, WIDTHS), flush=True)


# ---- the page


def markdown(heads, lines):
    yield "| " + " | ".join(heads) + " |"
    yield "| " + " | ".join("---" for _ in heads) + " |"
    for line in lines:
        yield "| " + " | ".join(line).replace(" *", " \\*") + " |"


def items(lines):
    for line in lines:
        yield textwrap.fill(line, 99, initial_indent="- ", subsequent_indent="  ")


def write_page(path, bench, results):
    results = good(results)
    page = ["# Benchmarks", ""]
    page += [
        "This page is what `./run bench --docs docs/benchmarks.md` wrote on the machine that it",
        "names. All competitors got the same weights and inputs, ran in turn in the same minutes,",
        "and their results were compared. Users' cells are in `tests/bench/cells.c` for this",
        "library and in `tests/bench/peers/cells.py` for the peers.",
        "",
        "## Machine and versions",
        "",
    ]
    page += items(machine_lines(bench))
    page += ["", "## Summary", ""]
    page += items(summary(results))
    page += ["", "## Rows", "", *ROW_WORDS.splitlines(), ""]
    page += markdown(HEADS, map(cells_of, results))
    notes = [f"{r['id']}: {r['note']}" for r in results if r["note"]]
    failed = [
        f"{r['id']}: {name}: not run here: {why}"
        for r in results
        for name, why in r["failed"].items()
    ]
    page += ["", *items(notes + failed)] if notes or failed else []
    page += ["", "## Programs", "", *PROGRAM_WORDS.splitlines(), ""]
    page += markdown(PROGRAM_HEADS, map(program_cells, results))
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(page) + "\n")
