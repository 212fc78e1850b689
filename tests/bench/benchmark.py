"""./run bench: how fast compiled programs are, beside other systems and what the machine can do.

Nothing is asserted: times belong to a machine and an hour. A row that this library cannot compile
or run, or whose results differ from a peer's by more than the bound, is an error, and the exit code
says so.

In each round every competitor is timed once, one after the other, so that what happens to the
machine happens to all. The best of a peer's thread counts counts. Around the rounds of a row the
rate of multiply-adds on one and two threads is measured; rounds in which two gave less than 1.9
times one are repeated once, and marked ~ if that did not help.
"""

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import time

import competitor
import objects
import report
import roof
import rows

UNDISTURBED = 1.9
ROUNDS = 9
# The largest norm of a difference over the tensor's. Sums of other orders in f32 give 1e-5, and
# with them a step at the other side of a kink 1e-4; a wrong term gives 1e-2 and more.
BOUND = 1e-3


def cache_sizes():
    """Bytes of the data caches that the first core sees."""
    sizes = {"L1": 32 << 10, "L2": 512 << 10, "L3": 8 << 20}
    folder = "/sys/devices/system/cpu/cpu0/cache"
    for index in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        facts = {}
        for what in ("level", "type", "size"):
            path = os.path.join(folder, index, what)
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    facts[what] = file.read().strip()
        if facts.get("type") in ("Data", "Unified") and facts.get("size", "").endswith("K"):
            sizes[f"L{facts['level']}"] = int(facts["size"][:-1]) << 10
    return sizes


def cpu_name():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return "unknown"


class Progress:
    def __init__(self, count):
        self.count, self.done, self.start = count, 0, time.monotonic()
        self.terminal = sys.stderr.isatty()

    def show(self, row, what):
        text = f"bench: {self.done + 1}/{self.count} {row.id} {what}"
        if self.terminal:
            sys.stderr.write(f"\r\x1b[K{text}")
        elif what == "begins":
            sys.stderr.write(f"{text} at {time.monotonic() - self.start:.0f} s\n")
        sys.stderr.flush()

    def end(self):
        if self.terminal:
            sys.stderr.write("\r\x1b[K")


class Bench:
    def __init__(self, options, ours, peers, folder):
        self.options, self.ours, self.peers, self.folder = options, ours, peers, folder
        self.both = None  # the process of a row's object and its peer
        self.counts = [options.threads] if options.threads else [1, 2]
        self.caches = cache_sizes()
        self.machine = {"cpu": cpu_name(), "caches": self.caches, **ours.ask("machine")}
        blocks = {
            "L1": self.caches["L1"] // 2,
            "L2": self.caches["L2"] // 2,
            "L3": self.caches["L3"] // 4,
            "DRAM": 4 * self.caches["L3"],
        }
        self.roofs = ours.ask("roofs", **blocks)
        self.versions = self.ask_versions()

    def ask_versions(self):
        """Peers that do not start are left out, with the reason."""
        versions = {}
        for name in list(self.peers):
            try:
                versions[name] = self.peers[name][0].ask("versions")["versions"]
            except competitor.Failure as failure:
                versions[name] = f"not run here: {failure}"
                del self.peers[name]
        return versions

    # ---- a row

    def compiled(self, row):
        """A row's object, which has begun and been compared, and its peer in the same process."""
        peer = self.peers.get(objects.PEER)
        python = peer[0].command[0] if peer else sys.executable
        self.both = objects.process(python, os.path.join(self.options.folder, "logs"))
        ours = objects.Side(self.both, "object")
        library, made = objects.make(self.options.build, row, self.folder)
        self.facts.update(made)
        ours.ask(
            "begin",
            row=row.request(),
            folder=self.folder,
            given=self.facts["given"],
            library=library,
        )
        found = ours.ask("call", calls=self.calls, folder=self.folder, found=self.found)
        peers = {objects.PEER: [objects.Side(self.both, objects.PEER)]} if peer else {}
        return [("ours", ours, 1)], peers, {"object": found}

    def contestants(self, row):
        """[(name, process, threads)] of what is timed; peers have begun and been compared."""
        entries = [("ours", self.ours, n) for n in self.counts]
        peers, results = self.peers, {}
        if row.object:
            entries, peers, results = self.compiled(row)
        for name in row.competing(self.options.quick):
            for process in peers.get(name, ()):
                self.progress.show(row, f"{process.name} begins")
                first = process.threads or self.counts[0]
                try:
                    process.ask(
                        "begin",
                        row=row.request(),
                        folder=self.folder,
                        given=self.facts["given"],
                        threads=first,
                        timeout=60,
                    )
                    if name not in results:
                        results[name] = process.ask(
                            "call", calls=self.calls, folder=self.folder, found=self.found
                        )
                except competitor.Failure as failure:
                    results[name] = {"error": str(failure)}
                    break
                counts = [process.threads] if process.threads else self.counts
                entries.extend((name, process, n) for n in counts)
        entries = [e for e in entries if "error" not in results.get(e[0], {})]
        return entries, results

    def rounds(self, row, entries):
        """{(name, threads): [answers]}; a thread count that is clearly worse drops out."""
        times = {(name, n): [] for name, _, n in entries}
        seconds = 0.01 if self.options.quick else 0.03
        active = list(entries)
        for i in range(ROUNDS):
            self.progress.show(row, f"round {i + 1} of {ROUNDS}")
            for name, process, n in active:
                times[name, n].append(process.ask("time", threads=n, seconds=seconds))
            if i == 1:
                active = [e for e in active if not self.hopeless(e, times)]
        return times

    @staticmethod
    def hopeless(entry, times):
        """Ours are shown by threads as well, so they must be far worse to be left out."""
        name, _, n = entry
        best = {key: min(a["seconds"] for a in found) for key, found in times.items()}
        least = min(value for (other, _), value in best.items() if other == name)
        return best[name, n] > (4 if name == "ours" else 1.3) * least

    def rate(self):
        """Multiply-adds of one and two threads; seconds in which two meet, which tells how far
        their cores are from one another: on a virtual machine that changes while it runs."""
        answer = self.ours.ask("rate")
        return answer["rate"] or [math.nan, math.nan], answer["meeting"] or math.inf

    def timed(self, row, entries):
        """The rounds, repeated once if the second core was not there: (times, rate, ratio,
        meeting)."""
        kept = None
        for _ in range(1 if self.options.quick else 2):
            before, once = self.rate()
            times = self.rounds(row, entries)
            after, again = self.rate()
            rate = [(a + b) / 2 for a, b in zip(before, after)]
            ratio = rate[1] / rate[0]
            if kept is None or ratio > kept[2]:
                kept = (times, rate, ratio, min(once, again))
            if ratio >= UNDISTURBED:
                break
        return kept

    def end(self):
        """The memory of this row goes before the next one comes."""
        if self.both:
            self.both.stop()
        self.both = None
        for process in (self.ours, *(p for group in self.peers.values() for p in group)):
            try:
                if process.process:
                    process.ask("end")
            except competitor.Failure:
                process.stop()

    def measure(self, row):
        """An object of the JSON file; "error" where there are no times."""
        self.progress.show(row, "begins")
        self.calls = 8 if row.mode == "stream" else 1
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        result = {"id": row.id, **row.request(), "cpu": self.machine["cpu"], "note": row.note}
        try:
            self.facts = self.ours.ask("begin", row=row.request(), folder=self.folder)
            self.found = self.ours.ask("call", calls=self.calls, folder=self.folder)["found"]
            entries, compared = self.contestants(row)
            times, rate, ratio, meeting = self.timed(row, entries)
        except competitor.Failure as failure:
            return {**result, "error": str(failure)}
        finally:
            self.end()

        def median(key, what="seconds"):
            return statistics.median(answer[what] for answer in times[key])

        threads = self.options.threads or self.facts["chosen"]
        ours = {n: median((name, n)) for name, n in times if name == "ours"}
        if threads not in ours:
            threads = max(ours)
        peers, counts = {}, {}
        for name, n in times:
            if name != "ours" and median((name, n)) < peers.get(name, math.inf):
                peers[name], counts[name] = median((name, n)), n
        least = roof.seconds(row, roof.Machine(self.roofs, self.caches, rate, min(threads, 2)))
        errors = [a["max_err"] for a in compared.values() if "max_err" in a]
        facts = {key: value for key, value in self.facts.items() if key != "given"}
        return {
            **result,
            "threads": threads,
            "ours_s": ours[threads],
            "ours_by_threads": ours,
            "core_s": median(("ours", min(ours)), "core_seconds"),
            "peers": peers,
            "peer_threads": counts,
            "failed": {name: a["error"] for name, a in compared.items() if "error" in a},
            "roof_s": least.total(),
            "roof_terms": least.terms,
            "share_of_roof": least.total() / ours[threads],
            "bound": least.bound(),
            "max_err": max(errors, default=None),
            "err_of": {name: a["where"] for name, a in compared.items() if "where" in a},
            "err_bound": BOUND,
            "fma": rate,
            "fma_ratio": ratio,
            "disturbed": not ratio >= UNDISTURBED,
            "meeting_s": meeting if math.isfinite(meeting) else None,
            **facts,
        }

    def where(self, row, threads):
        os.makedirs(self.folder, exist_ok=True)
        asked = {"row": row.request(), "folder": self.folder, "threads": threads}
        return self.ours.ask("nests", **asked)["nests"]

    def run(self, chosen):
        self.progress = Progress(len(chosen))
        results = []
        for row in chosen:
            result = self.measure(row)
            if self.options.nests and "error" not in result:
                self.progress.show(row, "where the time goes")
                result["where"] = self.where(row, result["threads"])
            self.progress.end()
            results.append(result)
            report.print_row(result)
            if "where" in result:
                report.print_where(result["where"])
            self.progress.done += 1
        return results


def parse():
    parser = argparse.ArgumentParser(
        prog="./run bench",
        description="How fast compiled programs are, beside other systems and the machine.",
    )
    parser.add_argument("--quick", action="store_true", help="a few rows, under 4 minutes")
    parser.add_argument("--rows", default="", metavar="PATTERN", help="ids: 'A*,C5.629'")
    parser.add_argument("--threads", type=int, metavar="N", help="all competitors on N threads")
    parser.add_argument("--nests", action="store_true", help="where the time of each row goes")
    parser.add_argument("--json", metavar="FILE", help="a list of objects, one for each row")
    parser.add_argument(
        "--docs", metavar="FILE", nargs="?", const="docs/benchmarks.md", help="write the page"
    )
    parser.add_argument(
        "--peers", metavar="NAMES", help="these alone, separated by commas; '' for none"
    )
    parser.add_argument("--folder", default="build/bench", help=argparse.SUPPRESS)
    parser.add_argument("--build", required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def make_peers(options, names, counts):
    root = options.folder
    wanted = [n for n in names if n in competitor.MODULES]
    if not wanted:
        return {}
    try:
        python = competitor.environment(os.path.join(root, "peers"))
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"bench: the peers' environment cannot be made: {error}", file=sys.stderr)
        return {}
    return competitor.peers(python, wanted, counts, os.path.join(root, "logs"))


def main():
    options = parse()
    chosen = rows.choose(options.rows, options.quick)
    if not chosen:
        sys.exit(f"bench: no row is called {options.rows}")
    names = {name for row in chosen for name in row.competing(options.quick)}
    if options.peers is not None:
        names &= set(options.peers.split(","))
    counts = [options.threads] if options.threads else [1, 2]
    peers = make_peers(options, sorted(names), counts)
    worker = os.path.join(options.build, "bin", "bench_worker")
    ours = competitor.Competitor("ours", [worker], os.path.join(options.folder, "logs"))
    folder = os.path.abspath(os.path.join(options.folder, "row"))
    try:
        bench = Bench(options, ours, peers, folder)
        report.print_machine(bench)
        results = bench.run(chosen)
    finally:
        for process in (ours, *(p for group in peers.values() for p in group)):
            process.stop()
        shutil.rmtree(folder, ignore_errors=True)
    report.print_programs(results)
    report.print_summary(results)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
    if options.docs:
        report.write_page(options.docs, bench, results)
    if any(report.faulty(result) for result in results):
        sys.exit("bench: a row failed (above)")


if __name__ == "__main__":
    main()
