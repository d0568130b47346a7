"""tokenizer.json for a converted folder: the source's own, or one made of what it has instead."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer as FastTokenizer
from tokenizers import decoders, models, pre_tokenizers

from inference.config import OptConfig
from inference.data import SPECIAL_TOKENS, save_tokenizer
from inference.errors import TokenizerError
from inference.tokenizer import Tokenizer
from inference.tokenizer_files import (
    FILE_NAME,
    MERGES_NAME,
    VOCABULARY_NAME,
    build_fast_tokenizer,
    has_tokenizer,
)

_METASEQ_PAIR = ("gpt2-vocab.json", "gpt2-merges.txt")
_UNIFIED = "gpt2-unified.json"
_BESIDE = ("special_tokens_map.json", "tokenizer_config.json")  # made where metaseq's lack them


@dataclass(frozen=True)
class TokenizerPlan:
    """How the result gets its tokenizer.

    made: files that the source lacks and write makes; those that it has are copied over them
    afterwards. how: a sentence for people.
    """

    how: str
    made: tuple[str, ...] = ()
    write: Callable[[Path], None] = lambda folder: None


def plan_tokenizer(folder: Path, config: OptConfig) -> TokenizerPlan:
    """Find or make the tokenizer in memory, and hold it against the model's vocabulary.

    Raises TokenizerError where it can't be this model's.
    """
    if (folder / FILE_NAME).is_file():
        _require_fits(Tokenizer.from_directory(folder), FILE_NAME, config)
        return TokenizerPlan(f"{FILE_NAME} is the source's own")
    if has_tokenizer(folder):
        fast, pair = build_fast_tokenizer(folder), f"{VOCABULARY_NAME} and {MERGES_NAME}"
        return _made(fast, pair, config, lambda out: fast.save(str(out / FILE_NAME)))
    if _has(folder, _METASEQ_PAIR):
        return _of_metaseq(_from_pair(folder), _METASEQ_PAIR, folder, config)
    if _has(folder, (_UNIFIED,)):
        return _of_metaseq(_from_unified(folder / _UNIFIED), (_UNIFIED,), folder, config)
    return TokenizerPlan(
        f"no tokenizer: looked for {FILE_NAME}, {VOCABULARY_NAME} with {MERGES_NAME}, "
        f"{' with '.join(_METASEQ_PAIR)} and {_UNIFIED}; the result takes token ids alone"
    )


def _has(folder: Path, names: tuple[str, ...]) -> bool:
    return all((folder / name).is_file() for name in names)


def _of_metaseq(
    fast: FastTokenizer, names: tuple[str, ...], folder: Path, config: OptConfig
) -> TokenizerPlan:
    """metaseq's vocabularies hold OPT's ids, special tokens included."""
    if [fast.token_to_id(token) for token in SPECIAL_TOKENS] != list(range(len(SPECIAL_TOKENS))):
        raise TokenizerError(
            f"{names[0]} lacks OPT's special tokens {', '.join(SPECIAL_TOKENS)} as its first ids: "
            "it isn't OPT's vocabulary (GPT-2's own has none); put metaseq's in its place, or "
            "take it away to convert without a tokenizer"
        )
    fast.add_special_tokens(SPECIAL_TOKENS)
    lacking = tuple(name for name in _BESIDE if not (folder / name).is_file())
    origin = " and ".join(names)
    return _made(fast, origin, config, lambda out: save_tokenizer(fast, out), lacking)


def _made(
    fast: FastTokenizer,
    origin: str,
    config: OptConfig,
    write: Callable[[Path], None],
    more: tuple[str, ...] = (),
) -> TokenizerPlan:
    _require_fits(Tokenizer(fast), origin, config)
    return TokenizerPlan(f"{FILE_NAME} is made of {origin}", (FILE_NAME, *more), write)


def _from_pair(folder: Path) -> FastTokenizer:
    vocabulary, merges = (folder / name for name in _METASEQ_PAIR)
    try:
        fast = FastTokenizer(models.BPE.from_file(str(vocabulary), str(merges)))
    except Exception as error:  # tokenizers raises bare Exception
        raise TokenizerError(f"{vocabulary} and {merges} make no tokenizer: {error}") from error
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    return fast


def _from_unified(path: Path) -> FastTokenizer:
    """Read the file that metaseq's hf_tokenizer takes: a tokenizer.json by another name."""
    try:
        return FastTokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as error:  # tokenizers raises bare Exception
        raise TokenizerError(f"{path} is not a tokenizer: {error}") from error


def _require_fits(tokenizer: Tokenizer, origin: str, config: OptConfig) -> None:
    if tokenizer.vocab_size > config.vocab_size:
        raise TokenizerError(
            f"{origin} has ids up to {tokenizer.vocab_size - 1}, and the embedding only "
            f"{config.vocab_size} rows: it belongs to another model, or tokens were added "
            "without resizing the embedding"
        )
