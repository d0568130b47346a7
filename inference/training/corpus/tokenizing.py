"""Train a tokenizer, or take a given one, and write the files that transformers reads."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import torch
from tokenizers import Tokenizer as FastTokenizer
from tokenizers import decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor

from inference.errors import TrainError
from inference.model.export import write_json, write_whole
from inference.tokenizer import Tokenizer
from inference.tokenizer.files import FILE_NAME, build_fast_tokenizer
from inference.tokenizer.special_tokens import OPT_SPECIAL_TOKENS

END_ID = 2
BORDERS = ("</s>", "<|endoftext|>")  # OPT's and GPT-2's; the first that a tokenizer has
COPIED = (FILE_NAME, "tokenizer_config.json", "special_tokens_map.json")


def train_tokenizer(texts: Iterable[str], vocab_size: int, directory: Path) -> Tokenizer:
    """Train a byte-level BPE, and write the files that transformers' AutoTokenizer reads."""
    fast = FastTokenizer(models.BPE())
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=OPT_SPECIAL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    fast.train_from_iterator(texts, trainer)
    save_tokenizer(fast, directory)
    return Tokenizer.from_directory(directory)


def save_tokenizer(fast: FastTokenizer, directory: Path) -> None:
    """Set OPT's ``</s>`` before texts, and write the files that AutoTokenizer reads."""
    fast.post_processor = processors.TemplateProcessing(
        single="</s> $A", pair="</s> $A </s> $B", special_tokens=[("</s>", END_ID)]
    )
    write_json(directory / "special_tokens_map.json", _special_tokens())
    write_json(directory / "tokenizer_config.json", _tokenizer_config())
    write_whole(directory / FILE_NAME, lambda path: fast.save(str(path)))


def adopt_tokenizer(source: Path, directory: Path) -> Tokenizer:
    """Copy a folder's tokenizer, or make one file of its vocabulary and merges.

    Raises TokenizerError for one that this engine doesn't read.
    """
    fast = build_fast_tokenizer(source)
    tokenizer = Tokenizer(fast)
    if (source / FILE_NAME).is_file():
        for name in COPIED:
            if (source / name).is_file():
                write_whole(directory / name, partial(_copy, source / name))
    else:
        save_tokenizer(fast, directory)
    return tokenizer


def border_of(directory: Path) -> int:
    """Return the id that begins each document. Raises TrainError."""
    fast = build_fast_tokenizer(directory)
    ids = (fast.token_to_id(border) for border in BORDERS)
    border = next((token_id for token_id in ids if token_id is not None), None)
    if border is None:
        raise TrainError(
            f"the tokenizer in {directory} has none of {', '.join(BORDERS)}, one of which begins "
            "each document: add it, or train a tokenizer by --vocab-size"
        )
    return int(border)


def encode_texts(tokenizer: Tokenizer, texts: list[str]) -> Tensor:
    """Return all texts' ids one after another, each after a ``</s>``: [tokens] int64."""
    return torch.tensor([token for text in texts for token in tokenizer.encode(text)])


def _copy(source: Path, path: Path) -> None:
    path.write_bytes(source.read_bytes())


def _special_tokens() -> dict[str, str]:
    return {"bos_token": "</s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


def _tokenizer_config() -> dict[str, object]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 2048,
        "add_bos_token": True,
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        **_special_tokens(),
    }
