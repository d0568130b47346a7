"""Tiny OPT folders in the forms that the family is published, saved, tuned and converted in."""

from tests.inference.folders.forms import FOLDERS, Folder

__all__ = ["FOLDERS", "Folder"]
