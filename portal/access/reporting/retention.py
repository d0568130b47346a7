"""Erase personal data of the gate after its time: answers, hits, addresses of signatures."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from portal.access.models import (
    Acceptance,
    AccessRequest,
    Appeal,
    Grant,
    Membership,
    Note,
    Question,
    Screening,
    Submission,
)

State = AccessRequest.State

AFTER_CLOSING = timedelta(days=365)
AFTER_A_GRANT = timedelta(days=5 * 365 + 1)
BATCH = 1000  # a day
REMOVED = "(removed after its time)"


def _standing(now: datetime, **of: Any) -> Exists:
    """Match rows with a grant that hasn't been over for five years; offers don't count."""
    grants = Grant.objects.filter(starts_at__isnull=False, **of)
    return Exists(grants.lasted_at(now - AFTER_A_GRANT))


def spent_requests(now: datetime) -> QuerySet[AccessRequest]:
    """Select requests whose answers have had their time: a year after they were closed.

    Those of an approved request are kept until the person has had no grant there for five years.
    """
    closed = AccessRequest.objects.filter(closed_at__lte=now - AFTER_CLOSING)
    needed = _standing(now, person=OuterRef("applicant"), repo=OuterRef("repo"))
    unsuccessful = Q(state__in=(State.DECLINED, State.WITHDRAWN, State.LAPSED))
    return closed.filter(unsuccessful | Q(~needed, state=State.APPROVED))


def erase_answers(now: datetime) -> int:
    """Erase what applicants told of themselves, and what was written about it.

    Rows, hashes, decisions and signatures stay. Return how many snapshots were erased.
    """
    whole = Submission.objects.filter(request=OuterRef("pk")).exclude(answers={})
    spent = list(spent_requests(now).filter(Exists(whole)).values_list("pk", flat=True)[:BATCH])
    Note.objects.filter(request__in=spent).update(text=REMOVED)
    Appeal.objects.filter(request__in=spent).update(text=REMOVED)
    Screening.objects.filter(submission__request__in=spent).update(hits=[])
    talk = Question.objects.filter(request__in=spent)
    talk.update(text=REMOVED)
    # A constraint wants the answer of an open question empty, and of an answered one not.
    talk.exclude(answered_at=None).update(answer=REMOVED)
    AccessRequest.objects.filter(pk__in=spent).update(draft={}, organization_name="")
    return Submission.objects.filter(request__in=spent).update(answers={})


def erase_check_hits(now: datetime) -> int:
    """Erase the screening hits of holders and members five years after their grant was over."""
    over = Grant.objects.over_by(now - AFTER_A_GRANT)
    of_them = Q(grant__in=over) | Q(membership__grant__in=over)
    spent = Screening.objects.filter(of_them).exclude(hits=[])
    keys = list(spent.values_list("pk", flat=True)[:BATCH])
    return Screening.objects.filter(pk__in=keys).update(hits=[])


def erase_signature_addresses(now: datetime) -> int:
    """Erase the IP addresses of signatures that no request, grant or member needs any more.

    Until then an address is part of the evidence that somebody signed.
    """
    resting = _standing(now, acceptance=OuterRef("pk"))
    under = Grant.objects.lasted_at(now - AFTER_A_GRANT).filter(pk=OuterRef("grant"))
    members = Membership.objects.filter(Exists(under), acceptance=OuterRef("pk"))
    signed_with = Q(acceptance=OuterRef("pk")) | Q(further_acceptances=OuterRef("pk"))
    open_or_recent = Submission.objects.filter(signed_with).filter(
        Q(request__closed_at=None) | Q(request__closed_at__gt=now - AFTER_CLOSING)
    )
    old = Acceptance.objects.filter(ip__isnull=False, accepted_at__lte=now - AFTER_CLOSING)
    spent = old.filter(~resting, ~Exists(members), ~Exists(open_or_recent))
    return Acceptance.objects.filter(pk__in=list(spent.values_list("pk", flat=True))).update(
        ip=None
    )


def erase_invitations(now: datetime) -> int:
    """Erase the e-mail addresses of people who were invited and never joined."""
    gone = Membership.objects.filter(joined_at=None, ended_at__lte=now - AFTER_CLOSING)
    gone = gone.exclude(email__endswith="@removed.invalid")
    keys = list(gone.values_list("pk", flat=True))
    Screening.objects.filter(membership__in=keys).update(hits=[])
    for key in keys:
        Membership.objects.filter(pk=key).update(email=f"{key}@removed.invalid")
    return len(keys)
