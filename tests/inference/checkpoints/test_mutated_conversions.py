"""One field of one file changed: a conversion is to transformers what its source is, or refused.

Both configs are copied byte for byte, so their fields aren't tried here. `make soak` tries all
mutations of the rest, `make test` few.
"""

import os
import shutil

import pytest
import torch

from inference.__main__ import main
from tests.inference.folders import FOLDERS
from tests.inference.folders import mutations_of_tokenizers as of_tokenizers
from tests.inference.folders import mutations_of_weights as of_weights
from tests.inference.folders.compare import greedy, logits_of
from tests.inference.folders.vocabulary import TEXTS

EVERY = int(os.environ.get("MUTATIONS_EVERY", "40"))
IDS = [2, 55, 75, 72, 284]


def tokens(folder):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    return [tokenizer(text)["input_ids"] for text in TEXTS]


def text(folder):
    """Logits, and greedy ids as the generation config ends them."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return logits_of(model).tolist(), greedy(model, IDS)


SUBJECTS = {
    "tokenizer_config.json": ("save_model", of_tokenizers.of_tokenizer_config, tokens),
    "special_tokens_map.json": ("save_model", of_tokenizers.of_special_tokens_map, tokens),
    "added_tokens.json": ("two tokens added beside a pair", of_tokenizers.of_added_tokens, tokens),
    "tokenizer.json": ("two special tokens added", of_tokenizers.of_tokenizer_json, tokens),
    "vocab.json and merges.txt": ("save_model", of_tokenizers.of_pair, tokens),
    "model.safetensors": ("save_model", of_weights.of_weights, text),
    "files beside": ("save_pretrained", of_weights.of_files_beside, text),
}


def attempt(read, folder):
    """Return transformers' reading, or its refusal."""
    try:
        return read(folder)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001  # it raises nearly anything, and tokenizers panics
        return "refused"


def some(groups):
    """Choose some of each large group of mutations, so that all kinds are tried."""
    for number, group in enumerate(groups):
        yield from (
            group[number % EVERY :: EVERY] if len(group) > 5 else group[:: max(1, EVERY // 8)]
        )


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_conversion_is_what_its_source_is_or_refused(subject, tmp_path, capsys):
    name, mutations, read = SUBJECTS[subject]
    whole, source, made = (tmp_path / part for part in ("whole", "source", "made"))
    whole.mkdir()
    FOLDERS[name].write(whole)
    as_it_was, faults = read(whole), []
    for mutation in some(mutations(whole)):
        shutil.copytree(whole, source)
        mutation.apply(source)
        if main(["convert", str(source), str(made), "--no-progress"]) == 0:
            found, expected = attempt(read, made), attempt(read, source)
            # what transformers refuses may be the model that it was, and no other
            if found not in ([expected, as_it_was] if expected == "refused" else [expected]):
                faults.append(mutation.title)
        shutil.rmtree(source)
        shutil.rmtree(made, ignore_errors=True)
    capsys.readouterr()
    assert not faults, "\n".join(faults)
