"""Letters to members of a grant, and to its holder about them."""

from __future__ import annotations

from datetime import datetime

from allauth.account.models import EmailAddress
from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.access.letters.mailer import (
    Address,
    Facts,
    holder_of,
    language_of_letter,
    own_words,
    send,
    team_of,
    words_for,
)
from portal.access.models import Membership
from portal.access.policy.covered import covered_repos
from portal.accounts.models import User
from portal.formatting import whole_date
from portal.outbox.services import Letter, queue_mail
from portal.text.languages import Words


def member_of(membership: Membership, person: User, label: Words, page: str) -> Address:
    """Address letters about a membership to its member or, as another person, to the holder."""
    grant = membership.grant
    return Address(
        recipient=person,
        repo=grant.repo,
        reference=grant.reference,
        keys=f"member-{membership.pk}-",
        about=grant.about,
        label=label,
        page=page,
        names=holder_of(grant).names,
    )


def send_invitation(membership: Membership, *, sender: User | None = None, now: datetime) -> None:
    """Invite somebody to join a grant.

    ``sender`` is the holder who invites now; None where a renewal carries members on.
    """
    signed = membership.grant.acceptance
    _send_to_address(
        membership,
        kind="invitation",
        key="invited",
        facts=lambda: {
            "entity": signed.entity if signed else "",
            "until": whole_date(membership.grant.expires_at),
        },
        link=(_("Read and sign"), reverse("access:join", args=[membership.pk])),
        sender=sender,
        now=now,
    )


def send_joined(membership: Membership, *, now: datetime) -> None:
    """Tell the member and the holder that the membership has begun."""
    grant, person = membership.grant, membership.person
    if person is None:
        return
    send(
        member_of(membership, person, _("See the grant"), reverse("access:grant", args=[grant.pk])),
        kind="joined",
        key="joined",
        facts=lambda: {"until": whole_date(grant.expires_at)},
        now=now,
    )
    send(
        _holder_about(membership),
        kind="joined_holder",
        key="joined-holder",
        facts=lambda: {"member": person.display_name, "address": membership.email},
        now=now,
    )


def send_ended(membership: Membership, *, now: datetime) -> None:
    """Tell the holder and the member; who never joined is told at the address that was invited."""
    grant, person = membership.grant, membership.person

    def facts() -> dict[str, str]:
        return {"reason": membership.end_reason, "ended_on": whole_date(now)}

    if person is None:
        _send_to_address(
            membership,
            kind="invitation_ended",
            key="ended",
            facts=facts,
            link=(_("See the models"), "/"),
            sender=membership.ended_by if membership.ended_by == grant.person else None,
            is_owed=True,  # and bounded by the invitations, which it counts with
            now=now,
        )
    else:
        member = member_of(
            membership, person, _("See the model"), f"/{covered_repos(grant)[0].full_name}"
        )
        send(member, kind="membership_ended", key="ended", facts=facts, now=now)
    send(
        _holder_about(membership),
        kind="membership_ended_holder",
        key="ended-holder",
        facts=lambda: facts() | {"address": membership.email},
        now=now,
    )


def _holder_about(membership: Membership) -> Address:
    grant = membership.grant
    page = reverse("access:members", args=[grant.pk])
    return member_of(membership, grant.person, _("See your members"), page)


def _send_to_address(
    membership: Membership,
    *,
    kind: str,
    key: str,
    facts: Facts,
    link: tuple[Words, str],
    sender: User | None,
    is_owed: bool = False,
    now: datetime,
) -> None:
    """Write to the invited address itself, not telling the holder whether an account has it."""
    grant, (label, page) = membership.grant, link
    proved = EmailAddress.objects.filter(email__iexact=membership.email, verified=True).first()
    recipient, own = proved.user if proved else None, own_words(kind, grant.repo)
    language = language_of_letter(kind, own, recipient)
    with translation.override(language):
        all_facts = {**holder_of(grant).names, **facts()}
        words = words_for(kind, grant.repo, grant.reference, all_facts, own=own)
        letter = Letter(
            greeting=gettext("Hello,"),
            subject=words.subject,
            paragraphs=words.paragraphs,
            act_label=str(label),
            act_url=f"{settings.BASE_URL}{page}",
            reference=grant.reference,
            team=team_of(grant.repo),
        )
        text, html = letter.text, letter.html
    queue_mail(
        key=f"member-{membership.pk}-{key}",
        kind=kind,
        recipient=recipient,
        address=membership.email,
        subject=f"{words.subject} ({grant.reference})",
        text=text,
        html=html,
        language=language,
        sender=sender,
        is_owed=is_owed,
        now=now,
    )
