from __future__ import annotations

from portal.errors import Conflict, Forbidden, Invalid, NotFound


class RepoNotFound(NotFound):
    code = "repo_not_found"


class RevisionNotFound(NotFound):
    code = "revision_not_found"


class EntryNotFound(NotFound):
    """``commit`` is where it isn't: clients remember the absence by it."""

    code = "entry_not_found"

    def __init__(self, path: str, commit: str) -> None:
        super().__init__(f"{path or 'That'} does not exist at {commit}.")
        self.commit = commit


class MayNotPublish(Forbidden):
    code = "may_not_publish"


class NotPublishable(Invalid):
    """The folder lacks something, or holds something wrong; ``problems`` lists each."""

    code = "not_publishable"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class LicenceTaken(Conflict):
    """A version or a text of a licence that is published already."""

    code = "licence_taken"
