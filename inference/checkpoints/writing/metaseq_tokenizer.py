"""Build OPT's published tokenizer from metaseq's vocabulary files."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tokenizers import Tokenizer as FastTokenizer
from tokenizers import models

from inference.errors import TokenizerError
from inference.model.export import write_json
from inference.model_files.json_files import read_object
from inference.tokenizer.files import VOCABULARY_NAME, build_fast_tokenizer, read_pair
from inference.tokenizer.special_tokens import (
    ADDED_NAME,
    CONFIG_NAME,
    MAP_NAME,
    OPT_SPECIAL_TOKENS,
)

PAIR = ("gpt2-vocab.json", "gpt2-merges.txt")
UNIFIED = "gpt2-unified.json"
_PARTS = {"bos_token": "</s>", "eos_token": "</s>", "unk_token": "</s>", "pad_token": "<pad>"}
_FLAGS = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": True}


def find_origin(folder: Path) -> str | None:
    """Name the files that hold metaseq's vocabulary in a folder; None if there are none."""
    if all((folder / name).is_file() for name in PAIR):
        return " and ".join(PAIR)
    return UNIFIED if (folder / UNIFIED).is_file() else None


def is_opts(vocabulary: Mapping[str, int]) -> bool:
    """Tell whether a vocabulary is OPT's, by its first four tokens; GPT-2's has the same words."""
    return all(vocabulary.get(token) == number for number, token in enumerate(OPT_SPECIAL_TOKENS))


def build(folder: Path) -> FastTokenizer:
    """Build the tokenizer with OPT's special tokens, or those that the folder names.

    Raises TokenizerError, also for a vocabulary that isn't OPT's.
    """
    has_pair = find_origin(folder) != UNIFIED
    model = read_pair(*(folder / n for n in PAIR)) if has_pair else _unified(folder / UNIFIED)
    with TemporaryDirectory() as name:
        model.save(name)
        _require_opts(Path(name), PAIR[0] if has_pair else UNIFIED)
        for present in (CONFIG_NAME, MAP_NAME, ADDED_NAME):
            if (folder / present).is_file():
                shutil.copyfile(folder / present, Path(name) / present)
        write_parts(Path(name), lacking_parts(folder))
        return build_fast_tokenizer(name)


def lacking_parts(folder: Path) -> tuple[str, ...]:
    """Name the files of special tokens that the folder lacks."""
    return tuple(name for name in (MAP_NAME, CONFIG_NAME) if not (folder / name).is_file())


def write_parts(folder: Path, names: tuple[str, ...]) -> None:
    """Write files of special tokens, as they are published with OPT."""
    files = {MAP_NAME: _parts(), CONFIG_NAME: _config()}
    for name in names:
        write_json(folder / name, files[name])


def _parts(**more: Any) -> dict[str, Any]:
    return {part: {"content": token, **_FLAGS, **more} for part, token in _PARTS.items()}


def _config() -> dict[str, Any]:
    return {
        "errors": "replace",
        **_parts(__type="AddedToken"),
        "add_prefix_space": False,
        "add_bos_token": True,
        "tokenizer_class": "GPT2Tokenizer",
    }


def _unified(path: Path) -> models.BPE:
    """Read the file that metaseq's hf_tokenizer takes: a tokenizer.json by another name."""
    try:
        fast = FastTokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as error:  # tokenizers raises bare Exception
        raise TokenizerError(f"{path} is not a tokenizer: {error}") from error
    if not isinstance(fast.model, models.BPE):
        raise TokenizerError(f"{path} is not a byte-level BPE")
    known = fast.get_vocab(with_added_tokens=False)
    added = [t.content for t in fast.get_added_tokens_decoder().values() if t.content not in known]
    if added:
        raise TokenizerError(f"{path} adds tokens that its model lacks: {', '.join(added[:5])}")
    return fast.model


def _require_opts(folder: Path, origin: str) -> None:
    """Refuse a vocabulary of other ids: metaseq's hold OPT's, special tokens included."""
    if not is_opts(read_object(folder / VOCABULARY_NAME, TokenizerError)):
        raise TokenizerError(
            f"{origin} lacks OPT's special tokens {', '.join(OPT_SPECIAL_TOKENS)} as its first "
            "ids: it isn't OPT's vocabulary (GPT-2's own has none); put metaseq's in its place, or "
            "take it away to convert without a tokenizer"
        )
