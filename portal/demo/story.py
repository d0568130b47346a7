"""Four months at the demo's gate: one case of every kind, each step at its own time in the past.

The steps run in the order of their times, as the record's chain would have seen them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction

from portal.access.gate.question_versions import save_request_form
from portal.access.gate.settings import save_gate
from portal.access.grants.ending.closeout import close_grant
from portal.access.grants.members.joining import join_as_member
from portal.access.grants.members.membership import invite_member
from portal.access.grants.offers import offer_grant
from portal.access.holds.holds import lift_hold, place_hold
from portal.access.policy.conditions import Conditions
from portal.access.reminders.tick import tick
from portal.access.requests.appeals import appeal_request
from portal.access.review.asking import ask_question
from portal.access.review.assignment import claim_request
from portal.access.review.decisions.deciding import decline_request
from portal.access.review.notes import write_note
from portal.access.screening.lists import add_entry
from portal.accounts.models import User
from portal.catalog.models import ModelRepo, TeamMember
from portal.catalog.services.repos import add_team_member
from portal.demo.requests import YEAR, approve, file_request, grant_of, person, request_of, sign

Step = Callable[[ModelRepo, datetime], object]
BEGAN = timedelta(days=120)
WAITING_TOKENS = 2000
LISTED = (
    ("organization", "Sample Listed Institute", "Invented, to show what the lists do."),
    ("domain", "listed.example", "Invented."),
    ("person", "Sample Listed Person", "Invented."),
)
EARLIER_WORK = {
    "name": "earlier_work",
    "type": "url",
    "label": "Where may we read of earlier work like this?",
    "step": "research",
    "help": "A paper, a repository or a page. Leave it empty if there is none yet.",
    "required": False,
}


@transaction.atomic
def seed_story(gated: ModelRepo, now: datetime) -> None:
    """Run the whole story once. A demo that is younger or has requests already gets none."""
    if gated.created_at > now - BEGAN or gated.requests.exists():
        return
    for days_ago, step in sorted(STEPS, key=lambda dated_step: dated_step[0], reverse=True):
        step(gated, now - timedelta(days=days_ago))


def _set_up(repo: ModelRepo, now: datetime) -> None:
    for role in ("reviewer2", "reviewer3"):
        add_team_member(
            actor=person("operator"),
            repo_id=repo.pk,
            user=person(role),
            role=TeamMember.Role.REVIEWER,
            now=now,
        )
    for kind, value, note in LISTED:
        add_entry(actor=person("operator"), kind=kind, value=value, note=note, now=now)
    head = person("reviewer")
    # A minute to undo is enough to try it, and who was approved needn't wait long.
    values = {"waiting_tokens_per_day": WAITING_TOKENS, "undo_minutes": 1}
    save_gate(actor=head, repo_id=repo.pk, values=values, now=now)
    save_request_form(actor=head, repo_id=repo.pk, fields=[EARLIER_WORK], now=now)


def _files(role: str, entity: str = "") -> Step:
    return lambda repo, now: file_request(role, repo, now, entity=entity)


def _approved(role: str, days: int, by: str) -> Step:
    return lambda repo, now: approve(role, repo, now, until=now + timedelta(days=days), by=by)


def _declined(role: str, reason_code: str, reason_text: str) -> Step:
    return lambda repo, now: decline_request(
        reviewer=person("reviewer2"),
        request_id=request_of(role, repo).pk,
        reason_code=reason_code,
        reason_text=reason_text,
        now=now,
    )


def _members(repo: ModelRepo, now: datetime) -> None:
    """Invite two members: one joins, the other has yet to answer."""
    holder, member = person("holder"), person("member")
    for invited in (member, person("invited")):
        invitation = invite_member(
            holder=holder, grant_id=grant_of("holder", repo).pk, email=invited.email, now=now
        )
        if invited == member:
            signature = sign(member, repo, now)
            join_as_member(person=member, membership_id=invitation.pk, signature=signature, now=now)


def _closes(repo: ModelRepo, now: datetime) -> None:
    close_grant(
        holder=person("former"),
        grant_id=grant_of("former", repo).pk,
        statement="The study is done. Both copies of the weights are deleted; the tables stay.",
        deleted_copies=True,
        now=now,
    )


def _hold_and_lift(repo: ModelRepo, now: datetime) -> None:
    hold = place_hold(
        actor=person("reviewer"),
        scope="person",
        subject_id=person("renewing").pk,
        repo_id=repo.pk,
        reason="A download came from a place that the request doesn’t name.",
        now=now,
    )
    said = {"reviewer": "The holder was travelling.", "operator": "Confirmed with the holder."}
    for hours, (role, reason) in enumerate(said.items(), start=20):
        later = now + timedelta(hours=hours)
        lift_hold(actor=person(role), hold_id=hold.pk, reason=reason, now=later)


def _asks(repo: ModelRepo, now: datetime) -> None:
    ask_question(
        reviewer=person("reviewer3"),
        request_id=request_of("asked", repo).pk,
        text="Will the pruned models leave your institute? The licence covers them too.",
        now=now,
    )


def _appeals(repo: ModelRepo, now: datetime) -> None:
    appeal_request(
        applicant=person("appellant"),
        request_id=request_of("appellant", repo).pk,
        text="The students get no copy: the model runs on one server, under my account. I should "
        "have said so in the first place.",
        now=now,
    )


def _claims(role: str, by: str) -> Step:
    return lambda repo, now: claim_request(
        reviewer=person(by), request_id=request_of(role, repo).pk, now=now
    )


def _notes(role: str, by: str, text: str) -> Step:
    return lambda repo, now: write_note(
        author=person(by), request_id=request_of(role, repo).pk, text=text, now=now
    )


def _offers(repo: ModelRepo, now: datetime) -> None:
    offered: User = person("offered")
    offer_grant(
        actor=person("reviewer"),
        person_id=offered.pk,
        repo_id=repo.pk,
        modes=["inference"],
        conditions=Conditions(no_logits=True),
        expires_at=now + YEAR,
        now=now,
    )


def _new_line(repo: ModelRepo, now: datetime) -> None:
    """List somebody like a member who has access, so that the clock asks for a check."""
    add_entry(
        actor=person("operator"),
        kind="person",
        value=person("member").name,
        note="Invented: another person of that name.",
        now=now,
    )


def _clock(repo: ModelRepo, now: datetime) -> None:
    """Run the tick that a running portal would have had: reminders and escalations."""
    tick(now)


# How many days ago each step happened; sorted when they run, so cases may stand together.
STEPS: list[tuple[float, Step]] = [
    (119, _set_up),
    (110, _files("former")),
    (106, _approved("former", 200, "reviewer3")),
    (101, _files("renewing")),
    (97, _approved("renewing", 137, "reviewer2")),
    (80, _files("holder", "Example National Laboratory")),
    (75, _approved("holder", 365, "reviewer")),
    (72, _members),
    (60, _hold_and_lift),
    (50, _files("declined")),
    (46, _declined("declined", "commercial", "A help for customers is commercial use.")),
    (40, _files("late")),
    (38, _claims("late", "reviewer2")),
    (33, _closes),
    (30, _files("appellant")),
    (25.9, _clock),
    (24, _declined("appellant", "purpose_unclear", "Who gets a copy isn’t said.")),
    (20, _files("approved")),
    (18.5, _clock),
    (17, _approved("approved", 365 + 17, "reviewer")),
    (9, _files("asked")),
    (6, _asks),
    (5, _appeals),
    (4.5, _notes("appellant", "reviewer3", "No copy for students: sections 1b and 2a both hold.")),
    (4, _files("waiting")),
    (3, _offers),
    (2, _files("held")),
    (1, _files("applicant")),
    (0.6, _new_line),
    (0.5, _clock),
]
