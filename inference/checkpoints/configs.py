"""config.json and generation_config.json of a converted folder: the source's, but for what must
change.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from inference.checkpoints.metaseq_config import training_fields
from inference.checkpoints.source import ReadOptions, Source
from inference.config import OptConfig
from inference.config_checks import ARCHITECTURE, BASE_ARCHITECTURE
from inference.errors import ConfigError
from inference.export import generation_fields, write_json
from inference.generation_config import FILE_NAME as GENERATION_NAME
from inference.generation_config import GenerationConfig
from inference.json_files import read_object

NAME = "config.json"
_DTYPE_FIELDS = ("dtype", "torch_dtype")  # transformers' name today, and before version 5


@dataclass(frozen=True)
class Configs:
    """What the result's two files hold.

    fields: config.json's object, made where no file gave it. generation: the other's, where it is
    made; None where the source's is copied, or where it has none and config.json speaks for both.
    changed: a sentence for each field that isn't the source's.
    """

    fields: dict[str, Any]
    made: bool
    generation: dict[str, Any] | None
    changed: list[str]

    def write_generation(self, destination: Path) -> None:
        """Write generation_config.json where it is made."""
        if self.generation is not None:
            write_json(destination / GENERATION_NAME, self.generation)

    def write_config(self, destination: Path) -> None:
        """Write config.json, whose presence says that the folder is done."""
        write_json(destination / NAME, self.fields)

    @property
    def made_files(self) -> list[str]:
        """Names of the files that no file of the source became."""
        made = [NAME] if self.made else []
        return made if self.generation is None else [*made, GENERATION_NAME]


def plan_configs(
    source: Source,
    config: OptConfig,
    options: ReadOptions,
    asked: torch.dtype | None,
    dtypes: Sequence[torch.dtype],
) -> Configs:
    """Decide what both files will hold; asked: the dtype, if any; dtypes: of all weights.

    Raises ConfigError where generation_config.json can't be read.
    """
    folder = source.form.folder
    own = _own_fields(folder, options)
    changed: list[str] = []
    if own is None:
        fields = _made_fields(source, config, max(set(dtypes), key=dtypes.count))
    else:
        fields, changed = _changed(own, asked)
    if options.config is not None and (folder / NAME).is_file():
        changed.append(f"{NAME} is --config's, not the source's")
    has_generation = (folder / GENERATION_NAME).is_file()
    if has_generation:
        GenerationConfig.from_directory(folder)
    generation = generation_fields(config) if own is None and not has_generation else None
    return Configs(fields, own is None, generation, changed)


def _own_fields(folder: Path, options: ReadOptions) -> Mapping[str, Any] | None:
    if options.config is not None:
        return options.fields
    return read_object(folder / NAME, ConfigError) if (folder / NAME).is_file() else None


def _made_fields(source: Source, config: OptConfig, dtype: torch.dtype) -> dict[str, Any]:
    return {**config.to_dict(), **training_fields(source.noted), "dtype": _name(dtype)}


def _changed(own: Mapping[str, Any], asked: torch.dtype | None) -> tuple[dict[str, Any], list[str]]:
    """Change what no longer holds: the dtype where another was asked for, and the bare model's
    class, since its weights get the names that the model with a head has.
    """
    new: dict[str, Any] = {}
    if own.get("architectures") == [BASE_ARCHITECTURE]:
        new["architectures"] = [ARCHITECTURE]
    if asked is not None:
        new |= {name: _name(asked) for name in _DTYPE_FIELDS if name in own}
    new = {name: value for name, value in new.items() if own[name] != value}
    changed = [
        f"{NAME}: {name} is {json.dumps(value)}, was {json.dumps(own[name])}"
        for name, value in new.items()
    ]
    return {**own, **new}, changed


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
