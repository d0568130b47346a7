"""Draft a version of a licence: checked as for publishing, and not stored."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from portal.accounts.models import Namespace, User
from portal.catalog.errors import LicenceTaken, MayNotPublish
from portal.catalog.licensing.terms import check_terms
from portal.catalog.models import Licence, LicenceVersion
from portal.catalog.models.fields import TAG
from portal.errors import FieldErrors
from portal.parsing.texts import text_problem
from portal.text.languages import ENGLISH

LONGEST_LICENCE = 500_000
LONGEST_NOTICE = 1000
SLUG = re.compile(r"[A-Za-z0-9_-]{1,50}")


@dataclass(frozen=True)
class LicenceDraft:
    """A version of a licence, as somebody wants to publish it.

    ``name`` and ``namespace`` are of a licence that is new. A licence without a namespace is the
    operator's; the operator may give it to a namespace with its next version.
    """

    slug: str
    version: str
    text: str
    attribution: str
    terms: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    namespace: str = ""
    kind: str = LicenceVersion.Kind.MATERIAL
    language: str = ENGLISH
    effective_at: datetime | None = None


def require_may_publish_licence(actor: User, licence: Licence) -> None:
    """Raise MayNotPublish unless the actor may publish where the licence belongs.

    Models of other labs may stand under it: that gives them no right to its text.
    """
    if licence.pk is not None:
        if Licence.objects.publishable_by(actor).filter(pk=licence.pk).exists():
            return
    elif licence.namespace is None:
        if actor.is_operator:
            return
    elif Namespace.objects.publishable_by(actor).filter(pk=licence.namespace.pk).exists():
        return
    owner = licence.namespace.name if licence.namespace else "whoever operates this site"
    raise MayNotPublish(
        f"You may not publish a version of {licence.name}: it belongs to {owner}. Ask there, or "
        "publish a licence of your own namespace under another name."
    )


def draft_version(*, actor: User, draft: LicenceDraft, now: datetime) -> LicenceVersion:
    """Return the version as it would be published, unsaved, or the one that is published already.

    Raise MayNotPublish, LicenceTaken or FieldErrors, as publishing does; store nothing.
    """
    licence = licence_of(draft)
    require_may_publish_licence(actor, licence)
    _take_over(actor, licence, draft.namespace)
    digest = _digest(draft.text)
    if licence.pk is not None and (known := _known(licence, draft.version, digest)):
        return known
    version = LicenceVersion(
        licence=licence,
        version=draft.version,
        kind=draft.kind,
        text=draft.text,
        language=draft.language,
        sha256=digest,
        attribution=draft.attribution,
        terms=draft.terms,
        effective_at=draft.effective_at or now,
    )
    _check(version, now)
    check_terms(draft.terms)
    return version


def licence_of(draft: LicenceDraft) -> Licence:
    """Return the licence that a draft names, or a new one, unsaved. Raise FieldErrors."""
    licence = Licence.objects.filter(slug=draft.slug).select_related("namespace").first()
    if licence is not None:
        return licence
    errors: dict[str, str] = {}
    name, namespace = draft.name or draft.slug, _namespace(draft.namespace)
    if not SLUG.fullmatch(draft.slug):
        errors["slug"] = "Name the licence in letters, digits and hyphens."
    if not name.strip() or len(name) > 200:
        errors["name"] = "Give the new licence a name of up to 200 characters."
    if draft.namespace and namespace is None:
        errors["namespace"] = f"There is no namespace {draft.namespace}."
    if errors:
        raise FieldErrors(errors)
    return Licence(slug=draft.slug, name=name, namespace=namespace)


def _namespace(name: str) -> Namespace | None:
    return Namespace.objects.filter(name__iexact=name).first() if name else None


def _take_over(actor: User, licence: Licence, name: str) -> None:
    """Set the namespace of a licence that had none. Raise FieldErrors for one that has another."""
    namespace = _namespace(name)
    if not name or licence.namespace == namespace:
        return
    if namespace is None:
        raise FieldErrors({"namespace": f"There is no namespace {name}."})
    if licence.namespace is not None:
        owner = licence.namespace.name
        raise FieldErrors({"namespace": f"{licence.name} belongs to {owner}. Leave this out."})
    licence.namespace = namespace


def _digest(text: str) -> str:
    """Hash the text as it was given, without normalizing line ends or letters."""
    try:
        return LicenceVersion.digest(text)
    except UnicodeEncodeError:
        raise FieldErrors({"text": "The text isn’t Unicode: save it as UTF-8."}) from None


def _known(licence: Licence, version: str, digest: str) -> LicenceVersion | None:
    """Return the version that has this name and text already. Raises LicenceTaken."""
    for published in licence.versions.all():
        same_name, same_text = published.version == version, published.sha256 == digest
        if same_name and same_text:
            return published
        if same_name:
            raise LicenceTaken(
                f"Version {version} is published with another text, and never changes. Give this "
                "text a version of its own."
            )
        if same_text:
            raise LicenceTaken(f"This very text is published, as version {published.version}.")
    return None


def _check(drafted: LicenceVersion, now: datetime) -> None:
    errors: dict[str, str] = {}
    version, text, attribution = drafted.version, drafted.text, drafted.attribution
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,19}", version) or version.endswith(".txt"):
        errors["version"] = "Name the version in up to 20 letters, digits and dots, such as 1.1."
    if problem := text_problem(text, missing="Give the whole text.", at_most=LONGEST_LICENCE):
        errors["text"] = problem
    notice = "Give the notice that goes with every copy, in one line."
    if problem := text_problem(attribution, missing=notice, at_most=LONGEST_NOTICE):
        errors["attribution"] = problem
    elif not attribution.isprintable():
        errors["attribution"] = notice
    if drafted.kind not in LicenceVersion.Kind.values:
        errors["kind"] = "Say whether the change is editorial or material."
    if not TAG.match(drafted.language):
        errors["language"] = "Give the text’s language by its tag, such as en, de or pt-BR."
    if drafted.effective_at < now:
        errors["effective_at"] = "A text can’t be in force before it is published."
    if errors:
        raise FieldErrors(errors)
