"""oneDNN's C API, through ctypes: a primitive for each layer, weights in its own layout beforehand.

The library on PyPI is built for SYCL, its processor engine too: a call goes through SYCL and
Intel's OpenCL, which costs tens of microseconds that a build for OpenMP or TBB would not. Threads
are as many as the process may use cores (argument 1).
"""

import ctypes
import os
import sys

if __name__ == "__main__" and "OCL_ICD_FILENAMES" not in os.environ:
    libraries = os.path.join(sys.prefix, "lib")
    os.environ["OCL_ICD_FILENAMES"] = os.path.join(libraries, "libintelocl.so")
    os.environ["LD_LIBRARY_PATH"] = libraries
    os.execv(sys.executable, [sys.executable, *sys.argv])  # the loader looks only at a start

import numpy

import peer

# Of dnnl_types.h.
FORWARD_INFERENCE, FORWARD_TRAINING, BACKWARD = 96, 64, 128
ONE_WAY, BOTH_WAYS = 1, 3  # left to right; bidirectional, results side by side
F32, CPU, IN_ORDER, TANH, EXEC_ARG_MD = 3, 1, 1, 33, 255
ANY, TNC, LDNC, LDIGO, LDGOI, LDGO = 1, 4, 5, 6, 31, 5  # format tags
SRC, DST, WEIGHTS, WEIGHTS_ITER, BIAS, WORKSPACE, DIFF = 1, 17, 33, 34, 41, 64, 128
STATES = (2, 3)  # h and c before the first step
ALLOCATE = ctypes.c_void_p(-1)

GATES = {"lstm": "ifgo", "gru": "zrn", "rnn": [""]}


class Library:
    """dnnl_NAME as `library.NAME`, its status checked."""

    def __init__(self):
        self.library = ctypes.CDLL(os.path.join(sys.prefix, "lib", "libdnnl.so.3"))
        self.library.dnnl_primitive_desc_query_md.restype = ctypes.c_void_p
        self.library.dnnl_memory_desc_get_size.restype = ctypes.c_size_t
        self.engine, self.stream = ctypes.c_void_p(), ctypes.c_void_p()
        self.engine_create(ctypes.byref(self.engine), CPU, ctypes.c_size_t(0))
        self.stream_create(ctypes.byref(self.stream), self.engine, IN_ORDER)

    def __getattr__(self, name):
        function = getattr(self.library, f"dnnl_{name}")

        def call(*arguments):
            status = function(*arguments)
            if status != 0:
                raise RuntimeError(f"dnnl_{name} gave status {status}")

        return call

    def made(self, name, *arguments):
        """What dnnl_NAME makes."""
        result = ctypes.c_void_p()
        getattr(self, name)(ctypes.byref(result), *arguments)
        return result

    def describe(self, dimensions, tag):
        array = (ctypes.c_int64 * len(dimensions))(*dimensions)
        return self.made("memory_desc_create_with_tag", len(dimensions), array, F32, tag)

    def run(self, primitive, memories):
        class Argument(ctypes.Structure):
            _fields_ = (("arg", ctypes.c_int), ("memory", ctypes.c_void_p))

        array = (Argument * len(memories))(*((k, m.handle) for k, m in memories.items()))
        return lambda: self.primitive_execute(primitive, self.stream, len(array), array)

    def wait(self):
        self.stream_wait(self.stream)


class Memory:
    def __init__(self, library, description):
        self.library = library
        self.bytes = library.library.dnnl_memory_desc_get_size(description)
        self.handle = library.made("memory_create", description, library.engine, ALLOCATE)
        pointer = ctypes.c_void_p()
        library.memory_map_data(self.handle, ctypes.byref(pointer))
        # Memory that is shared with a processor stays where it is mapped.
        block = (ctypes.c_float * (self.bytes // 4)).from_address(pointer.value)
        self.array = numpy.frombuffer(block, numpy.float32)
        library.memory_unmap_data(self.handle, pointer)

    def __del__(self):
        self.array = None
        self.library.memory_destroy(self.handle)


class Pass:
    """A primitive, forward or backward, and its memories by argument."""

    def __init__(self, library, create, kind, first, descriptions, last):
        self.library = library
        arguments = [library.engine, kind, *first, *descriptions, *last]
        self.description = library.made(f"{create}_primitive_desc_create", *arguments)
        self.primitive = library.made("primitive_create", self.description)
        self.memories = {}

    def wanted(self, argument):
        md = self.library.library.dnnl_primitive_desc_query_md(
            self.description, EXEC_ARG_MD, ctypes.c_int(argument)
        )
        return ctypes.c_void_p(md)

    def allocate(self, argument):
        memory = Memory(self.library, self.wanted(argument))
        self.memories[argument] = memory
        return memory

    def ready(self):
        self.run = self.library.run(self.primitive, self.memories)


class Layer:
    def __init__(self, library, row, given, i):
        self.library, self.given, self.cell = library, given, row["cell"]
        D, H, T, B = row["D"], row["H"], row["T"], row["B"]
        inputs = row["I"] if i == 0 else H * D
        self.names = [f"l{i}"] if D == 1 else [f"l{i}.forward", f"l{i}.backward"]
        letters = GATES[self.cell]
        G = len(letters)
        biases = G + (self.cell == "gru")
        self.shapes = {
            "W": (1, D, inputs, G, H), "U": (1, D, H, G, H), "b": (1, D, biases, H)
        }  # fmt: skip
        self.training = row["mode"] == "training"
        plain = {
            SRC: library.describe((T, B, inputs), TNC),
            WEIGHTS: library.describe(self.shapes["W"], ANY),
            WEIGHTS_ITER: library.describe(self.shapes["U"], ANY),
            BIAS: library.describe(self.shapes["b"], LDGO),
            DST: library.describe((T, B, H * D), TNC),
        }
        # Left out they are zeros; but then 3.13 adds something to the gradient of U if D is 1.
        self.states = STATES[: 2 if self.cell == "lstm" else 1] if self.training else ()
        for state in self.states:
            plain[state] = library.describe((1, D, B, H), LDNC)
        create = {"lstm": "lstm", "gru": "lbr_gru", "rnn": "vanilla_rnn"}[self.cell]
        first = [BOTH_WAYS if D == 2 else ONE_WAY]
        if self.cell == "rnn":
            first.insert(0, TANH)
        last = [ctypes.c_uint(0)]
        if self.cell == "rnn":
            last += [ctypes.c_float(0), ctypes.c_float(0)]
        kind = FORWARD_TRAINING if self.training else FORWARD_INFERENCE
        forward = self.order(plain)
        self.ahead = Pass(library, f"{create}_forward", kind, first, forward, [*last, None])
        self.fill(self.ahead, (SRC, DST, *self.states))
        if self.training:
            self.ahead.allocate(WORKSPACE)
            found = {
                **plain,
                WEIGHTS: library.describe(self.shapes["W"], LDIGO),
                WEIGHTS_ITER: library.describe(self.shapes["U"], LDIGO),
            }
            backward = forward + self.order(found)
            hint = [*last, self.ahead.description, None]
            self.back = Pass(library, f"{create}_backward", BACKWARD, first, backward, hint)
            self.fill(self.back, ())
            for argument in (SRC, DST, WORKSPACE, *self.states):
                self.back.memories[argument] = self.ahead.memories[argument]
            for argument in (SRC, WEIGHTS, WEIGHTS_ITER, BIAS, DST, *self.states):
                self.back.allocate(DIFF + argument)

    def order(self, plain):
        """Descriptions in the order that all creators share."""
        none = [None] * (2 if self.cell == "lstm" else 1)
        before = [plain[state] for state in self.states] or none
        peephole = [None, None] if self.cell == "lstm" else []
        return [
            plain[SRC], *before, plain[WEIGHTS], plain[WEIGHTS_ITER], *peephole, plain[BIAS],
            plain[DST], *none,
        ]  # fmt: skip

    def weights(self, kind):
        """Ours, laid out as l d g o i."""
        parts = [[self.given[f"{n}.{kind}{g}"] for g in GATES[self.cell]] for n in self.names]
        array = numpy.concatenate([a for way in parts for a in way])
        if kind == "b" and self.cell == "gru":
            ways = [numpy.concatenate([*way, self.given[f"{n}.vn"]])
                    for way, n in zip(parts, self.names)]  # fmt: skip
            array = numpy.concatenate(ways)
        return array

    def fill(self, made, others):
        for argument in others:
            made.allocate(argument).array.fill(0)
        for argument, kind in ((WEIGHTS, "W"), (WEIGHTS_ITER, "U")):
            plain = Memory(self.library, self.library.describe(self.shapes[kind], LDGOI))
            plain.array[:] = self.weights(kind).ravel()
            self.reorder(plain, self.library.describe(self.shapes[kind], LDGOI),
                         made.allocate(argument), made.wanted(argument))  # fmt: skip
        made.allocate(BIAS).array[:] = self.weights("b").ravel()

    def reorder(self, source, source_description, target, target_description):
        engine = self.library.engine
        description = self.library.made(
            "reorder_primitive_desc_create",
            source_description, engine, target_description, engine, None,
        )  # fmt: skip
        primitive = self.library.made("primitive_create", description)
        self.library.run(primitive, {SRC: source, DST: target})()
        self.library.wait()

    def gradients(self):
        found = {}
        for argument, kind in ((WEIGHTS, "W"), (WEIGHTS_ITER, "U")):
            ways = self.back.memories[DIFF + argument].array.reshape(self.shapes[kind][1:])
            for name, way in zip(self.names, ways):
                for i, letter in enumerate(GATES[self.cell]):
                    found[f"{name}.{kind}{letter}"] = way[:, i].T
        ways = self.back.memories[DIFF + BIAS].array.reshape(self.shapes["b"][1:])
        for name, way in zip(self.names, ways):
            for letter, gate in zip(GATES[self.cell], way):
                found[f"{name}.b{letter}"] = gate
            if self.cell == "gru":
                found[f"{name}.vn"] = way[3]
        return found


class OneDnn:
    library = None

    @classmethod
    def versions(cls):
        class Version(ctypes.Structure):
            _fields_ = tuple((name, ctypes.c_int) for name in ("major", "minor", "patch"))

        cls.library = cls.library or Library()
        cls.library.library.dnnl_version.restype = ctypes.POINTER(Version)
        v = cls.library.library.dnnl_version().contents
        number = f"{v.major}.{v.minor}.{v.patch}"
        return f"oneDNN {number}, C API, built for SYCL (a call costs some 20 us more)"

    def begin(self, row, given):
        OneDnn.library = OneDnn.library or Library()
        if row["cell"] not in GATES:
            raise ValueError(f"oneDNN has no {row['cell']}")
        self.row = row
        self.layers = [Layer(self.library, row, given, i) for i in range(row["L"])]
        self.training = row["mode"] == "training"
        for below, above in zip(self.layers, self.layers[1:]):
            above.ahead.memories[SRC] = below.ahead.memories[DST]
            if self.training:
                above.back.memories[SRC] = below.ahead.memories[DST]
                below.back.memories[DIFF + DST] = above.back.memories[DIFF + SRC]
        self.layers[0].ahead.memories[SRC].array[:] = given["x"].ravel()
        if self.training:
            self.layers[-1].back.memories[DIFF + DST].array[:] = given["dy"].ravel()
        for layer in self.layers:
            layer.ahead.ready()
            if self.training:
                layer.back.ready()

    def start(self):
        pass

    def call(self):
        for layer in self.layers:
            layer.ahead.run()
        if self.training:
            for layer in reversed(self.layers):
                for argument in (WEIGHTS, WEIGHTS_ITER, BIAS):  # they are added to
                    layer.back.memories[DIFF + argument].array.fill(0)
                layer.back.run()
        self.library.wait()

    def found(self):
        found = {"y": self.layers[-1].ahead.memories[DST].array}
        if self.training:
            found["d x"] = self.layers[0].back.memories[DIFF + SRC].array
            for layer in self.layers:
                found.update({f"d {k}": a for k, a in layer.gradients().items()})
        return found

    def threads(self, count):
        if count != len(os.sched_getaffinity(0)):
            raise ValueError("threads of a oneDNN process are settled when it starts")


if __name__ == "__main__":
    cores = sorted(os.sched_getaffinity(0))[: int(sys.argv[1])]
    os.sched_setaffinity(0, cores)
    peer.serve(OneDnn)
