from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from portal.errors import Conflict, DomainError, FieldErrors, Forbidden, Invalid, NotFound

if TYPE_CHECKING:
    from portal.catalog.models import Collection


class RepoNotFound(NotFound):
    code = "repo_not_found"


class RepoMoved(RepoNotFound):
    """An error for a former name of a repo; ``moved_to`` is its name now."""

    def __init__(self, moved_from: str, moved_to: str) -> None:
        super().__init__(f"{moved_from} is called {moved_to} now.")
        self.moved_from = moved_from
        self.moved_to = moved_to


class RepoExists(Conflict):
    """An error for a name that the repo ``full_name`` has."""

    code = "repo_exists"

    def __init__(self, full_name: str) -> None:
        super().__init__(
            f"There is a model {full_name} already. Use that one, or choose another name."
        )
        self.full_name = full_name


class NameLeadsElsewhere(RepoExists):
    """An error for a name that a repo bore before it moved, and that still leads to it."""

    code = "name_leads_elsewhere"

    def __init__(self, former: str, full_name: str) -> None:
        super().__init__(full_name)
        self.message = (
            f"{former} is called {full_name} now. Use that name. To make another model of the old "
            f"one, give it up first: at /{full_name}/settings/rename, or by "
            f"DELETE /api/v1/former-names/{former}/"
        )


class NameKept(Conflict):
    """The same error for a person who may not know which repo the name leads to."""

    code = "name_kept"

    def __init__(self, former: str) -> None:
        super().__init__(
            f"The name {former} leads to a model that has moved away. Choose another name, or give "
            f"that one up first: DELETE /api/v1/former-names/{former}/"
        )


class RepoInUse(Conflict):
    code = "repo_in_use"


class LeadsCollection(Conflict):
    """An error for the lead of a collection that would be deleted, or moved to another lab."""

    code = "leads_collection"
    act_label = "Choose another lead"

    def __init__(self, full_name: str, collection: Collection) -> None:
        page = f"/labs/{collection.namespace.name}/collections/{collection.slug}"
        super().__init__(
            f"{full_name} leads a collection. Choose another lead of the collection "
            f"“{collection.title}” first, at {page}",
            help_url=page,
        )


class CollectionNotFound(NotFound):
    code = "collection_not_found"

    def __init__(self) -> None:
        super().__init__(_("There’s no such collection, or none that you may see."))


class CollectionTaken(FieldErrors):
    """An error for a name that another collection has, or a model that is in another one."""

    code = "collection_taken"
    status = HTTPStatus.CONFLICT


class RevisionNotFound(NotFound):
    code = "revision_not_found"


class EntryNotFound(NotFound):
    """An error for a missing file; clients remember its absence by ``commit``."""

    code = "entry_not_found"

    def __init__(self, path: str, commit: str, message: str = "") -> None:
        text = _("%(path)s does not exist at %(commit)s.")
        super().__init__(message or text % {"path": path or "That", "commit": commit})
        self.commit = commit


class MayNotPublish(Forbidden):
    code = "may_not_publish"


class ConsentNeeded(Invalid):
    """An error for a folder whose publisher hasn't agreed to what is asked; nothing was stored."""

    code = "consent_needed"

    def __init__(self, questions: list[str]) -> None:
        super().__init__(" ".join(questions))


class NotPublishable(Invalid):
    """An error for a folder that lacks something or is wrong; ``problems`` lists each fault."""

    code = "not_publishable"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class LicenceTaken(Conflict):
    """An error for a version or text of a licence that is published already."""

    code = "licence_taken"


class BadPath(Invalid):
    """An error for a path that no revision may hold."""

    code = "bad_path"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class StaleParent(Conflict):
    """An error for a change made for an older revision than the branch has now."""

    code = "stale_parent"
    status = HTTPStatus.PRECONDITION_FAILED

    def __init__(self) -> None:
        super().__init__(
            "The branch was updated since you opened this page. Please refresh and try again."
        )


class InQuarantine(Conflict):
    """An error for what may be done with a revision only once its check has passed."""

    code = "in_quarantine"

    def __init__(self, commit: str) -> None:
        super().__init__(
            f"{commit} is in quarantine: its check hasn’t passed. The model’s page says what is "
            "missing or wrong; commit that first."
        )


class RefExists(Conflict):
    code = "ref_exists"

    def __init__(self, full_name: str) -> None:
        super().__init__(f"Reference {full_name} already exists")


class RefKept(Forbidden):
    """An error for a ref that can't be deleted."""

    code = "ref_kept"


class KeyNotFound(NotFound):
    code = "manifest_key_not_found"

    def __init__(self) -> None:
        super().__init__(_("No manifest here was signed by a key of that fingerprint."))


class NoManifestKey(DomainError):
    code = "no_manifest_key"
    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, file: str) -> None:
        super().__init__(
            "Nothing can be published now: the key for manifests isn’t in its place, "
            "or isn’t an elliptic-curve key in PEM. Tell the operator; nothing is lost."
        )
        self.file = file
