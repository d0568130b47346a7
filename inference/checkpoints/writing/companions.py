"""Choose the files that go along with weights: licences, the card, the tokenizer's and the like.

One rule: what is text, or a card's picture, and small goes along. Weights in any form, pickles,
code and folders stay behind, and are named.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from inference.checkpoints.sources.forms import BIN, Form
from inference.checkpoints.writing.tokenizer_plan import TokenizerPlan, plan_tokenizer
from inference.config import OptConfig
from inference.model.manifest import FILE_NAME as MANIFEST_NAME
from inference.model.weight_files import BIN_INDEX_NAME, INDEX_NAME
from inference.model_files.lookalikes import POINTERS, lookalike_in

MAX_BYTES = 64_000_000
_TERMS = ("license", "licence", "notice", "copying", "model_license", "use_policy")
_TEXTS = {
    "", ".txt", ".md", ".rst", ".json", ".jsonl", ".jinja", ".yaml", ".yml", ".cff", ".bib", ".csv"
}  # fmt: skip
_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".gif"}
TEMPLATES = "additional_chat_templates"  # a folder that transformers reads
_PICKLE, _ZIP = b"\x80", b"PK\x03\x04"
_WRITTEN = ("config.json", MANIFEST_NAME, INDEX_NAME)  # by the conversion, whatever the source has


@dataclass(frozen=True)
class Companions:
    """The files that go along and those that don't, by paths within the source's folder."""

    folder: Path
    copied: list[str]
    left: list[str]
    tokenizer: TokenizerPlan

    def write(self, destination: Path) -> None:
        """Make and copy them all."""
        self.tokenizer.write(destination)
        for name in self.copied:
            (destination / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(self.folder / name, destination / name)


def plan_companions(form: Form, config: OptConfig) -> Companions:
    """Decide which files beside the weights are copied. Raises TokenizerError, CheckpointError."""
    copied, left = [], []
    weights = {*form.files.values(), *([form.folder / BIN_INDEX_NAME] * (form.kind == BIN))}
    for path in sorted(form.folder.iterdir()):
        if path in weights or path.name in _WRITTEN:
            continue
        if path.name == TEMPLATES and path.is_dir():
            copied += [f"{TEMPLATES}/{template.name}" for template in sorted(path.glob("*.jinja"))]
        elif path.is_file() and (stand_in := lookalike_in(path)) in POINTERS:
            left.append(f"{path.name} ({stand_in})")
        elif path.is_file() and _goes_along(path):
            copied.append(path.name)
        else:
            left.append(f"{path.name}/" if path.is_dir() else path.name)
    return Companions(form.folder, copied, left, plan_tokenizer(form.folder, config))


def _goes_along(path: Path) -> bool:
    if path.name.startswith(".") or path.name.endswith(".index.json"):
        return False
    suffix, size = path.suffix.lower(), path.stat().st_size
    if size > MAX_BYTES:
        return False
    # a file may have any name, so its first bytes are looked at too
    if path.name.lower().startswith(_TERMS) or suffix in _PICTURES:
        return not _head(path).startswith((_PICKLE, _ZIP))
    return suffix in _TEXTS and b"\0" not in path.read_bytes()


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)
