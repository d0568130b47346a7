from __future__ import annotations

from portal.errors import Forbidden, Invalid, NotFound


class RepoNotFound(NotFound):
    code = "repo_not_found"


class RevisionNotFound(NotFound):
    code = "revision_not_found"


class EntryNotFound(NotFound):
    code = "entry_not_found"


class MayNotPublish(Forbidden):
    code = "may_not_publish"


class NotPublishable(Invalid):
    """The folder lacks something, or holds something wrong; ``problems`` lists each."""

    code = "not_publishable"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
