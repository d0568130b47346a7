"""Mutate one field of one file: it is read as transformers reads it, or refused by name.

It is never silently another model.

The mutations know no field: names come from the libraries' signatures, values from a pool of every
kind. `make soak` tries them all, `make test` some of each field's.
"""

import contextlib
import io
import os
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import torch

from inference.__main__ import main
from inference.errors import InferenceError
from inference.tokenizer import Tokenizer
from tests.inference.folders import FOLDERS
from tests.inference.folders import mutations_of_configs as of_configs
from tests.inference.folders import mutations_of_tokenizers as of_tokenizers
from tests.inference.folders import mutations_of_weights as of_weights
from tests.inference.folders.compare import Reading, greedy, ours, require_same, theirs
from tests.inference.folders.vocabulary import TEXTS

EVERY = int(os.environ.get("MUTATIONS_EVERY", "12"))
CONVERTED_EVERY = 4  # of those, since all but writing is the same again
PROMPTS = ["The software"]
NOT_OFFERED = "which isn't offered here"
# What transformers refuses or lets pass, and we don't.
KNOWN = {
    "config.json: architectures": "no list of classes but OPT's two",
    "max_length 0": "no length; transformers takes max_new_tokens first",
    "num_return_sequences 0": "no number of samples",
    "repetition_penalty": "an integer is a number; transformers wants 2.0",
    "tokenizer_config.json: tokenizer_class": "no class that OPT's folders have",
    "tokenizer_config.json: add_bos_token null": "neither true nor false",
    "special_tokens_map.json: nobody's": "each entry is a token; one that is none is refused",
}
IDS = [2, 55, 75, 72, 284]
TOKEN_RUNS = [[2, 71, 72, 301, 75], [1, 2, 3, 0], [300, 299, 297], [170, 234, 177], [224, 2, 224]]


@dataclass(frozen=True)
class Refused:
    """A reader's refusal of a folder; plain: its error is written for people."""

    text: str
    plain: bool


def attempt(read, folder):
    try:
        return read(folder)
    except (InferenceError, ValueError, OSError) as error:
        return Refused(f"{type(error).__name__}: {error}", plain=True)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001  # tracebacks and panics are what is looked for
        return Refused(f"{type(error).__name__}: {error}", plain=False)


def our_model(folder: Path) -> Reading:
    return ours(folder, TEXTS, PROMPTS)


def their_model(folder: Path) -> Reading:
    return theirs(folder, TEXTS, PROMPTS)


def our_tokens(folder: Path):
    tokenizer = Tokenizer.find(folder)
    if tokenizer is None:
        raise OSError("there is no tokenizer.json")
    return [tokenizer.encode(t) for t in TEXTS], [tokenizer.decode(ids) for ids in TOKEN_RUNS]


def their_tokens(folder: Path):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    return (
        [tokenizer(text)["input_ids"] for text in TEXTS],
        [tokenizer.decode(ids, skip_special_tokens=True) for ids in TOKEN_RUNS],
    )


def our_text(folder: Path):
    """Return the command line's reading, which samples as the generation config says."""
    options = ["--model", str(folder), "--temperature", "0", "--max-tokens", "16"]
    said = run("generate", "--ids", " ".join(map(str, IDS)), *options)
    first, *_ = said.split("---")  # of num_return_sequences
    return [int(token) for token in first.split()]


def run(*command: str) -> str:
    """Return what the command line prints; its complaint is raised as ValueError."""
    said, complained = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
        status = main([*command])
    if status:
        raise ValueError(complained.getvalue())
    return said.getvalue()


def their_text(folder: Path):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return greedy(model, IDS)


def require_equal(found, expected):
    assert found == expected


MODEL = our_model, their_model, require_same
TOKENS = our_tokens, their_tokens, require_equal
POST_NORM, EARLY = "save_model, post-norm with projections", "ends in the config"
TODAYS, TUNED = "a pair beside tokenizer.json", "two special tokens added"
BESIDE_A_PAIR = "two tokens added beside a pair"
TEXT = our_text, their_text, require_equal
SUBJECTS = {
    "config.json": ("save_pretrained", of_configs.of_config, MODEL),
    "config.json, post-norm": (POST_NORM, of_configs.of_config, MODEL),
    "config.json, generation": (EARLY, of_configs.of_early_generation_config, TEXT),
    "generation_config.json": ("sampling defaults", of_configs.of_generation_config, TEXT),
    "tokenizer_config.json": ("save_model", of_tokenizers.of_tokenizer_config, TOKENS),
    "tokenizer_config.json, today's": (TODAYS, of_tokenizers.of_tokenizer_config, TOKENS),
    "tokenizer_config.json of a tuning": (TUNED, of_tokenizers.of_tokenizer_config, TOKENS),
    "special_tokens_map.json, today's": (TODAYS, of_tokenizers.of_special_tokens_map, TOKENS),
    "special_tokens_map.json": ("save_model", of_tokenizers.of_special_tokens_map, TOKENS),
    "added_tokens.json": (BESIDE_A_PAIR, of_tokenizers.of_added_tokens, TOKENS),
    "tokenizer.json": (TUNED, of_tokenizers.of_tokenizer_json, TOKENS),
    "vocab.json and merges.txt": ("save_model", of_tokenizers.of_pair, TOKENS),
    "model.safetensors": ("save_model", of_weights.of_weights, MODEL),
    "index": ("save_pretrained in shards", of_weights.of_index, MODEL),
    "files beside": ("save_pretrained", of_weights.of_files_beside, MODEL),
}


def fault_of(mutation, folder, readers, as_it_was):
    """Return what is wrong with the engine's reading of a mutation, or None."""
    read_ours, read_theirs, require = readers
    found, expected = attempt(read_ours, folder), attempt(read_theirs, folder)
    if isinstance(found, Refused):
        if not found.plain or not any(name in found.text for name in mutation.named):
            return f"refused without a name: {found.text}"
        needless = mutation.plain and NOT_OFFERED not in found.text
        if needless and not differs(require, expected, as_it_was):
            return f"refused, though it is the same model: {found.text}"
        return None
    if isinstance(expected, Refused):
        difference = differs(require, found, as_it_was)
        return (
            f"another model, which transformers refuses: {expected.text}, {difference}"
            if difference
            else None
        )
    return differs(require, found, expected)


def differs(require, found, expected):
    """Return how two readings differ, or None."""
    if isinstance(found, Refused):
        return found.text
    try:
        require(found, expected)
    except AssertionError as error:
        return f"another model: {str(error)[:300]}"
    return None


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_field_changed_is_transformers_model_or_refused_by_name(subject, tmp_path):
    name, mutations, readers = SUBJECTS[subject]
    require_none(faults_of(name, mutations, readers, EVERY, tmp_path))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_conversion_of_it_is_that_model_too_or_refused_by_name(subject, tmp_path):
    name, mutations, (read_ours, read_theirs, require) = SUBJECTS[subject]
    readers = partial(converted, read_ours), read_theirs, require
    require_none(faults_of(name, mutations, readers, EVERY * CONVERTED_EVERY, tmp_path))


def converted(read, folder: Path):
    """Return a reading of what convert makes of a folder."""
    made = folder.with_name("converted")
    shutil.rmtree(made, ignore_errors=True)
    run("convert", str(folder), str(made), "--no-progress")
    return read(made)


def faults_of(name, mutations, readers, every, place: Path):
    """Return the faults in readings of one in every so many mutations of each field."""
    whole, folder = place / "whole", place / "changed"
    whole.mkdir()
    FOLDERS[name].write(whole)
    as_it_was = readers[1](whole)
    for number, group in enumerate(mutations(whole)):
        for mutation in group[number % every :: every] if len(group) > 5 else group:
            shutil.copytree(whole, folder)
            mutation.apply(folder)
            fault = fault_of(mutation, folder, readers, as_it_was)
            shutil.rmtree(folder)
            if fault and not any(known in mutation.title for known in KNOWN):
                yield f"{mutation.title}: {fault}"


def require_none(faults):
    faults = list(faults)
    assert not faults, "\n".join(faults)
