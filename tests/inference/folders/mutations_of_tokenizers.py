"""A tokenizer's files, by the fields of GPT2Tokenizer's own signature."""

import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.inference.folders.mutations import (
    Mutation,
    as_json,
    as_lines,
    damaged,
    of_fields,
    of_leaves,
    set_field,
    write,
)
from tests.inference.folders.vocabulary import FILLERS


def tokenizer_fields() -> set[str]:
    """Return the names of fields that GPT2Tokenizer takes, its own and any tokenizer's."""
    from transformers import GPT2Tokenizer, PreTrainedTokenizerBase

    named = set(inspect.signature(GPT2Tokenizer.__init__).parameters)
    named -= {"self", "kwargs", "vocab", "merges"}
    return named | {*PreTrainedTokenizerBase.SPECIAL_TOKENS_ATTRIBUTES, "additional_special_tokens"}


def of_tokenizer_config(folder: Path) -> Iterator[list[Mutation]]:
    now = json.loads((folder / "tokenizer_config.json").read_text())
    names = tokenizer_fields() | {
        *now, "add_eos_token", "model_max_length", "padding_side", "truncation_side",
        "clean_up_tokenization_spaces", "split_special_tokens", "extra_special_tokens", "max_len",
        "model_specific_special_tokens", "chat_template", "model_input_names", "use_fast", "legacy",
        "auto_map", "tokenizer_class", "added_tokens_decoder", "do_lower_case",
    }  # fmt: skip
    file = "tokenizer_config.json"
    yield from of_fields(file, {name: now.get(name) for name in sorted(names)})
    yield from of_leaves(file, {k: v for k, v in now.items() if isinstance(v, dict)})
    classes = "GPT2TokenizerFast", "PreTrainedTokenizerFast", "LlamaTokenizer", "BartTokenizer"
    yield [set_field(file, ("tokenizer_class",), name) for name in classes]
    token = {"content": "zz", "lstrip": True, "rstrip": True, "single_word": True}
    yield [
        set_field(
            file,
            ("added_tokens_decoder",),
            {str(number): token | {"normalized": special, "special": special}},
        )
        for number in (0, 3, 70, 300, 309)
        for special in (True, False)
    ]
    yield damaged(file)


def of_special_tokens_map(folder: Path) -> Iterator[list[Mutation]]:
    file = "special_tokens_map.json"
    now = json.loads((folder / file).read_text())
    yield from of_fields(
        file, {name: now.get(name) for name in sorted({*tokenizer_fields(), *now})}
    )
    yield from of_leaves(file, {k: v for k, v in now.items() if isinstance(v, dict)})
    yield damaged(file)


def of_added_tokens(folder: Path) -> Iterator[list[Mutation]]:
    file = "added_tokens.json"
    tables = [
        {"<|user|>": 300}, {"<|user|>": 301, "<|answer|>": 300}, {"<|user|>": 305}, {"zz": 70},
        {"the": 300}, {" a b": 300}, {"</s>": 2}, {"</s>": 300}, {"x": -1}, {"x": "300"},
        {"x": 1.5}, {"x": None}, [["x", 300]], {"x": 300, "y": 300}, {"é": 300, "日本": 301},
        {"": 300}, "x", None,
    ]  # fmt: skip
    yield [
        write(
            file, json.dumps(table), as_json(lambda _, table=table: table), plain=table == tables[0]
        )
        for table in tables
    ]
    yield damaged(file)


BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True}
PARTS = {
    "normalizer": [
        {"type": "NFC"}, {"type": "NFKC"}, {"type": "Lowercase"},
        {"type": "Prepend", "prepend": "a"},
        {"type": "Sequence", "normalizers": []},
        {"type": "Strip", "strip_left": True, "strip_right": True},
    ],
    "pre_tokenizer": [
        {"type": "Whitespace"}, {"type": "Digits", "individual_digits": True},
        BYTE_LEVEL | {"use_regex": False},
        {"type": "Sequence", "pretokenizers": [BYTE_LEVEL]},
    ],
    "post_processor": [
        BYTE_LEVEL, {"type": "Sequence", "processors": []},
        {"type": "BertProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0]},
    ],
    "decoder": [
        {"type": "Fuse"}, {"type": "WordPiece", "prefix": "##", "cleanup": True},
        {"type": "Sequence", "decoders": [BYTE_LEVEL]},
    ],
    "truncation": [
        {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    ],
    "padding": [
        {"strategy": {"Fixed": 50}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 1,
         "pad_type_id": 0, "pad_token": "<pad>"},
    ],
}  # fmt: skip


def in_model(part: str) -> Callable[[Callable[[Any], Any]], Callable[[bytes], bytes]]:
    """Change one of tokenizer.json's two tables."""

    def inside(change: Callable[[Any], Any]) -> Callable[[bytes], bytes]:
        return as_json(
            lambda found: found | {"model": found["model"] | {part: change(found["model"][part])}}
        )

    return inside


def of_tokenizer_json(folder: Path) -> Iterator[list[Mutation]]:
    file = "tokenizer.json"
    tokenizer = json.loads((folder / file).read_text())
    yield from of_leaves(file, tokenizer)
    yield from (
        [set_field(file, (name,), value) for value in values] for name, values in PARTS.items()
    )
    yield [
        set_field(file, ("model", "dropout"), 1.0),
        set_field(file, ("model", "unk_token"), "<unk>"),
    ]
    yield vocabulary_table(file, in_model("vocab"))
    yield merges_table(file, in_model("merges"))
    yield damaged(file)


def vocabulary_table(file: str, inside) -> list[Mutation]:
    """Words lost, swapped, doubled and renumbered."""

    changes = {
        "a word lost": lambda v: {k: i for k, i in v.items() if k != "Ġthe"},
        "a byte lost": lambda v: {k: i for k, i in v.items() if k != "x"},
        "a special token lost": lambda v: {k: i for k, i in v.items() if k != "</s>"},
        "a filler lost": lambda v: {k: i for k, i in v.items() if k != FILLERS[-1]},
        "two swapped": lambda v: v | {"a": v["b"], "b": v["a"]},
        "a gap": lambda v: v | {FILLERS[-1]: 303},
        "past the table": lambda v: v | {FILLERS[-1]: 400},
        "an id twice": lambda v: v | {FILLERS[-1]: v["a"]},
        "an id below 0": lambda v: v | {FILLERS[-1]: -1},
        "an id that is text": lambda v: v | {FILLERS[-1]: "299"},
        "a word more": lambda v: v | {"zz": 300},
        "specials exchanged": lambda v: v | {"<s>": 2, "</s>": 0},
        "no words": lambda v: {},
    }  # fmt: skip
    return [write(file, title, inside(change)) for title, change in changes.items()]


def merges_table(file: str, inside) -> list[Mutation]:
    """Lose, exchange, double and invent merges, and add lines that editors leave."""
    changes = {
        "the last lost": lambda m: [line for line in m if line][:-1],
        "one lost": lambda m: m[:3] + m[4:],
        "two exchanged": lambda m: [*m[:2], m[3], m[2], *m[4:]],
        "one twice": lambda m: m[:4] + m[3:],
        "none": lambda m: m[:0],
        "unknown words": lambda m: [*m, "q z" if isinstance(m[-1], str) else ["q", "z"]],
    }
    return [write(file, title, inside(change)) for title, change in changes.items()]


def of_pair(folder: Path) -> Iterator[list[Mutation]]:
    yield vocabulary_table("vocab.json", as_json)
    yield merges_table("merges.txt", as_lines)
    yield [
        write("merges.txt", "no version", as_lines(lambda m: m[1:])),
        write("merges.txt", "another version", as_lines(lambda m: ["#version: 0.1", *m[1:]])),
        write("merges.txt", "line ends of Windows", lambda data: data.replace(b"\n", b"\r\n")),
        write("merges.txt", "a blank line", as_lines(lambda m: [*m[:5], "", *m[5:]])),
        write("merges.txt", "a comment", as_lines(lambda m: [*m[:5], "# note", *m[5:]])),
        write("merges.txt", "three words", as_lines(lambda m: [*m[:5], m[5] + " e", *m[6:]])),
        write("merges.txt", "a byte order mark", lambda data: b"\xef\xbb\xbf" + data),
        write("vocab.json", "a byte order mark", lambda data: b"\xef\xbb\xbf" + data),
    ]
    yield damaged("vocab.json")
    yield damaged("merges.txt")
