"""Every row of the retention table is enforced at its border, once, and written down as it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session

from portal.access.models import (
    Acceptance,
    AccessRequest,
    Grant,
    Membership,
    Screening,
    Submission,
)
from portal.access.reminders.tick import tick
from portal.access.reporting.retention import AFTER_A_GRANT, REMOVED
from portal.access.requests.routing import withdraw_request
from portal.accounts.models import AccessToken, Affiliation, Organization, Reference
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.delivery.models import Download
from portal.jobs.models import Batch, BatchLine, Job, StoredPart
from portal.outbox.models import OutboxMessage
from portal.outbox.services import deliver_due
from portal.site.operations.retention import TABLE, as_markdown
from portal.site.services.retention import enforce_retention
from tests.factories.access import make_draft, make_grant, make_request
from tests.factories.accounts import LONG_AGO, make_token, make_user
from tests.factories.batches import make_file
from tests.factories.catalog import make_repo, make_revision

pytestmark = pytest.mark.django_db
DAY, YEAR = timedelta(days=1), timedelta(days=365)
SECOND = timedelta(seconds=1)

Gone = Callable[[], bool]


def answers(tmp_path: Path) -> tuple[datetime, Gone]:
    case = make_request(make_repo())
    reader = make_user()
    case.notes.create(author=reader, text="Known to us.", written_at=LONG_AGO)
    withdraw_request(applicant=case.applicant, request_id=case.pk, now=LONG_AGO + DAY)

    def gone() -> bool:
        remaining = AccessRequest.objects.get(pk=case.pk)
        snapshot = remaining.submissions.get()
        assert snapshot.acceptance.text_sha256  # the signature stays
        texts = (snapshot.answers, remaining.draft, remaining.organization_name)
        return texts == ({}, {}, "") and remaining.notes.get().text == REMOVED

    return LONG_AGO + DAY + YEAR, gone


def signature_addresses(tmp_path: Path) -> tuple[datetime, Gone]:
    grant = make_grant(make_repo())
    return (
        grant.expires_at + AFTER_A_GRANT,
        lambda: Acceptance.objects.get(pk=grant.acceptance_id).ip is None,
    )


def check_hits(tmp_path: Path) -> tuple[datetime, Gone]:
    grant = make_grant(make_repo(), days=365)
    row = grant.screenings.get()
    row.hits = [{"entry": 1, "kind": "person", "value": "A Name", "found": "A Name"}]
    row.save()
    return (
        grant.expires_at + AFTER_A_GRANT,
        lambda: Screening.objects.get(pk=row.pk).hits == [],
    )


def invitations(tmp_path: Path) -> tuple[datetime, Gone]:
    grant = make_grant(make_repo())
    invited = Membership.objects.create(
        grant=grant,
        email="someone@university.example",
        invited_by=grant.person,
        invited_at=LONG_AGO,
        ended_at=LONG_AGO,
    )
    return (
        LONG_AGO + YEAR,
        lambda: "someone" not in Membership.objects.get(pk=invited.pk).email,
    )


def download_addresses(tmp_path: Path) -> tuple[datetime, Gone]:
    revision = make_revision(make_repo(), tmp_path / "release")
    row = Download.objects.create(
        person=make_user(),
        file=revision.files.first(),
        revision=revision,
        length_bytes=1,
        status_code=200,
        ip="192.0.2.9",
        started_at=LONG_AGO,
    )
    return LONG_AGO + 30 * DAY, lambda: Download.objects.get(pk=row.pk).ip is None


def prompts(tmp_path: Path) -> tuple[datetime, Gone]:
    repo = make_repo()
    row = Job.objects.create(
        person=make_user(),
        repo=repo,
        revision=make_revision(repo, tmp_path / "release"),
        model_name=repo.full_name,
        params={"seed": 7, "stop": ["secret"], "stop_token_ids": [5], "logit_bias": {"5": 1}},
        prompts=[[2, 100, 7]],
        state=Job.State.CANCELLED,
        created_at=LONG_AGO,
        ended_at=LONG_AGO,
        result_json='{"events": [{"text": "secret"}]}',
        reserved_tokens=1,
        prompt_tokens=3,
        currency="EUR",
    )

    def gone() -> bool:
        remaining = Job.objects.get(pk=row.pk)
        words = remaining.prompts or remaining.events or remaining.params != {"seed": 7}
        return not words and remaining.prompt_tokens == 3

    return LONG_AGO + 30 * DAY, gone


def letters(tmp_path: Path) -> tuple[datetime, Gone]:
    case = make_request(make_repo())
    deliver_due(now=LONG_AGO, limit=100)
    receipts = OutboxMessage.objects.filter(recipient=case.applicant, kind="receipt")
    assert receipts.exists()
    return LONG_AGO + 2 * YEAR, lambda: not receipts.exists()


def files(tmp_path: Path) -> tuple[datetime, Gone]:
    make_file(make_user(), b"secret", now=LONG_AGO)
    return LONG_AGO + timedelta(days=30), lambda: not StoredPart.objects.exists()


def batches(tmp_path: Path) -> tuple[datetime, Gone]:
    batch = Batch.objects.create(
        person=make_user(),
        input_file_id=uuid4(),
        state="cancelled",
        metadata={"for": "secret"},
        errors=[{"message": "secret"}],
        created_at=LONG_AGO,
        expires_at=LONG_AGO,
        cancelled_at=LONG_AGO,
    )
    BatchLine.objects.create(batch=batch, number=1, custom_id="secret", state="failed")

    def gone() -> bool:
        row = Batch.objects.get()
        return not BatchLine.objects.exists() and "secret" not in f"{row.metadata}{row.errors}"

    return LONG_AGO + timedelta(days=30), gone


def sessions(tmp_path: Path) -> tuple[datetime, Gone]:
    Session.objects.create(session_key="a" * 32, session_data="", expire_date=LONG_AGO)
    return LONG_AGO, lambda: not Session.objects.exists()


def tokens(tmp_path: Path) -> tuple[datetime, Gone]:
    token, _ = make_token(make_user(), days=10)

    def gone() -> bool:
        remaining = AccessToken.objects.get(pk=token.pk)
        return remaining.name == remaining.hint == "" and remaining.secret_hash != token.secret_hash

    return token.expires_at + YEAR, gone


def references(tmp_path: Path) -> tuple[datetime, Gone]:
    row = Reference.objects.create(
        person=make_user(),
        organization_name="Example University",
        name="A Colleague",
        email="colleague@university.example",
        relation="My supervisor",
        secret_hash="f" * 64,
        asked_at=LONG_AGO,
        sent_at=LONG_AGO,
        expires_at=LONG_AGO + 30 * DAY,
    )

    def gone() -> bool:
        remaining = Reference.objects.get(pk=row.pk)
        return remaining.name == remaining.relation == "" and "colleague" not in remaining.email

    return LONG_AGO + 30 * DAY + YEAR, gone


def affiliations(tmp_path: Path) -> tuple[datetime, Gone]:
    place = Organization.objects.create(name="Example University", created_at=LONG_AGO)
    row = Affiliation.objects.create(
        person=make_user(),
        organization=place,
        method=Affiliation.Method.REFERENCE,
        evidence="A Colleague vouched.",
        proved_at=LONG_AGO,
        expires_at=LONG_AGO + YEAR,
        ended_at=LONG_AGO,
    )
    return LONG_AGO + YEAR, lambda: Affiliation.objects.get(pk=row.pk).evidence == ""


CASES: dict[str, Callable[[Path], tuple[datetime, Gone]]] = {
    "answers": answers,
    "check-hits": check_hits,
    "signature-addresses": signature_addresses,
    "invitations": invitations,
    "download-addresses": download_addresses,
    "prompts": prompts,
    "files": files,
    "batches": batches,
    "letters": letters,
    "sessions": sessions,
    "tokens": tokens,
    "references": references,
    "affiliations": affiliations,
}


def test_each_row_has_a_case_here_or_is_the_ticks():
    assert {row.slug for row in TABLE if row.enforce} == set(CASES)
    assert {row.slug for row in TABLE if not row.enforce} == {"drafts"}


@pytest.mark.parametrize("slug", CASES)
def test_a_row_is_enforced_at_its_border_and_once(slug, tmp_path):
    border, gone = CASES[slug](tmp_path)
    assert slug not in enforce_retention(border - SECOND)
    assert not gone()
    assert enforce_retention(border)[slug] >= 1
    assert gone()
    assert slug not in enforce_retention(border)


def test_drafts_are_the_ticks():
    make_draft(make_repo(), make_user())
    for days in (76, 90):
        tick(LONG_AGO + days * DAY)
        deliver_due(now=LONG_AGO + days * DAY, limit=100)
    assert not AccessRequest.objects.exists()


def test_what_a_grant_rests_on_is_kept_for_five_years_after_it():
    grant = make_grant(make_repo())
    snapshot = Submission.objects.get()
    assert "answers" not in enforce_retention(grant.expires_at + AFTER_A_GRANT - SECOND)
    snapshot.refresh_from_db()
    assert snapshot.answers
    assert enforce_retention(grant.expires_at + AFTER_A_GRANT)["answers"] == 1


def test_a_renewed_grant_keeps_what_the_first_rested_on():
    grant = make_grant(make_repo())
    later = grant.expires_at + YEAR
    Grant.objects.create(
        repo=grant.repo,
        person=grant.person,
        acceptance=grant.acceptance,
        parent=grant,
        modes=grant.modes,
        starts_at=grant.expires_at,
        expires_at=later,
    )
    assert "answers" not in enforce_retention(later + AFTER_A_GRANT - SECOND)
    assert enforce_retention(later + AFTER_A_GRANT)["answers"] == 1


def test_an_undecided_request_is_never_forgotten():
    make_request(make_repo())
    assert "answers" not in enforce_retention(LONG_AGO + 10 * YEAR)


def test_what_was_forgotten_is_counted_on_the_record(tmp_path):
    border, _ = download_addresses(tmp_path)
    enforce_retention(border)
    events = AuditEvent.objects.filter(type=EventType.RETENTION_ENFORCED)
    assert {"row": "download-addresses", "count": 1} in [event.data for event in events]


def test_the_page_of_a_blanked_request_still_opens(client, tmp_path):
    border, _ = answers(tmp_path)
    enforce_retention(border)
    case = AccessRequest.objects.get()
    client.force_login(case.applicant)
    assert client.get(f"/requests/{case.pk}").status_code == 200


def test_the_table_is_written_down_as_it_is():
    written = (Path(settings.BASE_DIR) / "docs" / "retention.md").read_text("utf-8")
    assert as_markdown() in written
