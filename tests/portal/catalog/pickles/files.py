"""Files that a loader would unpickle, and some that only look like it. None is ever loaded."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import random
import zipfile
import zlib
from collections import OrderedDict

import numpy as np


def _saved(array: np.ndarray) -> bytes:
    into = io.BytesIO()
    np.save(into, array, allow_pickle=True)
    return into.getvalue()


def _zipped(names: list[str], content: bytes = b"x") -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        for name in names:
            archive.writestr(name, content)
    return into.getvalue()


def npz(array: np.ndarray) -> bytes:
    into = io.BytesIO()
    np.savez_compressed(into, plain=np.arange(3), other=array)
    return into.getvalue()


STATE = OrderedDict(weights=[0.5, 1.5], name="a")
BY_PROTOCOL = {f"protocol {protocol}": pickle.dumps(STATE, protocol) for protocol in range(6)}
OBJECTS = np.array([{"a": 1}, None], dtype=object)
PICKLES = {
    **BY_PROTOCOL,
    "the shortest": b"\x80\x02",
    "a call without header": b"cos\nsystem\n(S'true'\ntR.",
    "a long one": pickle.dumps([list(range(100_000)), STATE], 2),
    "torch's zip": _zipped(["archive/data.pkl", "archive/data/0"]),
    "a zip with it last": _zipped([f"filler/{'x' * 900}{n}" for n in range(99)] + ["a/data.PKL"]),
    "a broken zip": _zipped(["a"])[:-10],
    "gzip": gzip.compress(pickle.dumps(STATE)),
    "zlib": zlib.compress(pickle.dumps(STATE)),
    "bzip2": bz2.compress(pickle.dumps(STATE)),
    "xz": lzma.compress(pickle.dumps(STATE)),
    "an array of objects": _saved(OBJECTS),
    "an array of records with objects": _saved(np.zeros(2, dtype=[("a", "O"), ("b", "f4")])),
    "an npz of objects": npz(OBJECTS),
}

_random = random.Random(7)
HARMLESS = {
    "nothing": b"",
    "zeros": bytes(100_000),
    "floats": np.arange(50_000, dtype="<f4").tobytes(),
    "random bytes": _random.randbytes(200_000),
    "raw bytes that begin like one": b"\x80\x02" + b"\x9f" + _random.randbytes(1000),
    "prose": b"christmas\nis coming\nand the geese are getting fat.\n",
    "code": b"import os\n\nos.path.join('a', 'b')\n",
    "JSON": b'{"a": [1, 2, 3]}',
    "letters": b"N" * 100_000,
    "numbers": b"0 0 0 1\n" * 1000,
    "an array": _saved(np.arange(9.0)),
    "an npz": npz(np.arange(9)),
    "a zip": _zipped(["a.txt", "b.npy.txt"]),
    "a long zip": _zipped([f"{n}.txt" for n in range(3000)]),
    "gzipped text": gzip.compress(b"words " * 1000),
    "cut short": gzip.compress(b"words")[:6],
}
