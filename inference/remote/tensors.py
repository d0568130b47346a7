"""Hand large values over as files, each once, and fetch what was captured."""

import hashlib
import io
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from inference.errors import RemoteError
from inference.interp.captured import Captured
from inference.interp.reductions import Projection
from inference.interp.spec import WhiteBox
from inference.interp.tensors_file import read_captured, write_tensors_file
from inference.interp.validation import shape_of_value
from inference.interp.wire import TensorReference
from inference.remote.connection import Connection

MOST_INLINE = 256  # numbers; more are longer as JSON than as a file's reference is
DOWNLOAD_ATTEMPTS = 3
CHUNK_BYTES = 2**20


class Uploads:
    """Values that lie with the portal, found again by the hash of their numbers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._references: dict[str, TensorReference] = {}
        self._lock = threading.Lock()

    def referenced(self, white_boxes: Sequence[WhiteBox]) -> list[WhiteBox]:
        """Return captures and interventions with references in place of large values.

        What isn't there yet is uploaded, as one file. Raises RemoteError.
        """
        with self._lock:
            arrays: dict[str, np.ndarray] = {}
            for white_box in white_boxes:
                _changed(white_box, lambda value: self._note(value, arrays))
            if arrays:
                self._upload(arrays)
            return [_changed(white_box, self._reference) for white_box in white_boxes]

    def _note(self, value: Any, arrays: dict[str, np.ndarray]) -> Any:
        if _is_large(value):
            array = _as_array(value)
            digest = _digest(array)
            if digest not in self._references:
                arrays[digest] = array
        return value

    def _reference(self, value: Any) -> Any:
        return self._references[_digest(_as_array(value))] if _is_large(value) else value

    def _upload(self, arrays: Mapping[str, np.ndarray]) -> None:
        file = io.BytesIO()
        write_tensors_file(file, arrays)
        name = hashlib.sha256(file.getvalue()).hexdigest()
        stored = self._connection.json(
            "POST",
            "/v1/files",
            data={"purpose": "tensors"},
            files={"file": (f"{name}.safetensors", file.getvalue())},
        )
        for digest in arrays:
            self._references[digest] = TensorReference(digest, file=stored["id"])


def _changed(white_box: WhiteBox, change: Any) -> WhiteBox:
    """Return captures and interventions with each of their values changed."""
    captures = tuple(
        replace(
            capture,
            reduce=Projection(change(capture.reduce.matrix), change(capture.reduce.bias)),
        )
        if isinstance(capture.reduce, Projection)
        else capture
        for capture in white_box.captures
    )
    interventions = tuple(
        replace(item, value=change(item.value)) for item in white_box.interventions
    )
    return WhiteBox(captures, interventions)


def _is_large(value: Any) -> bool:
    if value is None or isinstance(value, TensorReference):
        return False
    return prod(shape_of_value(value) or ()) > MOST_INLINE


def _as_array(value: Any) -> np.ndarray:
    """Return an array of float32, of a list, an array or torch's tensor."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().float().numpy()
    return np.ascontiguousarray(value, dtype=np.float32)


def _digest(array: np.ndarray) -> str:
    shape = "x".join(map(str, array.shape))
    return hashlib.sha256(shape.encode() + b" " + array.tobytes()).hexdigest()


def fetch_captured(connection: Connection, described: Mapping[str, Any]) -> dict[int, Captured]:
    """Fetch what a completion captured, by choice; described: its ``captures``.

    Raises RemoteError where the bytes aren't those that the portal hashed, however often they come.
    """
    with tempfile.TemporaryDirectory(prefix="weightgate-") as folder:
        path = Path(folder) / "captures.safetensors"
        for _ in range(DOWNLOAD_ATTEMPTS):
            if _download(connection, described["url"], path) == described["sha256"]:
                return read_captured(path)
    raise RemoteError(
        f"the captures at {described['url']} came with other bytes than the portal hashed, "
        f"{DOWNLOAD_ATTEMPTS} times: try again"
    )


def _download(connection: Connection, url: str, path: Path) -> str:
    """Write what an address holds to a file, and return its SHA-256."""
    digest = hashlib.sha256()
    with connection.link(url) as response, path.open("wb") as file:
        for data in response.iter_bytes(CHUNK_BYTES):
            digest.update(data)
            file.write(data)
    return digest.hexdigest()
