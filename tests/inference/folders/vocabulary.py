"""A small byte-level BPE with OPT's special tokens, and a folder's tokenizer files of each kind."""

import json
from functools import cache
from pathlib import Path

from tests.inference.tiny_opts import ROOT

SPECIAL_TOKENS = ["<s>", "<pad>", "</s>", "<unk>"]
FILLERS = [f"madeupword{number:04}" for number in range(4)]  # OPT's last ids hold such words
TOKENS = 300
ADDED = ["<|user|>", "<|answer|>"]
END = {
    "content": "</s>",
    "lstrip": False,
    "normalized": True,
    "rstrip": False,
    "single_word": False,
}
TEXTS = [
    "", "def main():", " </s> x", "<s>", "<pad><unk></s>", "日本 é", "a\n\n  b", "  two", "x " * 40,
    "\t\r\n\x00", "don't we'll I'm", "héllo ☃ 𝄞 naïve", "1234567890", "<mask> madeupword0002",
    "Ġ Ċ <|endoftext|>", "<|user|>hello<|answer|>", " <|user|> hi <|answer|> ",
    "e\u0301 \u00a0\u3000 \ufeff",
]  # fmt: skip


@cache
def trained():
    """OPT's layout in small: special tokens, bytes, merges, made-up words. (vocabulary, merges)."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    fast = Tokenizer(models.BPE())
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=TOKENS - len(FILLERS),
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    fast.train_from_iterator([(ROOT / "LICENSE").read_text(encoding="utf-8")], trainer)
    model = json.loads(fast.to_str())["model"]
    vocabulary = model["vocab"] | {
        word: TOKENS - len(FILLERS) + number for number, word in enumerate(FILLERS)
    }
    return vocabulary, [tuple(pair) for pair in model["merges"]]


def write_pair(folder: Path, prefix: str = ""):
    """vocab.json and merges.txt, as the tokenizers library writes them."""
    from tokenizers import models

    vocabulary, merges = trained()
    models.BPE(vocabulary, merges).save(str(folder), prefix or None)


def write_published(folder: Path, **changes):
    """Write the four files of facebook/opt-*: the pair, and which special token is which."""
    write_pair(folder)
    pad = END | {"content": "<pad>"}
    typed = {"__type": "AddedToken"}
    config = {
        "errors": "replace", "unk_token": END | typed, "bos_token": END | typed,
        "eos_token": END | typed, "pad_token": pad | typed, "add_prefix_space": False,
        "add_bos_token": True, "special_tokens_map_file": None, "name_or_path": "opt-tiny",
        "tokenizer_class": "GPT2Tokenizer",
    }  # fmt: skip
    parts = {"bos_token": END, "eos_token": END, "unk_token": END, "pad_token": pad}
    (folder / "tokenizer_config.json").write_text(json.dumps(config | changes))
    (folder / "special_tokens_map.json").write_text(json.dumps(parts))


def write_added(folder: Path, tokens=ADDED):
    """added_tokens.json, as slow tokenizers wrote what was added after training."""
    ids = {token: TOKENS + number for number, token in enumerate(tokens)}
    (folder / "added_tokens.json").write_text(json.dumps(ids))


def published_tokenizer(folder: Path):
    """Write the published files into the folder, and return transformers' tokenizer of them."""
    from transformers import GPT2Tokenizer

    write_published(folder)
    return GPT2Tokenizer.from_pretrained(folder)


def save_tokenizer(folder: Path, added=(), *, special=False):
    """tokenizer.json and tokenizer_config.json, as transformers writes them today."""
    tokenizer = published_tokenizer(folder)
    for path in folder.glob("*"):
        if path.name in ("vocab.json", "merges.txt", "special_tokens_map.json"):
            path.unlink()
    tokenizer.add_tokens(list(added), special_tokens=special)
    tokenizer.save_pretrained(folder)


def write_unified(folder: Path):
    """gpt2-unified.json, metaseq's one file: tokenizers' own form of the pair."""
    from tokenizers import ByteLevelBPETokenizer

    vocabulary, merges = trained()
    ByteLevelBPETokenizer(vocabulary, merges).save(str(folder / "gpt2-unified.json"))


def write_gpt2_pair(folder: Path):
    """GPT-2's own vocabulary: the same words without OPT's four, so that every id is another."""
    from tokenizers import models

    vocabulary, merges = trained()
    words = [word for word in vocabulary if word not in SPECIAL_TOKENS]
    shifted = {word: vocabulary[word] - len(SPECIAL_TOKENS) for word in words}
    models.BPE(shifted, merges).save(str(folder), "gpt2")
