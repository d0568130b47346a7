"""Build a folder's tokenizer from its files, as AutoTokenizer does. Free of torch.

The family is published with vocab.json and merges.txt; transformers 5 writes tokenizer.json, and
reads what stands beside it in its own way, which depends on the class that the folder names.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as FastTokenizer
from tokenizers import decoders, models, pre_tokenizers, processors

from inference.errors import TokenizerError
from inference.model_files.json_fields import Fields
from inference.model_files.json_files import MAX_BYTES, read_object
from inference.model_files.lookalikes import lookalike_in
from inference.tokenizer.special_tokens import (
    ADDED_NAME,
    CONFIG_NAME,
    MAP_NAME,
    SpecialTokens,
    content,
    read_special_tokens,
)

FILE_NAME = "tokenizer.json"
VOCABULARY_NAME, MERGES_NAME = "vocab.json", "merges.txt"
FILE_NAMES = (FILE_NAME, VOCABULARY_NAME, MERGES_NAME, CONFIG_NAME, MAP_NAME, ADDED_NAME)
MAX = sys.float_info.max
_OTHER_VOCABULARIES = ("tekken.json", "tokenizer.model*", "tiktoken.model")
_FAMILY_CLASS = "GPT2Tokenizer"  # what OPT's folders name, and AutoTokenizer takes by default
_FILE_CLASSES = ("PreTrainedTokenizer", "PreTrainedTokenizerFast", "TokenizersBackend")
_FAMILY_DEFAULTS = dict.fromkeys(("unk_token", "bos_token", "eos_token"), "<|endoftext|>")
_NEUTRAL: dict[str, Any] = {  # of fields that make another tokenizer
    "auto_map": ({},),
    "init_inputs": ([],),
    "fast_tokenizer_files": ([], [FILE_NAME]),
    "split_special_tokens": (False,),
    "vocab": (),
    "merges": (),
    "tokenizer_object": (),
    "tokenizer_padding": (),
    "tokenizer_truncation": (),
    "post_processor": (),
    "gguf_file": (),
}


def has_tokenizer(directory: str | Path) -> bool:
    """Tell whether a folder has a tokenizer, in whatever files."""
    names = (FILE_NAME, VOCABULARY_NAME, MERGES_NAME)
    return any((Path(directory) / name).is_file() for name in names)


def build_fast_tokenizer(directory: str | Path) -> FastTokenizer:
    """Build a folder's tokenizer of its tokenizer.json, or of its vocab.json and merges.txt.

    Ids of any text are those of transformers' AutoTokenizer. Raises TokenizerError, also for what
    AutoTokenizer would read and this doesn't.
    """
    folder = Path(directory)
    config = _read_config(folder)
    rebuilds, stored = _rebuilds(folder, config), _read_stored(folder)
    if stored is None and not (rebuilds and has_tokenizer(folder)):
        named = f", and {CONFIG_NAME}'s tokenizer_class reads nothing else" if config else ""
        raise TokenizerError(f"cannot read {folder / FILE_NAME}: there is no such file{named}")
    defaults = _FAMILY_DEFAULTS if rebuilds else {}
    special = read_special_tokens(folder, config, defaults, stored)
    origin = folder / (VOCABULARY_NAME if stored is None else FILE_NAME)
    with _naming(f"{origin} makes no tokenizer that works"):
        fast = _without_added(folder, stored, config, rebuilds)
        fast.add_tokens(special.to_add(t.content for t in fast.get_added_tokens_decoder().values()))
        if stored is None:
            fast.post_processor = _template(fast, config, special)
        if not fast.get_vocab_size():
            raise TokenizerError(f"{origin} holds no tokens")
        return _tried(fast)


def parse_tokenizer(path: Path) -> FastTokenizer:
    """Read a tokenizer.json of any kind as it stands. Raises TokenizerError."""
    with _naming(f"{path} is not a tokenizer"):
        return _tried(_parsed(path, read_object(path, TokenizerError)))


def read_pair(vocabulary: Path, merges: Path) -> models.BPE:
    """Read a byte-level BPE's two files. Raises TokenizerError."""
    for path in (vocabulary, merges):
        if not path.is_file():
            raise TokenizerError(f"cannot read {path}: a vocabulary and its merges go together")
        stand_in = lookalike_in(path)
        if stand_in is not None:
            raise TokenizerError(f"{path} is {stand_in}, not a part of a tokenizer: fetch it again")
        if path.stat().st_size > MAX_BYTES:
            raise TokenizerError(f"{path} is too large for a file of its kind")
    with _naming(f"{vocabulary} and {merges} make no tokenizer"):
        return _bpe(*models.BPE.read_file(str(vocabulary), str(merges)))


@contextmanager
def _naming(what: str) -> Iterator[None]:
    """Turn what the tokenizers library raises into an error that names the file.

    It raises bare Exception, and panics with what is no Exception at all.
    """
    try:
        yield
    except (TokenizerError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise TokenizerError(f"{what}: {error}") from error


def _tried(fast: FastTokenizer) -> FastTokenizer:
    """Turn truncation and padding off, and encode a text to find faults that only show then."""
    fast.no_truncation()
    fast.no_padding()
    fast.encode("One word.")
    return fast


def _without_added(
    folder: Path, stored: dict[str, Any] | None, config: dict[str, Any], rebuilds: bool
) -> FastTokenizer:
    if stored is None:
        return _family_tokenizer(read_pair(folder / VOCABULARY_NAME, folder / MERGES_NAME), config)
    path = folder / FILE_NAME
    return _rebuilt(path, stored, config) if rebuilds else _parsed(path, stored)


def _bpe(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> models.BPE:
    return models.BPE(
        vocab=vocabulary, merges=merges, continuing_subword_prefix="", end_of_word_suffix=""
    )


def _read_config(folder: Path) -> dict[str, Any]:
    if not _is_file(folder, CONFIG_NAME):
        return {}
    path = folder / CONFIG_NAME
    config = read_object(path, TokenizerError)
    fields = Fields(config, str(path), TokenizerError)
    for name in fields.unlike(_NEUTRAL):
        raise TokenizerError(f"{path}: {name} isn't supported with this value: leave it out")
    for name in ("add_prefix_space", "add_bos_token", "add_eos_token"):
        fields.flag(name, False)
    for name in ("padding_side", "truncation_side"):
        if fields.text(name, "left") not in ("left", "right"):
            raise fields.refusal(name, '"left" or "right"')
    for name in ("model_max_length", "max_len"):
        if config.get(name) is not None:
            fields.number(name, 0, -MAX, MAX)
    if not isinstance(config.get("model_input_names", []), list):
        raise fields.refusal("model_input_names", "a list")
    if config.get("tokenizer_class") is not None and not fields.text("tokenizer_class", ""):
        raise fields.refusal("tokenizer_class", "the name of a class")
    return config


def _rebuilds(folder: Path, config: dict[str, Any]) -> bool:
    """Tell whether transformers rebuilds the tokenizer from its vocabulary, by its class."""
    named = config.get("tokenizer_class")
    if not named and _is_file(folder, "config.json"):
        named = read_object(folder / "config.json", TokenizerError).get("tokenizer_class")
    if not named or named in (_FAMILY_CLASS, f"{_FAMILY_CLASS}Fast"):
        others = [p.name for pattern in _OTHER_VOCABULARIES for p in folder.glob(pattern)]
        if others and not _is_file(folder, FILE_NAME):
            raise TokenizerError(
                f"{folder}: {others[0]} isn't a vocabulary that OPT has: remove it"
            )
        return True
    if named not in _FILE_CLASSES:
        raise TokenizerError(
            f"{folder / CONFIG_NAME}: tokenizer_class {named!r} isn't supported: OPT's folders "
            f"have {_FAMILY_CLASS} or {_FILE_CLASSES[1]}"
        )
    return False


def _family_tokenizer(model: models.BPE, config: dict[str, Any]) -> FastTokenizer:
    fast = FastTokenizer(model)
    prefixed = config.get("add_prefix_space", False)
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefixed)
    fast.decoder = decoders.ByteLevel()
    return fast


def _rebuilt(path: Path, stored: dict[str, Any], config: dict[str, Any]) -> FastTokenizer:
    """Build a tokenizer from only the vocabulary, merges and post-processor of a tokenizer.json."""
    model = stored.get("model")
    if not isinstance(model, dict) or model.get("type", "BPE") != "BPE":
        raise TokenizerError(f"{path} is not a byte-level BPE")
    rest = {**stored, "added_tokens": [], "model": {**model, "vocab": {}, "merges": []}}
    post_processor = _parsed(path, rest).post_processor
    with _naming(f"{path} is not a tokenizer"):
        merges: list[Any] = [
            tuple(m.split(" ") if isinstance(m, str) else m) for m in model["merges"]
        ]
        fast = _family_tokenizer(_bpe(model["vocab"], merges), config)
    if post_processor is not None:
        fast.post_processor = post_processor
    return fast


def _parsed(path: Path, stored: dict[str, Any]) -> FastTokenizer:
    with _naming(f"{path} is not a tokenizer"):
        return FastTokenizer.from_str(json.dumps(stored))


def _template(fast: FastTokenizer, config: dict[str, Any], special: SpecialTokens) -> Any:
    """Make the post-processor that adds the start and end tokens that the config asks for."""
    before, after = (
        content(special.named[name]) if config.get(f"add_{name}") and name in special.named else ""
        for name in ("bos_token", "eos_token")
    )
    single = [before, "$A", after]
    pair = [*single, before and f"{before}:1", "$B:1", after and f"{after}:1"]
    ids = [(text, fast.token_to_id(text)) for text in dict.fromkeys(filter(None, (before, after)))]
    return processors.TemplateProcessing(
        single=" ".join(filter(None, single)),
        pair=" ".join(filter(None, pair)),
        special_tokens=ids,
    )


def _read_stored(folder: Path) -> dict[str, Any] | None:
    path = folder / FILE_NAME
    return read_object(path, TokenizerError) if path.is_file() else None


def _is_file(folder: Path, name: str) -> bool:
    return (folder / name).is_file()
