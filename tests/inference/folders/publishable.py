"""A folder's forms with the card, licence and logbook that publishing asks for."""

import shutil
from pathlib import Path

from inference.__main__ import main
from tests.factories.catalog import make_folder
from tests.inference.folders.forms import FOLDERS

BESIDE = ("README.md", "LICENSE", "logbook.jsonl")


def publishable(name: str, folder: Path, *, converted: bool = False) -> Path:
    """Write a form of folder/… as one publishes it; a conversion where that is asked."""
    plain = folder / "plain"
    plain.mkdir()
    FOLDERS[name].write(plain)
    if converted:
        assert main(["convert", str(plain), str(folder / "converted")]) == 0
    made = folder / "converted" if converted else plain
    make_folder(folder / "complete")
    for file in BESIDE:
        shutil.copy(folder / "complete" / file, made)
    return made
