"""Ask references by mail where a person works, and take their answers."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from portal.accounts.errors import AddressNeeded, NoSuchReference, ReferenceClosed
from portal.accounts.letters import mail_answer, mail_question
from portal.accounts.models import Affiliation, Organization, Reference, User
from portal.accounts.questions import DAY, check_address, check_question
from portal.accounts.reference_origins import Origin, Origins, answers_behind, origin_of
from portal.accounts.services.affiliations import organization_named, proof, replace_proof
from portal.accounts.tokens.secrets import known_hashes, secret_hash
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import FieldErrors
from portal.parsing.texts import require_text

TERM = timedelta(days=21)
LONGEST_COMMENT = 2000
PATIENCE = timedelta(days=90)  # then an address that doesn't answer isn't written to again
Verdict = Reference.Verdict


@transaction.atomic
def ask_reference(
    *,
    person: User,
    name: str,
    email: str,
    relation: str,
    now: datetime,
    organization_id: int | None = None,
    organization_name: str = "",
) -> Reference:
    """Ask a reference by mail whether a person works where they say."""
    if not person.has_verified_email:
        raise AddressNeeded(
            _("Confirm an address of your own first; then you can name a reference.")
        )
    person = User.objects.select_for_update(no_key=True).get(pk=person.pk)
    listed = Organization.objects.filter(pk=organization_id).first() if organization_id else None
    words = {"name": name, "relation": relation, "organization_name": organization_name}
    words = {field: " ".join(value.split()) for field, value in words.items()}
    words["organization_name"] = listed.name if listed else words["organization_name"]
    email = email.strip().lower()
    check_question(person, words, email, now)
    _cancel_expired(person, email, now)
    secret = secrets.token_urlsafe(24)
    reference = Reference.objects.create(
        person=person,
        organization=listed,
        organization_name=words["organization_name"],
        name=words["name"],
        email=email,
        relation=words["relation"],
        secret_hash=secret_hash(secret),
        asked_at=now,
        sent_at=now,
        expires_at=now + TERM,
    )
    mail_question(reference, secret, now)
    record(EventType.REFERENCE_ASKED, actor=person, target=reference, at=now, person=person.pk)
    return reference


@transaction.atomic
def resend_reference(*, person: User, reference_id: int, now: datetime) -> Reference:
    """Send the question again with a new link, at most once a day. The old link ends."""
    reference = _own_open(person, reference_id)
    if now - reference.sent_at < DAY:
        raise ReferenceClosed(_("The letter went out less than a day ago. Try again tomorrow."))
    if now - reference.asked_at > PATIENCE:
        raise ReferenceClosed(_("This address has been asked for 90 days. Name another reference."))
    _send_anew(reference, now)
    record(EventType.REFERENCE_SENT_AGAIN, actor=person, target=reference, at=now)
    return reference


@transaction.atomic
def readdress_reference(*, person: User, reference_id: int, email: str, now: datetime) -> Reference:
    """Send the question to another address of the same reference, since the letter came back.

    The old link ends. Raise ReferenceClosed where the letter didn't come back: it may be read yet.
    """
    reference = _own_open(person, reference_id)
    returned_reference(person=person, reference_id=reference_id)
    email = email.strip().lower()
    if email == reference.email.lower():
        raise FieldErrors({"email": _("Letters to this address come back. Give another one.")})
    check_address(person, email, now)
    _cancel_expired(person, email, now)
    reference.email = email
    _send_anew(reference, now)
    record(EventType.REFERENCE_READDRESSED, actor=person, target=reference, at=now)
    return reference


def returned_reference(*, person: User, reference_id: int) -> Reference:
    """Return a person's reference whose letter came back. Raise ReferenceClosed for any other."""
    own = Reference.objects.of(person).filter(pk=reference_id)
    if not own.exists():
        raise NoSuchReference(_("You have asked no such reference."))
    reference: Reference | None = own.returned().first()
    if reference is None:
        raise ReferenceClosed(
            _(
                "The letter didn’t come back, so its address stays. Cancel the question to ask "
                "another."
            )
        )
    return reference


def _send_anew(reference: Reference, now: datetime) -> None:
    """Send the question with a new link, which has the whole term again; the old link ends."""
    secret = secrets.token_urlsafe(24)
    reference.secret_hash = secret_hash(secret)
    reference.sent_at, reference.expires_at = now, now + TERM
    reference.save(update_fields=["email", "secret_hash", "sent_at", "expires_at"])
    mail_question(reference, secret, now)


@transaction.atomic
def cancel_reference(*, person: User, reference_id: int, now: datetime) -> Reference:
    """Cancel a question, whose link ends at once."""
    reference = _own_open(person, reference_id)
    reference.cancelled_at = now
    reference.save(update_fields=["cancelled_at"])
    record(EventType.REFERENCE_CANCELLED, actor=person, target=reference, at=now)
    return reference


@transaction.atomic
def answer_reference(*, secret: str, verdict: str, comment: str, now: datetime) -> Reference:
    """Store a reference's answer, by the link of its letter; a yes proves the affiliation.

    A yes from free mail, or from a mailbox of the applicant's own, is kept and proves nothing.
    """
    reference = reference_asked(secret, now=now, for_update=True)
    if verdict not in Verdict.values:
        raise FieldErrors({"verdict": _("Choose whether you can confirm it.")})
    person = User.objects.select_for_update(no_key=True).get(pk=reference.person_id)
    reference.answered_at, reference.verdict = now, verdict
    reference.comment = require_text(comment, "comment", at_most=LONGEST_COMMENT)
    is_proof = verdict == Verdict.CONFIRMED and origin_of(reference).proves
    if is_proof and reference.organization is None:
        reference.organization = organization_named(name=reference.organization_name, now=now)
    reference.save()
    record(EventType.REFERENCE_ANSWERED, actor=None, target=reference, at=now, verdict=str(verdict))
    if is_proof and reference.organization is not None:
        affiliation = replace_proof(
            person=person,
            organization_id=reference.organization.pk,
            method=Affiliation.Method.REFERENCE,
            evidence=evidence_of(reference),
            now=now,
        )
        record(
            EventType.AFFILIATION_PROVED,
            actor=None,
            target=affiliation,
            at=now,
            **proof(affiliation),
        )
    mail_answer(reference, now, is_proof=is_proof)
    return reference


@transaction.atomic
def end_own_words(*, person: User, now: datetime) -> list[Affiliation]:
    """End the proofs by references whose mailbox has turned out to be the person's own."""
    person = User.objects.select_for_update(no_key=True).get(pk=person.pk)
    standing = Affiliation.objects.of(person).filter(method=Affiliation.Method.REFERENCE)
    proofs = {affiliation.pk: affiliation for affiliation in standing.standing_at(now)}
    answers = answers_behind(proofs.values())
    origins = Origins.of(answers.values())
    own = [key for key, row in answers.items() if origins.origin(row) == Origin.OWN_MAILBOX]
    for affiliation in map(proofs.__getitem__, own):
        affiliation.ended_at = now
        affiliation.save(update_fields=["ended_at"])
        record(
            EventType.AFFILIATION_ENDED,
            actor=person,
            target=affiliation,
            at=now,
            reason="the reference’s address is the person’s own",
            **proof(affiliation),
        )
    return [proofs[key] for key in own]


def reference_asked(secret: str, *, now: datetime, for_update: bool = False) -> Reference:
    """Return the open question of a link. Raise NoSuchReference or ReferenceClosed."""
    rows = (
        Reference.objects.select_for_update(of=("self",), no_key=True)
        if for_update
        else Reference.objects
    )
    reference = rows.select_related("person", "organization").filter(
        secret_hash__in=known_hashes(secret)
    ).first()  # fmt: skip
    if reference is None:
        raise NoSuchReference(
            _("This link leads to no question. If the letter was sent again, use the newest one.")
        )
    if reference.answered_at:
        raise ReferenceClosed(
            _("You have answered already. Thank you; there is nothing more to do.")
        )
    if reference.cancelled_at:
        raise ReferenceClosed(
            _("Whoever asked you has taken the question back. Nothing is left to do.")
        )
    if not reference.is_open(now):
        raise ReferenceClosed(
            _(
                "The time to answer this question has run out. If your answer is still needed, "
                "whoever named you can send it again."
            )
        )
    return reference


def answered_reference(secret: str) -> Reference | None:
    """Return the question that was answered by this link, or None."""
    answered = Reference.objects.exclude(answered_at=None).select_related("person", "organization")
    return answered.filter(secret_hash__in=known_hashes(secret)).first()


def evidence_of(reference: Reference) -> str:
    """Say who vouched, and whether their own address is at the organization, for reviewers."""
    writer = f"{reference.name}, {reference.email} ({reference.relation})"
    return f"{writer}; {origin_of(reference).value}"


def _own_open(person: User, reference_id: int) -> Reference:
    reference = (
        Reference.objects.select_for_update(no_key=True).of(person).filter(pk=reference_id).first()
    )
    if reference is None:
        raise NoSuchReference(_("You have asked no such reference."))
    if reference.answered_at or reference.cancelled_at:
        raise ReferenceClosed(
            _("This reference has answered, or you have taken the question back.")
        )
    return reference


def _cancel_expired(person: User, email: str, now: datetime) -> None:
    """Cancel an expired question to this address, so that a new one can be asked."""
    unanswered = Reference.objects.of(person).unanswered()
    unanswered.filter(email__iexact=email, expires_at__lte=now).update(cancelled_at=now)
