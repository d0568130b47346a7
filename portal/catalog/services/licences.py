"""Publish licence texts, each under its own sha256; a published text never changes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.errors import LicenceTaken, MayNotPublish
from portal.catalog.models import Licence, LicenceVersion, ModelRepo
from portal.errors import FieldErrors
from portal.parsing.texts import text_problem

LONGEST_LICENCE = 500_000
LONGEST_NOTICE = 1000
SLUG = re.compile(r"[A-Za-z0-9_-]{1,50}")
CODE = re.compile(r"[a-z0-9_]{1,40}")
SUMMARIES = ("may", "must", "must_not")
TERMS_KEYS = frozenset({*SUMMARIES, "attestations", "prohibited", "outputs"})


def require_may_publish_licence(actor: User, licence: Licence) -> None:
    """Raise MayNotPublish unless the actor may publish every repo under the licence.

    One repo isn't enough: anybody may put a repo of their own under another lab's licence.
    """
    if actor.is_superuser and actor.is_active:
        return
    under = ModelRepo.objects.filter(licence=licence)
    publishable = ModelRepo.objects.publishable_by(actor).filter(licence=licence)
    if not under.exists() or under.exclude(pk__in=publishable.values("pk")).exists():
        raise MayNotPublish(
            f"You may not publish a version of {licence.name}: it takes the right to publish every "
            "model that stands under it. Ask the operator."
        )


@transaction.atomic
def publish_licence_version(
    *,
    actor: User,
    slug: str,
    version: str,
    text: str,
    attribution: str,
    terms: dict[str, Any],
    now: datetime,
    name: str = "",
    kind: str = LicenceVersion.Kind.MATERIAL,
    effective_at: datetime | None = None,
) -> LicenceVersion:
    """Publish a text, in force from ``effective_at``. ``name`` is for a licence that is new.

    The same version with the same text again changes nothing; another text under a version that
    stands, or the same text under another version, is refused.
    """
    # Locked before the right is asked and the versions are read: two people may publish at once.
    licence = _licence(slug, name or slug)
    require_may_publish_licence(actor, licence)
    digest = _digest(text)
    if known := _known(licence, version, digest):
        return known
    effective_at = effective_at or now
    _check(version, text, attribution, kind, effective_at, now)
    check_terms(terms)
    published = LicenceVersion(licence=licence, version=version, kind=kind, text=text)
    published.sha256, published.attribution = digest, attribution
    published.terms, published.effective_at = terms, effective_at
    published.full_clean(exclude=["terms"])  # which may be empty
    published.save()
    facts = {"licence": licence.slug, "version": version, "kind": str(kind), "sha256": digest}
    facts["effective_at"] = effective_at.isoformat()
    record(EventType.LICENCE_PUBLISHED, actor=actor, target=published, at=now, **facts)
    return published


def _licence(slug: str, name: str) -> Licence:
    """Lock the licence, making it if it is new: its versions are published one after another."""
    if not Licence.objects.filter(slug=slug).exists():
        errors: dict[str, str] = {}
        if not SLUG.fullmatch(slug):
            errors["slug"] = "Name the licence in letters, digits and hyphens."
        if not name.strip() or len(name) > 200:
            errors["name"] = "Give the new licence a name of up to 200 characters."
        if errors:
            raise FieldErrors(errors)
        Licence.objects.get_or_create(slug=slug, defaults={"name": name})
    return Licence.objects.select_for_update().get(slug=slug)


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


def _check(
    version: str, text: str, attribution: str, kind: str, effective_at: datetime, now: datetime
) -> None:
    errors: dict[str, str] = {}
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,19}", version) or version.endswith(".txt"):
        errors["version"] = "Name the version in up to 20 letters, digits and dots, such as 1.1."
    if problem := text_problem(text, missing="Give the whole text.", at_most=LONGEST_LICENCE):
        errors["text"] = problem
    notice = "Give the notice that goes with every copy, in one line."
    if problem := text_problem(attribution, missing=notice, at_most=LONGEST_NOTICE):
        errors["attribution"] = problem
    elif not attribution.isprintable():
        errors["attribution"] = notice
    if kind not in LicenceVersion.Kind.values:
        errors["kind"] = "Say whether the change is editorial or material."
    if effective_at < now:
        errors["effective_at"] = "A text can’t be in force before it is published."
    if errors:
        raise FieldErrors(errors)


def check_terms(terms: Mapping[str, Any]) -> None:
    """Raise FieldErrors for terms that pages can't show or people can't tick one by one."""
    if wrong := _wrong_terms(terms):
        raise FieldErrors({"terms": wrong})


def _wrong_terms(terms: Mapping[str, Any]) -> str:
    if unknown := sorted(set(terms) - TERMS_KEYS):
        return f"The terms hold what nothing reads: {', '.join(unknown)}."
    for key in SUMMARIES:
        if not _are_texts(terms.get(key, [])):
            return f"The terms’ “{key}” must be a list of sentences."
    if not isinstance(terms.get("outputs", ""), str):
        return "The terms’ “outputs” must be one sentence."
    attestations = terms.get("attestations", [])
    if not isinstance(attestations, list) or not all(map(_is_attestation, attestations)):
        return "Each attestation has a code (a-z, 0-9, _), a text to tick, and a help."
    codes = [attestation["code"] for attestation in attestations]
    if len(set(codes)) != len(codes) or len(
        {attestation["text"] for attestation in attestations}
    ) != len(codes):
        return "Two attestations share a code or a text: each is ticked by itself."
    return _wrong_prohibitions(terms.get("prohibited", []), codes)


def _wrong_prohibitions(prohibited: Any, codes: list[str]) -> str:
    if not _are_texts(prohibited) or len(set(prohibited)) != len(prohibited):
        return "The terms’ “prohibited” must list codes, each once."
    if missing := sorted(set(prohibited) - set(codes)):
        return (
            f"A prohibited use is acknowledged by an attestation of its own: {', '.join(missing)}."
        )
    return ""


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) and text for text in value)


def _is_attestation(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"code", "text", "help"}
        and all(isinstance(text, str) for text in value.values())
        and bool(CODE.fullmatch(value["code"]))
        and bool(value["text"].strip())
    )


def version_in_force(repo: ModelRepo, now: datetime) -> LicenceVersion | None:
    """Return the licence version in force for a repo, without its text; None if it has none."""
    return versions_in_force([repo], now).get(repo.pk)


def require_version_in_force(repo: ModelRepo, *, now: datetime) -> LicenceVersion:
    """Return the licence version in force, text and all, for a gated repo: it always has one."""
    version = LicenceVersion.objects.filter(licence=repo.licence).in_force_at(now).first()
    if version is None:
        raise LicenceVersion.DoesNotExist(f"{repo.full_name} has no licence in force")
    return version


def versions_in_force(repos: Iterable[ModelRepo], now: datetime) -> dict[int, LicenceVersion]:
    """Return the licence versions in force by repo id, for many repos in one query."""
    under = {repo.pk: repo.licence_id for repo in repos if repo.licence_id}
    if not under:
        return {}
    versions = LicenceVersion.objects.filter(licence__in=set(under.values())).in_force_at(now)
    newest: dict[int, LicenceVersion] = {}
    for version in versions.select_related("licence").defer("text"):
        newest.setdefault(version.licence_id, version)
    return {pk: newest[licence] for pk, licence in under.items() if licence in newest}


def licence_files(repo: ModelRepo, now: datetime) -> dict[str, str]:
    """Return the files that go with every copy of a repo: the text as it is signed, the notice."""
    version = version_in_force(repo, now)
    if version is None:
        return {}
    return {"LICENSE": version.text, "NOTICE": f"{version.attribution}\n"}
