"""Requests that look like another's: linked for the reviewers' eyes, never merged or refused."""

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
    """A text as PostgreSQL compares it: NFKC, one space between words, no case."""

    template = "trim(regexp_replace(normalize(%(expressions)s, NFKC), '\\s+', ' ', 'g'))"
    output_field = TextField()


def _plain(expression: Any) -> Lower:
    return Lower(Normalised(expression))


def link_lookalikes(submission: Submission, now: datetime) -> None:
    """Link this request with every one of other people's, on the same repo, that is like it."""
    access_request = submission.request
    links = [
        RequestLink(request_id=one, other_id=another, why=why, found_at=now)
        for key, why in dict(_lookalikes(submission)).items()
        for one, another in ((access_request.pk, key), (key, access_request.pk))
    ]
    RequestLink.objects.bulk_create(links, ignore_conflicts=True)
    others = {link.request_id for link in links} - {access_request.pk}
    AccessRequest.objects.filter(pk__in=others).update(evidence_is_clear=False)


def _lookalikes(submission: Submission) -> Iterator[tuple[int, str]]:
    """The keys of those that are alike, and why; the strongest reason last."""
    access_request, answers = submission.request, submission.answers
    others = AccessRequest.objects.submitted().filter(repo=access_request.repo_id)
    others = others.exclude(applicant=access_request.applicant_id)
    purpose = " ".join(str(answers.get("purpose") or "").split())
    if len(purpose) >= SHORTEST_TEXT:
        said = KeyTextTransform("purpose", "draft")
        yield from _having(others, said, purpose, SAME_TEXT)
    for field in (F("applicant__name"), KeyTextTransform("name", "draft")):
        for name in {str(answers.get("name") or ""), access_request.applicant.name} - {""}:
            yield from _having(others, field, name, SAME_NAME)
    for key in others.filter(applicant__in=_sharing_an_address(access_request.applicant)):
        yield key.pk, SAME_ADDRESS


def _having(
    others: QuerySet[AccessRequest], field: Any, text: str, why: str
) -> Iterator[tuple[int, str]]:
    alike = others.alias(text=_plain(field)).filter(text=_plain(Value(text)))
    for key in alike.values_list("pk", flat=True):
        yield key, why


def _sharing_an_address(applicant: User) -> set[int]:
    """People who have, or name as a reference, an address that this one has or names."""
    own = EmailAddress.objects.filter(user=applicant).annotate(address=Lower("email"))
    named = Reference.objects.filter(person=applicant).annotate(address=Lower("email"))
    addresses = {*own.values_list("address", flat=True), *named.values_list("address", flat=True)}
    having = EmailAddress.objects.annotate(address=Lower("email")).filter(address__in=addresses)
    naming = Reference.objects.annotate(address=Lower("email")).filter(address__in=addresses)
    found = {*having.values_list("user", flat=True), *naming.values_list("person", flat=True)}
    return found - {applicant.pk}
