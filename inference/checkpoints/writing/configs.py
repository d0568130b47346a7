"""Plan config.json and generation_config.json of a converted folder.

They are the source's, but for fields that must change.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shutil import copyfile
from typing import Any

import torch

from inference.checkpoints.sources.metaseq_config import training_fields
from inference.checkpoints.sources.source import ReadOptions, Source
from inference.config import OptConfig
from inference.errors import ConfigError
from inference.model.export import generation_fields, write_json, write_whole
from inference.model.weight_files import dtype_name
from inference.model_files.config_checks import ARCHITECTURE, BASE_ARCHITECTURE
from inference.model_files.generation_config import FILE_NAME as GENERATION_NAME
from inference.model_files.generation_config import GenerationConfig
from inference.model_files.json_files import read_object

NAME = "config.json"
_DTYPE_FIELDS = ("dtype", "torch_dtype")  # transformers' name today, and before version 5


@dataclass(frozen=True)
class Configs:
    """The two files of the result, copied or with new content.

    path: the file that gives config.json, None where it is made. fields: its object, None where
    path is copied as it is. generation: the other file's object where it is made; None where the
    source's is copied, or where it has none and config.json speaks for both. changed: a sentence
    for each field that isn't the source's.
    """

    path: Path | None
    fields: Mapping[str, Any] | None
    generation: Mapping[str, Any] | None
    changed: list[str]

    def write_generation(self, destination: Path) -> None:
        """Write generation_config.json where it is made."""
        if self.generation is not None:
            write_json(destination / GENERATION_NAME, self.generation)

    def write_config(self, destination: Path) -> None:
        """Write config.json, whose presence says that the folder is done."""
        if self.fields is not None:
            write_json(destination / NAME, self.fields)
        elif self.path is not None:
            write_whole(destination / NAME, partial(copyfile, self.path))

    @property
    def copied_files(self) -> list[str]:
        """Return config.json's name where it is copied as it is."""
        return [NAME] if self.fields is None else []

    @property
    def made_files(self) -> list[str]:
        """Return the names of the files that no file of the source became."""
        made = [NAME] if self.path is None else []
        return made if self.generation is None else [*made, GENERATION_NAME]


def plan_configs(
    source: Source,
    config: OptConfig,
    options: ReadOptions,
    dtype: torch.dtype | None,
    dtypes: Sequence[torch.dtype],
) -> Configs:
    """Decide what both files will hold. dtype: the one asked for, if any; dtypes: of all weights.

    Raises ConfigError if generation_config.json can't be read.
    """
    folder = source.form.folder
    has_generation = (folder / GENERATION_NAME).is_file()
    if has_generation:
        GenerationConfig.from_directory(folder)
    path = _find(folder, options)
    if path is None:
        commonest = max(set(dtypes), key=dtypes.count)
        fields = {**_made_fields(source, config), "dtype": dtype_name(commonest)}
        generation = None if has_generation else generation_fields(config)
        return Configs(None, fields, generation, [])
    fields, changed = _changed(read_object(path, ConfigError), dtype)
    replaced = path != folder / NAME and (folder / NAME).is_file()
    notes = [f"{NAME} is {path}, not the source's"] if replaced else []
    return Configs(path, fields if changed else None, None, notes + changed)


def config_fields(source: Source, config: OptConfig, options: ReadOptions) -> Mapping[str, Any]:
    """Return config.json's object as the source has it, or as it would be made."""
    path = _find(source.form.folder, options)
    return _made_fields(source, config) if path is None else read_object(path, ConfigError)


def _find(folder: Path, options: ReadOptions) -> Path | None:
    """Find the file that says the shape: the one that was given, or the folder's own."""
    path = options.config_path if options.config is not None else folder / NAME
    return path if path is not None and path.is_file() else None


def _made_fields(source: Source, config: OptConfig) -> dict[str, Any]:
    return {**config.to_dict(), **training_fields(source.noted)}


def _changed(own: Mapping[str, Any], dtype: torch.dtype | None) -> tuple[dict[str, Any], list[str]]:
    """Change fields that no longer hold, and return all fields with a sentence on each change.

    These are the dtype, if another was asked for, and the bare model's class, since its weights get
    the names that the model with a head has.
    """
    new: dict[str, Any] = {}
    if own.get("architectures") == [BASE_ARCHITECTURE]:
        new["architectures"] = [ARCHITECTURE]
    if dtype is not None:
        new |= {name: dtype_name(dtype) for name in _DTYPE_FIELDS if name in own}
    new = {name: value for name, value in new.items() if own[name] != value}
    changed = [
        f"{NAME}: {name} is {json.dumps(value)}, was {json.dumps(own[name])}"
        for name, value in new.items()
    ]
    return {**own, **new}, changed
