"""An object of `eddy compile`, and ONNX Runtime beside it in the same process, of which it needs
nothing: each request says whom it is `of`, and ONNX Runtime is loaded by the first that is of it.

It takes no numpy, so that the object is measured where there are no peers at all."""

import array
import ctypes
import math
import os

import serving


def floats(folder, entries, name):
    """The numbers of a tensor that the library's side wrote."""
    (entry,) = (entry for entry in entries if entry["name"] == name)
    with open(os.path.join(folder, entry["file"]), "rb") as file:
        file.seek(entry["offset"])
        found = array.array("f")
        found.frombytes(file.read(4 * math.prod(entry["shape"])))
    return found


def check(words):
    if words:
        raise ValueError(words.decode())


class Object:
    def begin(self, library, row, x):
        """Its library; what it reads and what it writes stay here."""
        self.x, self.h = x, array.array("f", bytes(4 * row["T"] * row["H"]))
        made = ctypes.CDLL(library)
        self.start, self.calls = made.object_start, made.object_calls
        for function in (made.object_begin, self.start, self.calls):
            function.restype = ctypes.c_char_p
        self.calls.argtypes = [ctypes.c_int64]
        made.object_begin.argtypes = [ctypes.c_int64, ctypes.c_int64] + 2 * [ctypes.c_void_p]
        addresses = self.x.buffer_info()[0], self.h.buffer_info()[0]
        check(made.object_begin(row["T"], row["H"], *addresses))
        check(self.start())

    def difference(self, ours):
        """As that of peers: the norm of the difference over the tensor's."""
        return math.dist(self.h, ours) / math.hypot(*ours)

    def answer(self, request):
        what, folder = request["do"], request.get("folder")
        if what == "begin":
            x = floats(folder, request["given"], "x")
            self.begin(request["library"], request["row"], x)
            return {}
        if what == "call":
            check(self.start())
            check(self.calls(request["calls"]))
            error = self.difference(floats(folder, request["found"], "y"))
            return {"max_err": error, "where": "y"}
        if what == "time":
            return serving.sample(lambda count: check(self.calls(count)), request["seconds"])
        raise ValueError(f"not a request: {what}")


def onnxruntime():
    import peer
    import with_onnxruntime

    return peer.Session(with_onnxruntime.OnnxRuntime)


def main():
    made, makers = {}, {"object": Object, "onnxruntime": onnxruntime}

    def answer(request):
        name = request["of"]
        if name not in made:
            made[name] = makers[name]()
        return made[name].answer(request)

    serving.serve(answer)


if __name__ == "__main__":
    main()
