"""Find the licence texts that a request is signed under; within a collection, each is signed once.

The models of a collection may stand under several texts. One request asks for all, with a signature
of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext as _

from portal.access.errors import LicenceChanged, NotSigned
from portal.access.models import Acceptance, AccessRequest, Grant, Submission
from portal.access.requests.asked_models import models_to_choose, named_models
from portal.access.requests.signing import Signature, store_acceptance
from portal.accounts.models import User
from portal.catalog.models import Collection, LicenceVersion, ModelRepo
from portal.catalog.services.licences import require_version_in_force


@dataclass(frozen=True)
class TextToSign:
    """A text that a request is signed under: the models under it, and a signature that stands."""

    version: LicenceVersion
    repos: tuple[ModelRepo, ...]
    standing: Acceptance | None

    @property
    def names(self) -> str:
        return ", ".join(repo.full_name for repo in self.repos)


def texts_to_sign(access_request: AccessRequest, now: datetime) -> list[TextToSign]:
    """Return each distinct text in force for the models that a draft names, the lead's first."""
    models = named_models(access_request.draft, models_to_choose(access_request))
    return [
        TextToSign(version, repos, _standing(access_request, version, now))
        for version, repos in _by_text(access_request, models or [access_request.repo], now)
    ]


def _by_text(
    access_request: AccessRequest, models: Iterable[ModelRepo], now: datetime
) -> list[tuple[LicenceVersion, tuple[ModelRepo, ...]]]:
    by_licence = group_by_licence(access_request.repo, models)
    return [(require_version_in_force(group[0], now=now), group) for group in by_licence]


def group_by_licence(lead: ModelRepo, models: Iterable[ModelRepo]) -> list[tuple[ModelRepo, ...]]:
    """Group models by their licence, those under the lead's first, and in their order within."""
    groups: dict[int | None, list[ModelRepo]] = {lead.licence_id: []}
    for repo in models:
        groups.setdefault(repo.licence_id, []).append(repo)
    return [tuple(group) for group in groups.values() if group]


def _standing(
    access_request: AccessRequest, version: LicenceVersion, now: datetime
) -> Acceptance | None:
    return standing_acceptance(access_request.applicant, access_request.collection, version, now)


def standing_acceptance(
    person: User, collection: Collection | None, version: LicenceVersion, now: datetime
) -> Acceptance | None:
    """Return a person's newest signature of this text within a collection, while it has effect.

    It has while a request that it came with is undecided as far as the person knows, or a grant
    that rests on it isn't over.
    """
    if collection is None:
        return None
    grants = Grant.objects.filter(person=person, collection=collection).lasting_at(now)
    undecided = AccessRequest.objects.shown_in(AccessRequest.UNDECIDED_STATES, now).filter(
        applicant=person, collection=collection
    )
    submissions = Submission.objects.filter(request__in=undecided).order_by().values("pk")
    signed = Acceptance.objects.filter(person=person, licence_version=version)
    standing = signed.filter(
        Q(grants__in=grants)
        | Q(submissions__in=submissions)
        | Q(further_submissions__in=submissions)
    )
    newest: Acceptance | None = standing.order_by("-accepted_at", "-pk").first()
    return newest


def require_acceptances(
    access_request: AccessRequest, signatures: Sequence[Signature], now: datetime
) -> list[Acceptance]:
    """Return a signature of each text of a draft: one that is made now, or one that stands.

    Raise LicenceChanged for a signature of any other text, and what ``require_acceptance`` does.
    """
    texts = texts_to_sign(access_request, now)
    numbers = {signature.text_sha256: at for at, signature in enumerate(signatures)}
    if set(numbers) - {text.version.sha256 for text in texts}:
        raise LicenceChanged
    return [
        _require(access_request.applicant, text, signatures, numbers.get(text.version.sha256), now)
        for text in texts
    ]


def _require(
    signer: User,
    text: TextToSign,
    signatures: Sequence[Signature],
    number: int | None,
    now: datetime,
) -> Acceptance:
    if number is not None:
        return store_acceptance(
            signer=signer,
            version=text.version,
            signature=signatures[number],
            now=now,
            argument=f"signatures.{number}",
        )
    if text.standing is None:
        raise NotSigned(
            _("Sign %(version)s first, for %(names)s; then submit.")
            % {"version": text.version, "names": text.names}
        )
    return text.standing


def require_acceptance(
    *,
    signer: User,
    collection: Collection | None,
    version: LicenceVersion,
    signature: Signature | None,
    now: datetime,
) -> Acceptance:
    """Store a new signature; without one, return the one that stands. Raise NotSigned for neither.

    Raises what ``store_acceptance`` does.
    """
    if signature is not None:
        return store_acceptance(signer=signer, version=version, signature=signature, now=now)
    standing = standing_acceptance(signer, collection, version, now)
    if standing is None:
        raise NotSigned(_("Sign the licence first; then submit."))
    return standing
