"""A hosted model as the portal tells of it: its sizes and its tokenizer."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.errors import RemoteError, TokenizerError
from inference.remote.connection import Connection
from inference.tokenizer import Tokenizer
from inference.tokenizer.files import FILE_NAMES

CONFIG_NAME = "config.json"
_SIZES = (
    "num_hidden_layers",
    "hidden_size",
    "num_attention_heads",
    "ffn_dim",
    "vocab_size",
    "max_position_embeddings",
)
_NO_FILE = (401, 403, 404)


@dataclass(frozen=True)
class ServedConfig:
    """The sizes of a hosted model, named as in its config.json."""

    num_hidden_layers: int
    hidden_size: int
    num_attention_heads: int
    ffn_dim: int
    vocab_size: int
    max_position_embeddings: int

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_attention_heads


class ServedTokenizer:
    """A tokenizer that asks the portal, where the model's own files aren't to be had."""

    def __init__(self, connection: Connection, model: str, vocab_size: int) -> None:
        self._connection, self._model, self.vocab_size = connection, model, vocab_size

    def encode(self, text: str, *, special_tokens: bool = True) -> list[int]:
        """Return the ids of text, with special tokens unless these are left out."""
        body = {"model": self._model, "prompt": text, "add_special_tokens": special_tokens}
        return [
            int(token)
            for token in self._connection.json("POST", "/v1/tokenize", json=body)["tokens"]
        ]

    def decode(self, token_ids: list[int]) -> str:
        """Return the text of ids, special tokens by their names."""
        body = {"model": self._model, "tokens": token_ids}
        return str(self._connection.json("POST", "/v1/detokenize", json=body)["prompt"])

    def name(self, token_id: int) -> str:
        """Return how one token looks alone."""
        return self.decode([token_id])


def read_model(connection: Connection, model: str) -> dict[str, Any]:
    """Return what the portal says of a model. Raises RemoteError where it hosts none so called."""
    described = connection.json("GET", f"/v1/models/{model}")
    own: dict[str, Any] = described.get("x_weightgate", {})
    return own


def read_config(connection: Connection, model: str, described: Mapping[str, Any]) -> ServedConfig:
    """Return a model's sizes, as the portal lists them or from its config.json."""
    sizes = described.get("config")
    if sizes is None:
        content = _file(connection, f"/{model}/resolve/main/{CONFIG_NAME}")
        if content is None:
            raise RemoteError(
                f"{connection.root} doesn't tell the sizes of {model}, and this token can't read "
                f"its {CONFIG_NAME}: ask its lab for access to the files"
            )
        sizes = json.loads(content)
    try:
        return ServedConfig(**{name: int(sizes[name]) for name in _SIZES})
    except (KeyError, TypeError, ValueError) as error:
        raise RemoteError(f"{model} is no model of the family: {error} in its config") from error


def find_tokenizer(
    connection: Connection, model: str, config: ServedConfig
) -> Tokenizer | ServedTokenizer:
    """Return the tokenizer of a model's files, or one that asks the portal for each text."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file_name in (*FILE_NAMES, CONFIG_NAME):
            content = _file(connection, f"/{model}/resolve/main/{file_name}")
            if content is not None:
                (folder / file_name).write_bytes(content)
        try:
            tokenizer = Tokenizer.find(folder)
        except TokenizerError:
            tokenizer = None
    return tokenizer or ServedTokenizer(connection, model, config.vocab_size)


def _file(connection: Connection, path: str) -> bytes | None:
    try:
        with connection.link(path) as response:
            return response.read()
    except RemoteError as error:
        if error.status in _NO_FILE:
            return None
        raise
