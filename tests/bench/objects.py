"""Rows of group O: a cell that `eddy compile` made, in one process with ONNX Runtime.

The weights are those of the row, under the names that the cell has for them. The object gets a few
lines of C around it (object/calls.c) and becomes a shared library, which
peers/with_object.py loads."""

import json
import os
import struct
import subprocess
import time

import competitor

HERE = os.path.dirname(os.path.abspath(__file__))
PEER = "onnxruntime"


def command(words):
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise competitor.Failure(f"{os.path.basename(words[0])}: {done.stderr.strip()}")


def rename(source, target):
    """The weights of a row, whose one layer is called l0, as those of a cell alone."""
    with open(source, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        names, data = json.loads(file.read(length)), file.read()
    names = {name.removeprefix("l0."): entry for name, entry in names.items()}
    text = json.dumps(names).encode()
    with open(target, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def make(build, row, folder):
    """The shared library, and what making it took: the second of two times, as the first one reads
    the command itself from the disk."""
    at = os.path.join(folder, "cell")
    rename(os.path.join(folder, "weights.safetensors"), f"{at}.safetensors")
    words = [os.path.join(build, "bin", "eddy"), "compile", "--cell", row.cell]
    words += ["--set", f"D={row.I},H={row.H}", "--weights", f"{at}.safetensors"]
    words += ["--cpu", "native", "--output", at]
    for _ in range(2):
        start = time.perf_counter()
        command(words)
        seconds = time.perf_counter() - start
    calls = os.path.join(HERE, "object", "calls.c")
    options = ["-std=c11", "-O2", "-shared", "-fPIC", "-I", folder]
    command([os.environ.get("CC", "cc"), *options, calls, f"{at}.o", "-o", f"{at}.so"])
    return f"{at}.so", {"command_ms": 1e3 * seconds, "object_bytes": os.path.getsize(f"{at}.o")}


class Side:
    """One of the two in the process, which beside others looks like a process of its own."""

    threads = None

    def __init__(self, process, name):
        self.process, self.name = process, name

    def ask(self, what, **request):
        return self.process.ask(what, of=self.name, **request)

    def stop(self):
        self.process.stop()


def process(python, folder):
    words = [python, os.path.join(competitor.PEERS, "with_object.py")]
    return competitor.Competitor("object", words, folder)
