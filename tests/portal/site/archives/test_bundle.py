"""The evidence of a request: whole for the team, their own for the applicant, and verifiable."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from portal.access.errors import RequestNotFound
from portal.access.models import AccessRequest
from portal.access.review.decisions.undo import undo_decision
from portal.audit.checking import verify_chain
from portal.audit.events import EventType
from portal.audit.hashing import NAMING
from portal.audit.heads import publish_heads
from portal.audit.models import AuditEvent, ChainHead
from portal.delivery.models import Download
from portal.outbox.services import deliver_due
from portal.site.archives.my_data import tables_of
from portal.site.services.bundles import make_bundle
from tests.factories.access import make_draft, make_grant, make_request
from tests.factories.accounts import LONG_AGO, make_user
from tests.factories.catalog import make_repo, make_reviewer, make_revision
from tests.factories.reviews import approve
from tests.portal.audit.chains import rebuild_from

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(tmp_path) -> AccessRequest:
    """Approved, with a note, a vote, letters and a download, a day before the bundle."""
    repo = make_repo()
    grant = make_grant(repo)
    case = AccessRequest.objects.get(applicant=grant.person)
    reviewer = make_reviewer(repo)
    case.notes.create(author=reviewer, text="A note of ours.", written_at=LONG_AGO)
    submission = case.submissions.get()
    case.reviews.create(
        submission=submission,
        reviewer=reviewer,
        verdict="approved",
        modes=grant.modes,
        cast_at=LONG_AGO,
    )
    revision = make_revision(repo, tmp_path / "release")
    Download.objects.create(
        person=grant.person,
        file=revision.files.first(),
        revision=revision,
        length_bytes=10,
        status_code=200,
        ip="192.0.2.9",
        started_at=LONG_AGO,
    )
    deliver_due(now=LONG_AGO + timedelta(hours=1), limit=100)
    publish_heads(timezone.now())
    return case


def unzip(content: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:
        bundle.extractall(folder)
    (whole,) = folder.iterdir()
    return whole


def verify(folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-I", str(folder / "verify.py")], capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def folder(case, tmp_path) -> Path:
    made = make_bundle(reader=make_reviewer(case.repo), request_id=case.pk, now=timezone.now())
    return unzip(made.content, tmp_path / "bundle")


def read(folder: Path, name: str):
    return json.loads((folder / name).read_text("utf-8"))


def test_the_teams_has_all_of_it(case, folder):
    assert read(folder, "request.json")["applicant"] == case.applicant.username
    snapshot = read(folder, "snapshots/0001.json")
    assert snapshot["answers"]["purpose"]
    text = folder / "licence" / f"{snapshot['signed']['text_sha256']}.txt"
    assert text.read_text("utf-8") == "You may study it."
    assert read(folder, "decisions.json")[0]["verdict"] == "approved"
    assert read(folder, "votes.json")[0]["reviewer_id"]
    assert read(folder, "notes.json")[0]["text"] == "A note of ours."
    assert any(folder.glob("letters/*receipt.txt"))
    assert "192.0.2.9" in (folder / "downloads.csv").read_text("utf-8")
    types = [json.loads(line)["type"] for line in (folder / "events.jsonl").open()]
    assert types[:2] == ["licence.signed", "request.submitted"]
    assert "grant.made" in types
    assert (folder / "heads.txt").read_text("utf-8")


def test_it_verifies_with_python_alone(folder):
    assert verify(folder) == (0, "No faults found: all files are as they were bundled.\n")


@pytest.mark.parametrize(
    "name", ["request.json", "decisions.json", "downloads.csv", "events.jsonl", "VERIFY.md"]
)
def test_a_changed_byte_is_found_and_its_file_named(folder, name):
    path = folder / name
    content = bytearray(path.read_bytes())
    content[5] ^= 1
    path.write_bytes(content)
    code, said = verify(folder)
    assert code == 1
    assert name in said


def resum(folder: Path) -> None:
    """Mend the sums, as somebody would who forges a file."""
    names = [line.partition("  ")[2] for line in (folder / "SHA256SUMS").read_text().splitlines()]
    (folder / "SHA256SUMS").write_text(
        "".join(
            f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
            for name in names
        )
    )


def test_a_forged_event_is_found_though_the_sums_are_mended(folder):
    path = folder / "events.jsonl"
    path.write_text(path.read_text("utf-8").replace("request.approved", "request.declined"))
    resum(folder)
    code, said = verify(folder)
    assert code == 1
    assert "events.jsonl: event" in said


def test_a_forged_licence_is_found_though_the_sums_are_mended(folder):
    (text,) = (folder / "licence").iterdir()
    text.write_text("You may sell it.")
    resum(folder)
    code, said = verify(folder)
    assert code == 1
    assert f"licence/{text.name}" in said


def test_a_file_that_is_missing_or_slipped_in_is_named(folder):
    (folder / "votes.json").unlink()
    (folder / "extra.json").write_text("{}")
    code, said = verify(folder)
    assert code == 1
    assert "votes.json: missing" in said
    assert "extra.json: not listed" in said


def test_the_applicants_own_has_nothing_of_the_teams(case, client, tmp_path):
    client.force_login(case.applicant)
    answer = client.post(f"/requests/{case.pk}/bundle.zip")
    assert answer["Content-Disposition"] == f'attachment; filename="request-{case.reference}.zip"'
    folder = unzip(answer.content, tmp_path / "bundle")
    names = {path.name for path in folder.rglob("*")}
    assert not names & {"votes.json", "notes.json", "screenings.json", "conflicts.json"}
    assert "decided_by_id" not in read(folder, "decisions.json")[0]
    whole = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert b"A note of ours." not in whole
    assert verify(folder)[0] == 0


def test_the_applicants_own_tells_of_nothing_that_was_undone(client, now, tmp_path):
    case = make_request(make_repo(undo_minutes=None), now=now)
    reviewer = make_reviewer(case.repo)
    approve(case, reviewer, now)
    undo_decision(actor=reviewer, request_id=case.pk, now=now)
    made = make_bundle(reader=case.applicant, request_id=case.pk, now=now)
    folder = unzip(made.content, tmp_path / "own")
    types = [json.loads(line)["type"] for line in (folder / "events.jsonl").open()]
    assert types == ["licence.signed", "request.submitted"]
    assert read(folder, "grants.json") == []
    tables = dict(tables_of(case.applicant, now))
    assert not {"request.approved", "grant.made"} & {event["type"] for event in tables["record"]}
    assert tables["grants"] == []
    client.force_login(case.applicant)
    assert client.get("/api/v1/grants/").json()["results"] == []


def test_hidden_votes_stay_hidden_until_one_has_voted(tmp_path):
    case = make_request(make_repo())
    first, second = make_reviewer(case.repo), make_reviewer(case.repo)
    case.reviews.create(
        submission=case.submissions.get(),
        reviewer=first,
        verdict="approved",
        modes=[],
        cast_at=LONG_AGO,
    )
    for reader, count in ((first, 1), (second, 0)):
        made = make_bundle(reader=reader, request_id=case.pk, now=timezone.now())
        folder = unzip(made.content, tmp_path / reader.username)
        assert len(read(folder, "votes.json")) == count


def test_strangers_and_drafts_have_none(case):
    for request in (case, make_draft(case.repo, make_user())):
        with pytest.raises(RequestNotFound):
            make_bundle(reader=make_user(), request_id=request.pk, now=timezone.now())
    assert not AuditEvent.objects.filter(type=EventType.BUNDLE_MADE).exists()


def test_its_making_is_recorded_with_the_digest_of_its_sums(case, folder):
    event = AuditEvent.objects.get(type=EventType.BUNDLE_MADE)
    sums = hashlib.sha256((folder / "SHA256SUMS").read_bytes()).hexdigest()
    assert event.data == {"reader": "team", "sums_sha256": sums}


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "events.jsonl").open()]


def own_bundle(case: AccessRequest, folder: Path) -> Path:
    made = make_bundle(reader=case.applicant, request_id=case.pk, now=timezone.now())
    return unzip(made.content, folder)


def test_the_applicants_own_names_nobody_who_decided(case, tmp_path):
    events = lines(own_bundle(case, tmp_path / "own"))
    record = dict(tables_of(case.applicant, timezone.now()))["record"]
    assert "request.approved" in {event["type"] for event in events}
    for event in [*events, *record]:
        assert not NAMING & {*event["data"], *event}
        assert event.get("opened", {}).get("actor") in (None, case.applicant_id)
        assert "salt" not in event
        assert "actor" not in event


def test_the_teams_says_who_decided_and_proves_it(case, folder):
    decider = case.decisions.get().decided_by_id
    (approval,) = [event for event in lines(folder) if event["type"] == "request.approved"]
    assert approval["opened"]["actor"] == decider
    path = folder / "events.jsonl"
    path.write_text(path.read_text().replace(f'"actor": {decider}', f'"actor": {decider + 1}'))
    resum(folder)
    code, said = verify(folder)
    assert code == 1
    assert f"event {approval['sequence']} was not done by whom it states" in said


def test_of_an_event_from_before_the_names_are_left_out_too(case, tmp_path):
    AuditEvent.objects.update(salt="")
    rebuild_from(1)
    ChainHead.objects.all()._raw_delete("default")
    (approval,) = [
        event
        for event in lines(own_bundle(case, tmp_path / "own"))
        if event["type"] == "request.approved"
    ]
    assert "actor" in approval["withheld"]
    assert not {"actor", "voters"} & {*approval, *approval["data"]}
    assert verify_chain().fault is None
    assert verify(tmp_path / "own" / next((tmp_path / "own").iterdir()).name)[0] == 0
