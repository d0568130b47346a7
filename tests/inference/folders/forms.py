"""List the folders by name.

Each is written by the libraries that write such folders, if these are among the tests' own. What is
written by hand says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.inference import metaseq_files
from tests.inference.folders import others, vocabulary, weights
from tests.inference.folders.vocabulary import ADDED, TOKENS
from tests.inference.tiny_opts import greedy_reference

PROMPT = "def main():"


@dataclass(frozen=True)
class Folder:
    """write fills an empty folder.

    loads: the engine takes it as it lies; convert takes all but those that are refused.
    refused: what the refusal must say. twin: the folder of the same model that transformers reads,
    where it cannot read this one.
    """

    write: Callable[[Path], None]
    loads: bool = True
    refused: str | None = None
    twin: str | None = None


def published(folder: Path, peer=None, **options):
    """Write a folder as facebook/opt-*: float16 .bin with the head, vocab.json and merges.txt."""
    peer = peer or weights.opt()
    weights.save_bin(folder, peer, **options)
    vocabulary.write_published(folder)
    weights.change(
        folder / "config.json", prefix="</s>", activation_dropout=0.0, _name_or_path="opt-tiny",
        torch_dtype="float16", dtype=None, transformers_version="4.21.0.dev0",
    )  # fmt: skip


def bin_shards(folder: Path):
    weights.save_bin_shards(folder, weights.opt())
    vocabulary.write_published(folder)


def safetensors_of_save_model(folder: Path, peer=None):
    """Store the head alone, with metadata that names the embedding as the same."""
    weights.save_model(folder, peer or weights.opt())
    vocabulary.write_published(folder)


def save_pretrained(folder: Path, peer=None, added=(), *, special=False, **options):
    """Save model and tokenizer by today's transformers."""
    (peer or weights.opt()).save_pretrained(folder, **options)
    vocabulary.save_tokenizer(folder, added, special=special)


def all_tokenizer_files(folder: Path):
    """tokenizer.json beside the pair that it was made of, as transformers 4's fast tokenizers."""
    save_pretrained(folder, weights.opt())
    vocabulary.write_published(folder)


def bin_beside_safetensors(folder: Path):
    """Store .bin and safetensors of one model, of which transformers takes safetensors."""
    weights.save_bin(folder, weights.opt(), half=False)
    save_pretrained(folder)


def base_model(folder: Path):
    """OPTModel: no head anywhere, and names without "model."."""
    weights.opt().model.save_pretrained(folder)
    vocabulary.save_tokenizer(folder)


def generation(folder: Path, **fields):
    """save_pretrained, with a generation config of the author's."""
    save_pretrained(folder)
    weights.change(folder / "generation_config.json", **fields)


def early_end():
    """Return transformers' fifth token after PROMPT, or the first new one from there on."""
    said = greedy_reference(weights.opt(), prompt_ids(), 24)
    return next(token for n, token in enumerate(said) if n > 3 and token not in said[:n])


def prompt_ids():
    """PROMPT by the vocabulary alone."""
    from tokenizers import ByteLevelBPETokenizer

    return [2, *ByteLevelBPETokenizer(*vocabulary.trained()).encode(PROMPT).ids]


def ends_in_the_generation_config(folder: Path):
    generation(folder, eos_token_id=[2, early_end()])


def ends_in_the_config(folder: Path):
    """Leave out generation_config.json, as transformers before 4.26 did."""
    safetensors_of_save_model(folder)
    (folder / "generation_config.json").unlink()
    weights.change(folder / "config.json", eos_token_id=[2, early_end()])


def tuned(folder: Path, *, special: bool):
    """Two tokens added in the table's spare rows, of which one is likely."""
    peer = weights.copied()
    weights.prefer(peer, TOKENS + 1)
    save_pretrained(folder, peer, ADDED, special=special)


def added_beside_a_pair(folder: Path):
    """added_tokens.json, by the slow tokenizers of transformers 4."""
    peer = weights.copied()
    weights.prefer(peer, TOKENS + 1)
    safetensors_of_save_model(folder, peer)
    vocabulary.write_added(folder)


def resized(folder: Path):
    """More tokens were added than the table had rows."""
    peer = weights.copied()
    added = [f"<|extra {number}|>" for number in range(9)]
    peer.resize_token_embeddings(TOKENS + len(added), mean_resizing=False)
    weights.prefer(peer, TOKENS + 7)
    save_pretrained(folder, peer, added)


def sampling_defaults(folder: Path):
    generation(folder, do_sample=True, temperature=0.7, top_k=20, top_p=0.9, max_new_tokens=7)


def fields_of_a_fine_tuning(folder: Path):
    save_pretrained(folder)
    weights.change(
        folder / "config.json", dropout=0.1, attention_dropout=0.05, layerdrop=0.1, prefix="</s>",
        author="a laboratory", id2label={"0": "a"}, task_specific_params={"a": {"min_length": 1}},
    )  # fmt: skip


PUBLISHED = "as the family is published"
FOLDERS = {
    PUBLISHED: Folder(published),
    "float32 in .bin": Folder(lambda folder: published(folder, half=False)),
    "early names in .bin": Folder(lambda folder: published(folder, early=True)),
    ".bin in shards": Folder(bin_shards),
    "post-norm with projections": Folder(
        lambda folder: published(folder, weights.opt(**weights.POST_NORM))
    ),
    "save_model": Folder(safetensors_of_save_model),
    "save_model, post-norm with projections": Folder(
        lambda folder: safetensors_of_save_model(folder, weights.opt(**weights.POST_NORM))
    ),
    "save_pretrained": Folder(save_pretrained),
    "save_pretrained in shards": Folder(lambda f: save_pretrained(f, max_shard_size=40_000)),
    "save_pretrained in bfloat16": Folder(
        lambda folder: save_pretrained(folder, weights.copied().bfloat16())
    ),
    "a pair beside tokenizer.json": Folder(all_tokenizer_files),
    ".bin beside safetensors": Folder(bin_beside_safetensors),
    "OPTModel": Folder(base_model),
    "ends in the generation config": Folder(ends_in_the_generation_config),
    "ends in the config": Folder(ends_in_the_config),
    "two tokens added": Folder(lambda folder: tuned(folder, special=False)),
    "two special tokens added": Folder(lambda folder: tuned(folder, special=True)),
    "two tokens added beside a pair": Folder(added_beside_a_pair),
    "a table made larger": Folder(resized),
    "sampling defaults": Folder(sampling_defaults),
    "fields of a fine-tuning": Folder(fields_of_a_fine_tuning),
    "an adapter": Folder(others.adapter, refused="adapter"),
    "an adapter beside weights": Folder(others.adapter_beside_weights, refused="adapter"),
    "bitsandbytes": Folder(others.bitsandbytes, refused="quantization_config"),
    "GPTQ": Folder(others.gptq, refused="quantization_config"),
    "metaseq, raw": Folder(
        others.metaseq(metaseq_files.save_raw, parts=4, shards=3), loads=False, twin=PUBLISHED
    ),
    "metaseq, parts": Folder(
        others.metaseq(metaseq_files.save_parts, parts=2), loads=False, twin=PUBLISHED
    ),
    "metaseq, one file": Folder(
        others.metaseq(metaseq_files.save_singleton), loads=False, twin=PUBLISHED
    ),
    "metaseq, a unified tokenizer": Folder(
        others.metaseq(metaseq_files.save_singleton, vocabulary.write_unified),
        loads=False, twin=PUBLISHED,
    ),
    "metaseq, GPT-2's vocabulary": Folder(
        others.metaseq(metaseq_files.save_singleton, vocabulary.write_gpt2_pair),
        loads=False, refused="vocab",
    ),
}  # fmt: skip
