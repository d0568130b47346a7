"""Leave pickles out of an upload, with a word, where a refusal would lose all the rest.

Weights that are pickles are refused. Two cases differ: ``training_args.bin``, which transformers'
Trainer puts beside every model that it pushes; and ``upload-large-folder`` before version 1.32,
which tries a refused commit again for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from django.http import HttpRequest

from portal.catalog.contents import Content
from portal.catalog.errors import NotPublishable
from portal.catalog.folder_checks import pickle_problem
from portal.catalog.formats.pickles import begins_as_pickle, is_called_pickle
from portal.catalog.models import ModelRepo
from portal.catalog.services.commits import Add, Change
from portal.catalog.services.pickle_scan import how_to_take_pickles, pickles_among
from portal.hub.bodies import AnnouncedFile
from portal.hub.hub_clients import asks_again_for_ever

TRAINERS_FILE = "training_args.bin"
LARGE_FOLDERS_TITLE = "Add files using upload-large-folder tool"
MOST_NAMED = 20


@dataclass
class LeftOut:
    """The paths that an upload is to leave out, or has left out."""

    paths: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        if not self.paths:
            return ""
        named = ", ".join(self.paths[:MOST_NAMED])
        more = len(self.paths) - MOST_NAMED
        return (
            f"Left out, since a pickle runs code when it is loaded: {named}"
            f"{f' and {more} more' if more > 0 else ''}. Convert weights to safetensors."
        )


def before_upload(
    request: HttpRequest,
    repo: ModelRepo,
    files: Sequence[AnnouncedFile],
    current: Mapping[str, Content],
) -> LeftOut:
    """Tell which files to leave out, and refuse pickles before their bytes are sent.

    Raises NotPublishable; not to clients that would ask again at once and for ever: these are
    answered at the commit.
    """
    if repo.pickles_allowed:
        return LeftOut()
    fresh = [file for file in files if not _may_stay(file, current.get(file.path))]
    pickles = [file.path for file in fresh if _looks_like_pickle(file)]
    refused = [path for path in pickles if not _is_trainers(path)]
    if refused and not asks_again_for_ever(request):
        problems = [pickle_problem(path) for path in refused[:MOST_NAMED]]
        raise NotPublishable([*problems, how_to_take_pickles(repo)])
    return LeftOut([path for path in pickles if _is_trainers(path)])


def _looks_like_pickle(file: AnnouncedFile) -> bool:
    is_whole = len(file.sample) == file.size_bytes
    return is_called_pickle(file.path) or begins_as_pickle(file.sample, whole=is_whole)


def _may_stay(file: AnnouncedFile, current: Content | None) -> bool:
    """Tell whether a pickle is the one that the repo took while it allowed them."""
    return current is not None and current.size_bytes == file.size_bytes


def leave_out(
    request: HttpRequest, repo: ModelRepo, changes: Sequence[Change], *, title: str
) -> tuple[list[Change], LeftOut]:
    """Return the changes without pickles that are no reason to refuse the rest."""
    added = [change.content for change in changes if isinstance(change, Add)]
    if not _would_ask_for_ever(request, title):
        added = [content for content in added if _is_trainers(content.path)]
    if repo.pickles_allowed or not added:
        return list(changes), LeftOut()
    paths = {content.path for content in pickles_among(added)}
    others = [
        change
        for change in changes
        if not (isinstance(change, Add) and change.content.path in paths)
    ]
    return others, LeftOut(sorted(paths))


def _is_trainers(path: str) -> bool:
    return PurePosixPath(path).name == TRAINERS_FILE


def _would_ask_for_ever(request: HttpRequest, title: str) -> bool:
    return asks_again_for_ever(request) and title == LARGE_FOLDERS_TITLE
