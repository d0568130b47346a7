"""Plan tokenizer.json of a converted folder: the source's own, or one made of its other files."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer as FastTokenizer

from inference.checkpoints.writing import metaseq_tokenizer
from inference.config import OptConfig
from inference.errors import TokenizerError
from inference.tokenizer import Tokenizer
from inference.tokenizer.files import (
    FILE_NAME,
    MERGES_NAME,
    VOCABULARY_NAME,
    build_fast_tokenizer,
    has_tokenizer,
)


@dataclass(frozen=True)
class TokenizerPlan:
    """The plan of the result's tokenizer.

    made: files that the source lacks and ``write`` makes. how: a sentence for people.
    """

    how: str
    made: tuple[str, ...] = ()
    write: Callable[[Path], None] = lambda folder: None


def plan_tokenizer(folder: Path, config: OptConfig) -> TokenizerPlan:
    """Find or make the tokenizer in memory, and compare it with the model's vocabulary.

    Raises TokenizerError if it can't be this model's.
    """
    if (folder / FILE_NAME).is_file():
        _require_fits(Tokenizer.from_directory(folder), FILE_NAME, config)
        return TokenizerPlan(f"{FILE_NAME} is the source's own")
    if has_tokenizer(folder):
        fast, pair = build_fast_tokenizer(folder), f"{VOCABULARY_NAME} and {MERGES_NAME}"
        _require_ends(fast, config)
        return _made(fast, pair, config)
    origin = metaseq_tokenizer.find_origin(folder)
    if origin is not None:
        lacking = metaseq_tokenizer.lacking_parts(folder)
        return _made(metaseq_tokenizer.build(folder), origin, config, lacking)
    return TokenizerPlan(
        f"no tokenizer: looked for {FILE_NAME}, {VOCABULARY_NAME} with {MERGES_NAME}, "
        f"{' with '.join(metaseq_tokenizer.PAIR)} and {metaseq_tokenizer.UNIFIED}; the result "
        "takes token ids alone"
    )


def _made(
    fast: FastTokenizer, origin: str, config: OptConfig, parts: tuple[str, ...] = ()
) -> TokenizerPlan:
    """Plan a tokenizer.json, with the files named in parts beside it. Raises TokenizerError."""
    _require_fits(Tokenizer(fast), origin, config)
    ids = fast.get_vocab().values()
    if len(set(ids)) < len(ids):
        raise TokenizerError(f"{origin} give one id to two tokens, which {FILE_NAME} can't hold")

    def write(folder: Path) -> None:
        fast.save(str(folder / FILE_NAME))
        metaseq_tokenizer.write_parts(folder, parts)

    return TokenizerPlan(f"{FILE_NAME} is made of {origin}", (FILE_NAME, *parts), write)


def _require_fits(tokenizer: Tokenizer, origin: str, config: OptConfig) -> None:
    if tokenizer.vocab_size > config.vocab_size:
        raise TokenizerError(
            f"{origin} has ids up to {tokenizer.vocab_size - 1}, and the embedding only "
            f"{config.vocab_size} rows: it belongs to another model, or tokens were added "
            "without resizing the embedding"
        )


def _require_ends(fast: FastTokenizer, config: OptConfig) -> None:
    """Refuse a vocabulary in which all ends of text are words: another model's, such as GPT-2's."""
    special = {number for number, token in fast.get_added_tokens_decoder().items() if token.special}
    ends = config.eos_token_ids
    if not ends or not special.isdisjoint(ends) or metaseq_tokenizer.is_opts(fast.get_vocab()):
        return
    raise TokenizerError(
        f"{VOCABULARY_NAME} has {fast.id_to_token(ends[0])!r} as id {ends[0]}, where the model's "
        "text ends (eos_token_id): it belongs to another model; put the model's own in its place"
    )
