"""Make a portal in which every page has something to show, and make more of everything in it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.test import Client
from django.utils import timezone

from portal.access.grants.checks.clearing import checks_of
from portal.access.models import AccessRequest, Grant, Hold, Membership, Renewal, Screening
from portal.access.people.invitations import invite_to_lab
from portal.access.review.notes import write_note
from portal.access.screening.lists import add_entry
from portal.accounts.mailboxes import ask_bounced_address
from portal.accounts.models import User
from portal.accounts.services.renewal import ask_renewal
from portal.catalog.models import TeamMember
from portal.jobs.batches.advancing import advance_batch
from portal.jobs.models import Batch, Job
from portal.jobs.services import cancel_job
from portal.outbox.models import OutboxMessage
from portal.outbox.services.bounces import mark_bounced
from tests.architecture.permissions import test_permissions as matrix
from tests.factories.access import make_draft, make_grant, make_request
from tests.factories.accounts import LONG_AGO, make_token, make_user
from tests.factories.affiliations import affiliate
from tests.factories.batches import make_batch, request_line
from tests.factories.catalog import make_folder, make_repo, make_reviewer
from tests.factories.collections import make_collection
from tests.factories.grants import (
    make_accepted,
    make_entity_grant,
    make_hold,
    make_invitation,
    make_member,
    make_newer_text,
    make_offer,
    make_renewal,
)
from tests.factories.jobs import make_hosted, make_job, tiny_model
from tests.factories.references import make_reference
from tests.portal.hub.desk import Desk, file_line, make_desk

INVITED = "invited@elsewhere.example"
MORE = 3  # rows that ``crowd`` adds to each list


@dataclass
class Portal:
    """The world of the rows of permissions, and one of each thing that those rows lack."""

    rows: matrix.World
    draft: AccessRequest
    offer: Grant
    entity: Grant
    membership: Membership
    invited: User
    check: Screening
    renewal: Renewal
    hold: Hold
    job: Job
    chat: Job
    batches: list[Batch]
    bounced: User
    waits_for_consent: Desk
    addresses: dict[str, str]


def make_portal(folder: Path) -> Portal:
    """Make one of everything; ``addresses`` are those of the links that letters bring."""
    rows, now = matrix.make_world(folder / "in"), timezone.now()
    people, repo = rows.people, rows.repo
    entity = make_entity_grant(repo, now=now)
    invited, listed = make_user(), make_user()
    _list(listed, now)
    make_accepted(repo, listed, now=now)
    job = make_job(make_hosted(tiny_model(folder / "tiny")), now=now)
    make_newer_text(now=now)
    return Portal(
        rows=rows,
        draft=make_draft(make_repo(), people["applicant"], now=now),
        offer=make_offer(repo, now=now),
        entity=entity,
        membership=make_invitation(entity, invited, now=now),
        invited=invited,
        check=checks_of(people["administrator"], now).get(),
        renewal=make_renewal(make_grant(repo), now),
        hold=make_hold(make_user(), repo, actor=people["administrator"], now=now),
        # An ended one: the page of a job that waits follows it for ever.
        job=cancel_job(person=job.person, job_id=job.pk, now=now),
        chat=_chat(job, now),
        batches=_batches(job, now),
        bounced=people["researcher"],
        waits_for_consent=_weights_without_a_right(folder / "weights"),
        addresses=_addresses_of_letters(rows, now),
    )


def _chat(job: Job, now: datetime) -> Job:
    """Make an ended chat whose messages have no blank."""
    chat = make_job(job.repo, job.person, now=now)
    said = [{"role": role, "content": "x" * 300} for role in ("system", "user", "assistant")]
    Job.objects.filter(pk=chat.pk).update(chat_json=json.dumps({"messages": said}))
    cancel_job(person=job.person, job_id=chat.pk, now=now)
    return Job.objects.get(pk=chat.pk)


def _batches(job: Job, now: datetime) -> list[Batch]:
    """Send a batch that runs, and one whose file is wrong."""
    contents = [request_line(job.repo, str(number)) for number in range(4)], [b"{}", b"no JSON"]
    more: dict[str, Any] = {"now": now, "metadata": {"for": "a page"}}
    batches = [make_batch(job.person, lines, **more) for lines in contents]
    for batch in batches:
        advance_batch(batch.pk, now)
        batch.refresh_from_db()
    return batches


def _weights_without_a_right(folder: Path) -> Desk:
    """Commit weights by the Hub's protocol, of which nobody has said by what right they come."""
    desk = make_desk(Client(), repo=False)
    desk.name = desk.create().json()["id"]
    make_folder(folder, **{"config.json": json.dumps({"model_type": "other"})})
    lines = [file_line(path.name, path.read_bytes()) for path in sorted(folder.iterdir())]
    assert desk.commit(*lines).status_code == 200
    return desk


def _list(person: User, now: datetime) -> None:
    add_entry(actor=make_user(superuser=True), kind="person", value=person.name, note="", now=now)


def _addresses_of_letters(rows: matrix.World, now: datetime) -> dict[str, str]:
    bounced, applicant = rows.people["researcher"], rows.people["applicant"]
    mark_bounced(address=bounced.email, reason="mailbox full", now=now)
    ask_bounced_address(person=bounced, address=bounced.email, now=now)
    invite_to_lab(
        actor=rows.people["publisher"],
        namespace_id=rows.repo.namespace_id,
        person=INVITED,
        role="publisher",
        now=now,
    )
    ask_renewal(person=applicant, now=now, **matrix.of_affiliation(rows))
    return {
        name: _newest_link(path)
        for name, path in {
            "site:address_again": "/inbox/address/",
            "access:invitation": "/invitations/",
            "accounts:affiliation_prove": "/affiliations/prove/",
        }.items()
    }


def _newest_link(path: str) -> str:
    letter = OutboxMessage.objects.filter(text__contains=path).latest("pk")
    link = re.search(rf"{path}\S+", letter.text)
    assert link is not None
    return link[0]


def crowd(portal: Portal) -> None:
    """Add several rows to each list, of those who look at it and of others."""
    rows, now = portal.rows, timezone.now()
    for number in range(MORE):
        _add_to_lists_of_the_team(portal, number, now)
        _add_to_lists_of_people(rows, number)


def _add_to_lists_of_people(rows: matrix.World, number: int) -> None:
    applicant, licensee = rows.people["applicant"], rows.people["licensee"]
    asked_at = LONG_AGO + timedelta(days=2 * number)
    for person in (applicant, licensee):
        make_token(person)
        make_reference(person, now=asked_at, email=f"{person.pk}-{number}@uni.edu")
    model = make_repo(namespace=rows.repo.namespace)
    make_request(model, applicant)
    make_grant(model, licensee)
    make_collection([model], slug=f"family-{number}")


def _add_to_lists_of_the_team(portal: Portal, number: int, now: datetime) -> None:
    rows = portal.rows
    repo, administrator = rows.repo, rows.people["administrator"]
    applicant, listed = make_user(), make_user()
    affiliate(applicant)
    make_request(repo, applicant)
    write_note(author=administrator, request_id=rows.request.pk, text=f"Note {number}", now=now)
    grant = make_grant(repo)
    make_renewal(grant, now)
    make_offer(repo, now=now)
    make_member(portal.entity, now=now)
    make_hold(make_user(), repo, actor=administrator, now=now)
    _list(listed, now)
    make_accepted(repo, listed, now=now)
    make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR)
    make_job(portal.job.repo, portal.job.person, now=now)
    advance_batch(make_batch(portal.job.person, [b"{}"], now=now).pk, now)
    invite_to_lab(
        actor=rows.people["publisher"],
        namespace_id=repo.namespace_id,
        person=f"invited-{number}@elsewhere.example",
        role="publisher",
        now=now,
    )
