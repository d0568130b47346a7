"""Letters that tell a decision. They leave when it can no longer be undone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.access.letters.mailer import (
    Address,
    Facts,
    applicant_of,
    letter_key,
    modes_of,
    send,
    words_for,
)
from portal.access.letters.requests import about_screening
from portal.access.lifecycle import lapses_at
from portal.access.models import AccessRequest, Appeal, Decision, Grant, Screening
from portal.access.policy.conditions import Conditions
from portal.access.policy.covered import quotas_in_words, standing_coverage, words_on_models
from portal.access.policy.gate_settings import settings_of
from portal.catalog.models import LicenceVersion
from portal.formatting import enumerated, whole_date
from portal.text.languages import in_english


def letter_keys(decision: Decision) -> list[str]:
    """Return the keys under which the letters of this decision may be queued."""
    return [
        letter_key(decision.request, f"{kind}-{decision.pk}")
        for kind in ("approval", "approval_check", "offer", "decline", "decline_unspecified")
    ]


def send_approval(access_request: AccessRequest, grants: Sequence[Grant], *, now: datetime) -> None:
    """Tell that the access is open under the texts that were signed with the request."""
    acceptances = [grant.acceptance for grant in grants if grant.acceptance]

    def facts() -> dict[str, str]:
        return _terms_of_models(grants) | {
            "licence": enumerated(str(row.licence_version) for row in acceptances),
            "signed_on": _days(row.accepted_at for row in acceptances),
        }

    address = applicant_of(access_request).linked(_("See what is open"))
    _send(address, _decision_of(grants[0]), kind="approval", facts=facts, now=now)


def send_approval_check(
    access_request: AccessRequest, screening: Screening, *, now: datetime
) -> None:
    """Tell that the access opens once a person has made the extra check."""
    grant = screening.under
    due_at = screening.due_at
    if due_at is None:
        raise ValueError("a check of a grant has a due date")

    def facts() -> dict[str, str]:
        own = {"about": about_screening(screening), "due": whole_date(due_at)}
        return _terms_of_models([grant]) | own

    page = reverse("access:grant", args=[grant.pk])
    address = applicant_of(access_request).linked(_("See your grant"), page)
    _send(address, _decision_of(grant), kind="approval_check", facts=facts, now=now)


def send_offer(
    access_request: AccessRequest,
    offers: Sequence[tuple[Grant, LicenceVersion]],
    *,
    now: datetime,
) -> None:
    """Tell that the access opens once its terms are signed: of each offer with its licence."""
    grants = [grant for grant, licence in offers]

    def facts() -> dict[str, str]:
        words = Conditions.of(grants[0].conditions).words()  # of all that one decision gives
        words += [sentence for grant in grants for sentence in words_on_models(grant)]
        return _terms(grants) | {
            "conditions": "\n".join(words),
            "licence": enumerated(str(licence) for grant, licence in offers),
            "offer_until": whole_date(min(map(lapses_at, grants))),
        }

    address = applicant_of(access_request)
    if len(grants) == 1:  # of several, the page of the request shows each
        address = address.linked(_("Read and sign"), reverse("access:offer", args=[grants[0].pk]))
    _send(address, _decision_of(grants[0]), kind="offer", facts=facts, now=now)


def send_decline(access_request: AccessRequest, decision: Decision, *, now: datetime) -> None:
    """Tell why a request was declined: by a reason of the list, or in words alone."""
    reason, explanation = decision.listed_reason, decision.reason_text
    if not reason and explanation == words_without_a_reason(access_request):
        explanation = ""  # the letter says the same

    def facts() -> dict[str, str]:
        own = {"explanation": explanation, "appeal": _appeal(access_request, decision)}
        return own | ({"reason": decision.listed_reason} if reason else {})

    _send(
        applicant_of(access_request).linked(_("Read the decision")),
        decision,
        kind="decline" if reason else "decline_unspecified",
        facts=facts,
        now=now,
    )


@in_english
def words_without_a_reason(access_request: AccessRequest) -> str:
    """Return what the team writes to whom it declines without saying why, as it worded that."""
    repo, reference = access_request.repo, access_request.reference
    facts = {**applicant_of(access_request).names, "explanation": "", "appeal": ""}
    return words_for("decline_unspecified", repo, reference, facts).text


def send_reopening(
    access_request: AccessRequest, *, reason: str, ends_access: bool, now: datetime
) -> None:
    """Tell that a decided request is reviewed again, and whether that ended an access."""
    send(
        applicant_of(access_request),
        kind="reopened",
        key=f"reopened-{now:%Y%m%d%H%M%S%f}",
        facts=lambda: {
            "explanation": reason,
            "access": gettext("The access that you had has ended.") if ends_access else "",
            "due": whole_date(access_request.due_at) if access_request.due_at else "",
        },
        now=now,
    )


def _send(address: Address, decision: Decision, *, kind: str, facts: Facts, now: datetime) -> None:
    due_at = decision.undo_until
    send(address, kind=kind, key=f"{kind}-{decision.pk}", facts=facts, due_at=due_at, now=now)


def _decision_of(grant: Grant) -> Decision:
    if grant.decision is None:
        raise ValueError("a grant that was asked for has its decision")
    return grant.decision


def _terms(grants: Sequence[Grant]) -> dict[str, str]:
    return {
        "modes": modes_of(*grants),
        "until": _days(grant.expires_at for grant in grants),
        "quotas": quotas_in_words(grants[0]),
    }


def _terms_of_models(grants: Sequence[Grant]) -> dict[str, str]:
    """Return the terms, with the models that grants through a collection open."""
    terms, rows = _terms(grants), [row for grant in grants for row in standing_coverage(grant)]
    if not rows:
        return terms
    named = {"modes": terms["modes"], "models": ", ".join(row.repo.full_name for row in rows)}
    return terms | {"modes": gettext("%(modes)s of %(models)s") % named}


def _days(moments: Iterable[datetime]) -> str:
    """Write each day once, in order."""
    return enumerated(dict.fromkeys(map(whole_date, sorted(moments))))


def _appeal(access_request: AccessRequest, decision: Decision) -> str:
    """Say until when an appeal is open; nothing where one was made already."""
    if Appeal.objects.filter(request=access_request).exists():
        return ""
    until = decision.undo_until + timedelta(days=settings_of(access_request.repo).appeal_days)
    return gettext(
        "You can appeal once, until %(day)s; people who did not decide this will review it."
    ) % {"day": whole_date(until)}
