"""Link requests that look alike, for reviewers to see; none is merged or refused for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from django.db.models import F, Func, QuerySet, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Lower

from portal.access.models import AccessRequest, RequestLink, Submission
from portal.accounts.models import Reference, User

SHORTEST_TEXT = 80  # a shorter purpose is alike by chance
SAME_ADDRESS = "One e-mail address, or one reference"
SAME_NAME = "The same name"
SAME_TEXT = "The same text about the research"


class Normalised(Func):
    """A text in PostgreSQL as it is compared: NFKC, with one space between words."""

    template = "trim(regexp_replace(normalize(%(expressions)s, NFKC), '\\s+', ' ', 'g'))"
    output_field = TextField()


def _comparable(expression: Any) -> Lower:
    return Lower(Normalised(expression))


def link_lookalikes(submission: Submission, now: datetime) -> None:
    """Link a request both ways with each request of other people that looks like it.

    Only requests for the same model are compared. The evidence of each linked request is no longer
    clear, so it leaves the queue's filter "All proved, no flag".
    """
    access_request = submission.request
    links = [
        RequestLink(request_id=from_id, other_id=to_id, why=why, found_at=now)
        for key, why in dict(_lookalikes(submission)).items()
        for from_id, to_id in ((access_request.pk, key), (key, access_request.pk))
    ]
    # A link that an earlier snapshot made stays as it is.
    RequestLink.objects.bulk_create(links, ignore_conflicts=True)
    others = {link.request_id for link in links} - {access_request.pk}
    # Never assessed, as far as the clock knows: it does so within minutes, and names the flag.
    AccessRequest.objects.filter(pk__in=others).update(evidence_is_clear=False, evidence_at=None)


def _lookalikes(submission: Submission) -> Iterator[tuple[int, str]]:
    """Yield the key of each look-alike and why; of several reasons the strongest comes last."""
    access_request, answers = submission.request, submission.answers
    others = AccessRequest.objects.submitted().filter(repo=access_request.repo_id)
    others = others.exclude(applicant=access_request.applicant_id)
    purpose = " ".join(str(answers.get("purpose") or "").split())
    if len(purpose) >= SHORTEST_TEXT:
        stated_purpose = KeyTextTransform("purpose", "draft")
        yield from _with_text(others, stated_purpose, purpose, SAME_TEXT)
    for field in (F("applicant__name"), KeyTextTransform("name", "draft")):
        for name in {str(answers.get("name") or ""), access_request.applicant.name} - {""}:
            yield from _with_text(others, field, name, SAME_NAME)
    for key in others.filter(applicant__in=_sharing_an_address(access_request.applicant)):
        yield key.pk, SAME_ADDRESS


def _with_text(
    others: QuerySet[AccessRequest], field: Any, text: str, why: str
) -> Iterator[tuple[int, str]]:
    alike = others.alias(text=_comparable(field)).filter(text=_comparable(Value(text)))
    for key in alike.values_list("pk", flat=True):
        yield key, why


def _sharing_an_address(applicant: User) -> set[int]:
    """Return users who have or name as a reference an address that the applicant has or names."""
    own = EmailAddress.objects.filter(user=applicant).annotate(address=Lower("email"))
    named = Reference.objects.filter(person=applicant).annotate(address=Lower("email"))
    addresses = {*own.values_list("address", flat=True), *named.values_list("address", flat=True)}
    having = EmailAddress.objects.annotate(address=Lower("email")).filter(address__in=addresses)
    naming = Reference.objects.annotate(address=Lower("email")).filter(address__in=addresses)
    users = {*having.values_list("user", flat=True), *naming.values_list("person", flat=True)}
    return users - {applicant.pk}
