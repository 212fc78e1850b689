"""Files as NumPy and others write them, for the readers: seeds of fuzzing, and tests.

    python3 seeds.py        # writes folders beside itself

The arrays hold 0, 1, 2 ... in the order of rows, whatever their dtype and layout.
"""

import io
import json
import zipfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def count(shape, dtype):
    return np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)


def bytes_of(array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version=version)
    return out.getvalue()


ARRAYS = {
    "f4": count((2, 3), "<f4"),
    "f8": count((4,), "<f8"),
    "i4": count((), "<i4"),
    "i8": count((5, 1), "<i8"),
    "b1": count((2,), "?"),
    "u1": count((3, 2), "u1"),
    "fortran": np.asfortranarray(count((2, 3, 4), "<f4")),
    "transposed": np.ascontiguousarray(count((3, 2), "<f8").T).T,
    "half": count((2,), "<f2"),
    "big": count((2,), ">f4"),
    "records": np.zeros(2, [("a", "<f4"), ("b", "<i4")]),
    "empty": count((0, 3), "<f4"),
}


NAMES = {"<f4": "F32", "<f8": "F64", "<i4": "I32", "<i8": "I64", "|b1": "BOOL", "|u1": "U8"}


def safetensors(arrays, **metadata):
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for name, array in arrays.items():
        raw = np.ascontiguousarray(array).tobytes()
        header[name] = {
            "dtype": NAMES[array.dtype.str],
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    words = json.dumps(header).encode()
    return len(words).to_bytes(8, "little") + words + data


CHECKPOINT = {
    "layer1.W": count((2, 2), "<f4"),
    "layer1.U": count((2, 2), "<f4"),
    "layer1.b": count((2,), "<f4"),
    "carried.layer1.h.carry": count((1, 2), "<f4"),
    "carried.t.position": count((1,), "<i4"),
    "run.counters": count((4,), "<i4"),
    "run.best": count((1,), "<f8"),
}


SEQUENCES = {
    "classes": {"x": count((3, 2), "<i8"), "y": count((3,), "<i4")},
    "values": {"x": count((3, 2, 2), "<f4"), "y": count((3, 2), "<f8")},
    "each": {"x": count((2, 3), "<f4"), "y": count((2, 3, 1), "<f4")},
    "tags": {
        "x": count((2, 3), "u1"),
        "y": count((2, 3), "<i4"),
        "lengths": 1 + count((2,), "<i8"),
    },
}


def main():
    for folder in ("npy", "npz", "safetensors", "checkpoint", "sequences"):
        (HERE / folder).mkdir(exist_ok=True)
    for name, array in ARRAYS.items():
        (HERE / "npy" / name).write_bytes(bytes_of(array))
    (HERE / "npy" / "version2").write_bytes(bytes_of(ARRAYS["f4"], (2, 0)))
    good = {name: ARRAYS[name] for name in ("f4", "i4", "b1", "f8", "fortran")}
    np.savez(HERE / "npz" / "stored.npz", **good)
    np.savez_compressed(HERE / "npz" / "deflated.npz", **good)
    np.savez(HERE / "npz" / "none.npz")
    with zipfile.ZipFile(HERE / "npz" / "other.npz", "w") as file:
        file.writestr(zipfile.ZipInfo("a.npy"), bytes_of(ARRAYS["f4"]))
        file.writestr(zipfile.ZipInfo("notes.txt"), "no array")
    with zipfile.ZipFile(HERE / "npz" / "inner.npz", "w") as file:
        file.writestr(zipfile.ZipInfo("layer1/W.npy"), bytes_of(ARRAYS["fortran"]))
        file.writestr(zipfile.ZipInfo("\u00fc.npy"), bytes_of(ARRAYS["f8"]))
        file.writestr(zipfile.ZipInfo("half.npy"), bytes_of(ARRAYS["half"]))
    one, six = {"f4": ARRAYS["f4"]}, {name: ARRAYS[name] for name in list(ARRAYS)[:6]}
    (HERE / "safetensors" / "one").write_bytes(safetensors(one))
    (HERE / "safetensors" / "six").write_bytes(safetensors(six, format="pt"))
    (HERE / "safetensors" / "none").write_bytes(safetensors({}))
    for name, arrays in SEQUENCES.items():
        (HERE / "sequences" / name).write_bytes(safetensors(arrays))
    (HERE / "checkpoint" / "whole").write_bytes(safetensors(CHECKPOINT))
    (HERE / "checkpoint" / "weights").write_bytes(safetensors(one))
    for path in (HERE / "npz").glob("*.npz"):
        path.rename(path.with_suffix(""))


main()
