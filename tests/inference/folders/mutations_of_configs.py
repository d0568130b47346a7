"""config.json and generation_config.json, by the fields of the libraries' own classes."""

import json
from collections.abc import Iterator
from pathlib import Path

from tests.inference.folders.mutations import Mutation, damaged, of_fields


def of_config(folder: Path) -> Iterator[list[Mutation]]:
    """OPTConfig's own fields and those of every config."""
    from transformers import OPTConfig

    now = json.loads((folder / "config.json").read_text())
    names = {*OPTConfig().to_dict(), *now, "torch_dtype", "prefix", "quantization_config"}
    names |= {"activation_dropout", "num_key_value_heads", "head_dim", "rope_scaling"}
    yield from of_fields("config.json", {name: now.get(name) for name in sorted(names)})
    yield damaged("config.json")


def of_generation_config(
    folder: Path, file: str = "generation_config.json"
) -> Iterator[list[Mutation]]:
    """GenerationConfig's fields, those it had before included."""
    from transformers import GenerationConfig

    now = json.loads((folder / file).read_text())
    usual = GenerationConfig._get_default_generation_params()
    names = {*GenerationConfig().to_dict(), *usual}
    yield from of_fields(file, {name: now.get(name) for name in sorted(names)}, usual)
    yield damaged(file)


def of_early_generation_config(folder: Path) -> Iterator[list[Mutation]]:
    """Mutate the same fields in config.json, which held them before generation configs existed."""
    yield from of_generation_config(folder, "config.json")
