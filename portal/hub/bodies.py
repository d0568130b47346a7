"""The JSON bodies that the Hub's clients send, by the names that they use."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal, Self, TypeVar

from django.http import HttpRequest
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from portal.access.review.hub.lists import HubAccessStatus
from portal.accounts.models import User
from portal.catalog.paths import require_path
from portal.errors import Invalid
from portal.hub.errors import NotOffered
from portal.hub.services.repos import GATES
from portal.parsing.bodies import Body, must, validated
from portal.parsing.json import LARGEST_BODY_BYTES, read_object

MOST_FILES = 1000
MOST_PARTS = 10_000
MOST_PATHS = 20_000
LARGEST_SAMPLE = 8192  # clients send 512 bytes, in base64
LONGEST_REASON = 200


class HubBody(Body):
    """A body whose fields are spelt in camelCase, as the Hub spells them."""

    model_config = ConfigDict(alias_generator=to_camel)


B = TypeVar("B", bound=HubBody)


def read_body(request: HttpRequest, body: type[B]) -> B:
    """Read a request's JSON to its limit and no further. Raises Invalid or TooLarge."""
    return validated(body, read_object(request.read(LARGEST_BODY_BYTES + 1)))


def _require_model(kind: str) -> str:
    if kind != "model":
        raise NotOffered("There are only models here: leave “type” out, or make it “model”.")
    return kind


def _both_names(value: Any) -> tuple[str, str]:
    namespace, slash, name = value.partition("/") if isinstance(value, str) else ("", "", "")
    if not namespace or not slash or not name:
        raise ValueError("must be NAMESPACE/NAME")
    return namespace, name


def _decoded(content: Any) -> Any:
    if not isinstance(content, str):
        raise ValueError("must be a string")
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("must be in base64") from error


def _require_gate(value: str | bool) -> str | bool:
    if value not in GATES:
        raise ValueError
    return value


def _require_absent(advice: str) -> AfterValidator:
    """Refuse what the Hub would act upon and this portal can't, unless it is empty."""

    def check(value: Any) -> Any:
        if value:
            raise ValueError(f"must be left out. {advice}")
        return value

    return AfterValidator(check)


Text = Annotated[str, Field(min_length=1)]
UserName = Annotated[Text, AfterValidator(str.strip)]
FullName = Annotated[tuple[str, str], BeforeValidator(_both_names)]
Path = Annotated[Text, AfterValidator(require_path)]
Gated = Annotated[
    str | bool, AfterValidator(_require_gate), must("must be “auto”, “manual” or false")
]
Base64 = Annotated[bytes, BeforeValidator(_decoded)]


class AnnouncedFile(HubBody):
    """A file that a client is about to bring; ``sample`` are its first bytes."""

    path: Path
    size_bytes: int = Field(alias="size", ge=0)
    sample: Annotated[Base64, Field(max_length=LARGEST_SAMPLE)] = b""


class Preupload(HubBody):
    """A question how each file is to be brought, with rules that count instead of the branch's."""

    files: list[AnnouncedFile] = Field(max_length=MOST_FILES, fail_fast=True)
    git_ignore: str = ""
    git_attributes: str = ""


class LfsObject(HubBody):
    """The bytes of a large file; whether they can be stored is answered for each by itself."""

    oid: str
    size: int


class LfsBatch(HubBody):
    """A question how to bring large files."""

    operation: str = ""
    transfers: list[str] = Field(default=["basic"], fail_fast=True)
    objects: list[LfsObject] = Field(max_length=MOST_FILES, fail_fast=True)


class UploadedPart(HubBody):
    """A part of a large file, as the bucket has confirmed it."""

    part_number: int
    etag: str


class CompletedUpload(HubBody):
    """All the parts of a large file."""

    parts: list[UploadedPart] = Field(min_length=1, max_length=MOST_PARTS, fail_fast=True)


class PathsInfo(HubBody):
    """A question about some paths of a revision."""

    paths: list[str] = Field(max_length=MOST_PATHS, fail_fast=True)
    expand: bool = False


class RepoName(HubBody):
    """The name of a repo in two fields; without a namespace it is the caller's own."""

    type: Annotated[str, AfterValidator(_require_model)] = "model"
    organization: str = ""
    name: Text

    def namespace_for(self, person: User | None) -> str:
        """Return the namespace that was sent, else the person's own."""
        return self.organization or (person.username if person else "")


class Visibility(HubBody):
    """The visibility of a repo, by either of two fields; the first counts where both are sent."""

    visibility: Literal["private", "public"] | None = None
    private: bool | None = None

    @property
    def is_private(self) -> bool | None:
        """Return None where neither field was sent."""
        return self.private if self.visibility is None else self.visibility == "private"


WITHOUT_FILES = _require_absent("A repo is made without files; commit them afterwards.")


class NewRepo(RepoName, Visibility):
    """A repo to be made."""

    files: Annotated[Any, WITHOUT_FILES] = None
    license: Annotated[Any, WITHOUT_FILES] = None


class Move(HubBody):
    """A repo to be renamed, or to be given to another namespace."""

    type: Annotated[str, AfterValidator(_require_model)] = "model"
    from_repo: FullName
    to_repo: FullName


class Duplicate(Visibility):
    """A repo to be made as a copy of another."""

    repository: FullName


class RepoSettings(Visibility):
    """Settings to be changed; an unknown one is refused, since its sender takes it for done."""

    model_config = ConfigDict(extra="forbid")

    gated: Gated | None = None


class CardContent(HubBody):
    """A model card to be looked at before it is committed."""

    content: str = ""


class NewBranch(HubBody):
    """A branch to be made at a revision."""

    starting_point: str = ""
    empty_branch: Annotated[bool, _require_absent("A branch begins at a revision.")] = False


class NewTag(HubBody):
    """A tag to be made."""

    tag: Text
    message: str = ""


class Squash(HubBody):
    """A branch's history to be made into one revision."""

    message: Text


class Grantee(HubBody):
    """A person to be given access."""

    user: UserName


class ListChange(HubBody):
    """A request to be put in another list; its asker is named, or the request is."""

    status: HubAccessStatus = Field(strict=False)
    rejection_reason: Annotated[
        str, AfterValidator(str.strip), Field(min_length=1, max_length=LONGEST_REASON)
    ] = ""
    user: UserName | None = None
    request_id: Annotated[int | str, must("must be a number or a string")] | None = None

    @model_validator(mode="after")
    def _require_one_asker(self) -> Self:
        if (self.user is None) == (self.request_id is None):
            raise Invalid("Name a user or a requestId, and not both.", field="user")
        return self

    @model_validator(mode="after")
    def _require_reason_to_fit(self) -> Self:
        if self.rejection_reason and self.status != HubAccessStatus.REJECTED:
            message = "A reason is for rejecting alone. Leave it out."
            raise Invalid(message, field="rejectionReason")
        return self
