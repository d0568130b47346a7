"""Letters about a grant after it was given: to its holder, in the team's voice."""

from __future__ import annotations

from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.access.letters.mailer import holder_of, modes_of, send
from portal.access.lifecycle import ends_at, lapses_at
from portal.access.models import Grant, Renewal
from portal.access.policy.conditions import Conditions
from portal.access.policy.covered import words_on_models
from portal.catalog.models import ModelRepo
from portal.formatting import whole_date


def send_activation(grant: Grant, *, now: datetime) -> None:
    send(
        holder_of(grant),
        kind="activated",
        key="activated",
        facts=lambda: _what_is_open(grant),
        now=now,
    )


def send_offered(grant: Grant, *, now: datetime) -> None:
    send(
        holder_of(grant).linked(_("Read and sign"), reverse("access:offer", args=[grant.pk])),
        kind="offered",
        key="offered",
        facts=lambda: {
            "modes": modes_of(grant),
            "until": whole_date(grant.expires_at),
            "conditions": _conditions(grant),
            "offer_until": whole_date(lapses_at(grant)),
        },
        now=now,
    )


def send_offer_declined(grant: Grant, *, now: datetime) -> None:
    address = holder_of(grant).linked(_("See the offer"))
    send(address, kind="offer_declined", key="offer-declined", now=now)


def send_revocation(grant: Grant, *, reason: str, now: datetime) -> None:
    send(
        holder_of(grant),
        kind="revocation",
        key="revoked",
        facts=lambda: {"ended_on": whole_date(now), "reason": reason},
        now=now,
    )


def send_extended(grant: Grant, repo: ModelRepo, *, now: datetime) -> None:
    """Tell the holder that their grant opens one more model of the collection."""
    send(
        holder_of(grant).linked(_("See the model"), f"/{repo.full_name}"),
        kind="extended",
        key=f"extended-{repo.pk}-{now:%Y%m%d%H%M%S}",
        facts=lambda: {
            "model": repo.full_name,
            "until": whole_date(ends_at(grant)),
            "conditions": _conditions(grant),
        },
        now=now,
    )


def send_coverage_ended(grant: Grant, repo: ModelRepo, *, reason: str, now: datetime) -> None:
    """Tell the holder that one model of their grant is closed to them; the others stay open."""
    send(
        holder_of(grant),
        kind="coverage_ended",
        key=f"coverage-ended-{repo.pk}-{now:%Y%m%d%H%M%S}",
        facts=lambda: {"model": repo.full_name, "ended_on": whole_date(now), "reason": reason},
        now=now,
    )


def send_notice(grant: Grant, *, can_sign: bool, now: datetime) -> None:
    """Tell the holder that their access ends on a day ahead, and how they may go on."""
    ends_on, address = ends_at(grant), holder_of(grant)
    if can_sign:
        page = reverse("access:newer", args=[grant.pk])
        address = address.linked(_("Read the newer text"), page)
        go_on = _("You can keep your access: sign the newer text on the page of your grant.")
    else:
        go_on = _("You can ask for access again at any time.")
    send(
        address,
        kind="notice",
        key=f"notice-{ends_on:%Y%m%d}-{now:%Y%m%d%H%M%S}",  # it may be given anew for that day
        facts=lambda: {
            "ends_on": whole_date(ends_on),
            "reason": grant.notice_reason,
            "go_on": str(go_on),
        },
        now=now,
    )


def send_notice_withdrawn(grant: Grant, *, was: datetime, now: datetime) -> None:
    send(
        holder_of(grant),
        kind="notice_withdrawn",
        key=f"notice-withdrawn-{now:%Y%m%d%H%M%S}",
        facts=lambda: {"was": whole_date(was), "until": whole_date(grant.expires_at)},
        now=now,
    )


def send_closed(grant: Grant, *, now: datetime) -> None:
    send(
        holder_of(grant),
        kind="closed",
        key="closed",
        facts=lambda: {"closed_on": whole_date(now), "statement": grant.closeout},
        now=now,
    )


def send_renewed(grant: Grant, *, now: datetime) -> None:
    send(
        holder_of(grant),
        kind="renewed",
        key="renewed",
        facts=lambda: _what_is_open(grant),
        now=now,
    )


def send_renewal_filed(renewal: Renewal, *, now: datetime) -> None:
    send(
        holder_of(renewal.grant),
        kind="renewal_filed",
        key=f"renewal-{renewal.pk}-filed",
        facts=lambda: {"due": whole_date(renewal.due_at)},
        now=now,
    )


def send_renewal_declined(renewal: Renewal, *, now: datetime) -> None:
    send(
        holder_of(renewal.grant),
        kind="renewal_declined",
        key=f"renewal-{renewal.pk}-declined",
        facts=lambda: {"until": whole_date(renewal.grant.expires_at), "reason": renewal.reason},
        now=now,
    )


def _what_is_open(grant: Grant) -> dict[str, str]:
    signed = grant.acceptance
    terms = gettext("It is governed by %(licence)s.")
    return {
        "modes": modes_of(grant),
        "until": whole_date(grant.expires_at),
        "terms": terms % {"licence": signed.licence_version} if signed else "",
        "conditions": _conditions(grant),
    }


def _conditions(grant: Grant) -> str:
    """Write each condition as a paragraph of its own."""
    words = Conditions.of(grant.conditions).words()
    return "\n\n".join([*words, *words_on_models(grant)])
