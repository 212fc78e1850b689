"""A competitor of the benchmark: answers lines of JSON, as worker.c does for this library.

A peer is a class with
    versions()             what it is
    begin(row, given)      makes the row's net of these arrays, by our names
    start()                puts streams back to their start
    call()                 runs it once, to the end
    found()                results of the last call, by our names, as arrays
    threads(n)             how many threads the next calls use

What it computes is compared with our results, which lie in files: for each tensor the norm of the
difference over that of the tensor, and of these the largest. Single elements may differ: where a
function has a kink, and a sum of another order falls on its other side. Some gradients are 0 but
for rounding (that of an input gate's bias where a normaliser takes it out again), so a tensor whose
numbers are less than a thousandth of others' is held against that thousandth.
"""

import math
import os
import time

import numpy

import serving


def read(folder, entries):
    """Arrays of the files that the library's side wrote, by name."""
    arrays = {}
    for entry in entries:
        dtype = numpy.int32 if entry["dtype"] == "i32" else numpy.float32
        path = os.path.join(folder, entry["file"])
        count = math.prod(entry["shape"])
        array = numpy.fromfile(path, dtype, count, offset=entry["offset"])
        arrays[entry["name"]] = array.reshape(entry["shape"])
    return arrays


def merge(given, names):
    arrays = [given[name] for name in names]
    return arrays[0] if len(arrays) == 1 else numpy.concatenate(arrays, 0)


def unmerge(array, given, names):
    """The parts of merge(given, names), as {name: part}."""
    parts, low = {}, 0
    for name in names:
        size = given[name].shape[0]
        parts[name] = array[low : low + size]
        low += size
    return parts


def size(array):
    """The root of the mean square."""
    return float(numpy.sqrt(numpy.mean(numpy.square(array, dtype=numpy.float64))))


def difference(ours, theirs):
    """The largest over all tensors, and the tensor's name."""
    worst, where = 0.0, ""
    sizes = {name: size(array) for name, array in ours.items()}
    least = max(1e-3 * max(sizes.values()), 1e-30)
    for name, array in ours.items():
        if name not in theirs:
            raise KeyError(f"the peer does not compute {name}")
        other = numpy.asarray(theirs[name], numpy.float32).reshape(array.shape)
        error = size(other - array) / max(sizes[name], least)
        if not error <= worst:
            worst, where = error, name
    return worst, where


class Session:
    def __init__(self, make):
        self.make = make
        self.peer = None

    def calls(self, count):
        for _ in range(count):
            self.peer.call()

    def answer(self, request):
        what = request["do"]
        if what == "versions":
            return {"versions": self.make.versions()}
        if what == "begin":
            self.peer = None  # its memory goes before that of the next one comes
            self.peer = self.make()
            self.peer.begin(request["row"], read(request["folder"], request["given"]))
            self.peer.threads(request["threads"])
            start = time.perf_counter()
            self.peer.call()
            return {"first_ms": 1e3 * (time.perf_counter() - start)}
        if what == "call":
            self.peer.start()
            self.calls(request["calls"])
            ours = read(request["folder"], request["found"])
            error, where = difference(ours, self.peer.found())
            return {"max_err": error, "where": where}
        if what == "time":
            self.peer.threads(request["threads"])
            return serving.sample(self.calls, request["seconds"])
        if what == "end":
            self.peer = None
            return {}
        raise ValueError(f"not a request: {what}")


def serve(make):
    serving.serve(Session(make).answer)
