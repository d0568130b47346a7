"""Collect what the trainer learns from: the standard library's sources, present in every Python."""

import hashlib
import os
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer as FastTokenizer
from tokenizers import decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor

from inference.model.export import write_json, write_whole
from inference.tokenizer import Tokenizer
from inference.tokenizer.files import FILE_NAME
from inference.tokenizer.special_tokens import OPT_SPECIAL_TOKENS

END_ID = 2
SKIPPED_FOLDERS = frozenset(
    {"test", "tests", "idlelib", "idle_test", "site-packages", "dist-packages", "lib2to3"}
    | {"turtledemo", "encodings", "ensurepip", "msilib", "__pycache__"}
)
HELD_OUT_EVERY = 40  # one file in so many is kept for evaluation
LEAST_BYTES = 1024  # a shorter file, held out alone, would hold no window to evaluate on


@dataclass(frozen=True)
class Corpus:
    """The texts to learn from and those held out, with the digest that identifies them."""

    learned: list[str]
    held_out: list[str]
    size_bytes: int
    sha256: str

    @property
    def files(self) -> int:
        """Number of files."""
        return len(self.learned) + len(self.held_out)


def collect_corpus(limit_bytes: int) -> Corpus:
    """Collect standard library sources up to limit_bytes, the same ones on every call."""
    root = Path(sysconfig.get_paths()["stdlib"])
    texts, size, digest = [], 0, hashlib.sha256()
    # in an order by hash, so that a small limit still gets sources from everywhere
    for path in sorted(_sources(root), key=lambda path: _shuffled(path.relative_to(root))):
        if size + path.stat().st_size > limit_bytes:
            continue
        content = path.read_bytes()
        texts.append(content.decode("utf-8", errors="replace"))
        size += len(content)
        digest.update(content)
    held_out = texts[::HELD_OUT_EVERY]
    learned = [text for n, text in enumerate(texts) if n % HELD_OUT_EVERY]
    return Corpus(learned, held_out, size, digest.hexdigest())


def _sources(root: Path) -> Iterator[Path]:
    for folder, inner, names in os.walk(root):
        inner[:] = [name for name in inner if name not in SKIPPED_FOLDERS]
        paths = (Path(folder, name) for name in names if name.endswith(".py"))
        yield from (path for path in paths if _is_long_enough(path))


def _is_long_enough(path: Path) -> bool:
    """Return False for a link to nowhere too, which some distributions have among their sources."""
    return path.is_file() and path.stat().st_size >= LEAST_BYTES


def train_tokenizer(texts: list[str], vocab_size: int, directory: Path) -> Tokenizer:
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


def encode_texts(tokenizer: Tokenizer, texts: list[str]) -> Tensor:
    """Return all texts' ids one after another, each after a ``</s>``: [tokens] int64."""
    return torch.tensor([token for text in texts for token in tokenizer.encode(text)])


@dataclass(frozen=True)
class Windows:
    """The examples of one step: tokens, targets and positions [windows * length] int64."""

    tokens: Tensor
    targets: Tensor
    positions: Tensor
    count: int
    length: int


def draw_windows(
    tokens: Tensor, *, seed: int, step: int, length: int, count: int, max_positions: int
) -> Windows:
    """Draw windows by (seed, step) alone, so that a resumed run goes on with the same ones.

    Half of them begin at position 0 with ``</s>``, as prompts do; half begin anywhere, so that no
    position stays untrained.
    """
    digest = hashlib.sha256(f"{seed} {step}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "little"))
    first = torch.randint(len(tokens) - length, (count, 1), generator=generator)
    offset = torch.randint(max_positions - length + 1, (count, 1), generator=generator)
    offset[torch.rand(count, generator=generator) < 0.5] = 0
    steps = torch.arange(length)
    chosen, targets = tokens[first + steps], tokens[first + steps + 1]
    chosen[:, 0] = torch.where(offset[:, 0] == 0, END_ID, chosen[:, 0])
    return Windows(chosen.flatten(), targets.flatten(), (offset + steps).flatten(), count, length)


def _shuffled(path: Path) -> str:
    return hashlib.sha256(path.as_posix().encode()).hexdigest()


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
