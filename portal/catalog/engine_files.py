"""Check a folder with the engine's own readers, those that need no torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from inference.config import OptConfig
from inference.errors import InferenceError
from inference.model_files.config_checks import is_opt_folder, require_no_adapter
from inference.model_files.generation_config import GenerationConfig
from inference.model_files.weight_names import require_own_names
from inference.tokenizer import Tokenizer
from portal.catalog.formats.safetensors import read_header

READERS: tuple[Callable[[Path], object], ...] = (
    OptConfig.from_directory,
    GenerationConfig.from_directory,
    Tokenizer.find,
)


def adapter_problem(folder: Path) -> str | None:
    """Return what to do with a folder that holds an adapter; None for others."""
    return _refusal(require_no_adapter, folder)


def engine_problems(folder: Path) -> list[str]:
    """List what the engine refuses before it reads the weights themselves.

    Nothing is asked of models of another kind, which the engine doesn't load.
    """
    if not is_opt_folder(folder):
        return []
    refusals = [_refusal(reader, folder) for reader in (*READERS, _require_own_names)]
    return [*filter(None, refusals)]


def without_folder(text: str, folder: Path) -> str:
    """Replace the folder's path in a message: a publisher knows the files by their names."""
    return text.replace(f"{folder}/", "").replace(str(folder), "the folder")


def _refusal(reader: Callable[[Path], object], folder: Path) -> str | None:
    try:
        reader(folder)
    except InferenceError as error:
        return without_folder(str(error), folder)
    return None


def _require_own_names(folder: Path) -> None:
    shards = sorted(folder.glob("*.safetensors"))
    require_own_names((name, path) for path in shards for name in read_header(path))
