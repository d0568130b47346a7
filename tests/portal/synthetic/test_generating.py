"""A generated year is whole: in every state, with a chain that verifies, and nobody real in it."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from tqdm import tqdm

from portal.access.models import AccessRequest, Grant
from portal.accounts.models import User
from portal.audit.models import AuditEvent
from portal.delivery.models import Download
from portal.jobs.models import Job
from portal.outbox.models import OutboxMessage
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db
SIZE = {"requests": 14, "days": 60, "until": "2026-11-23"}
STORY = ("applicant__username", "state", "submitted_at")


def generated(**options: object) -> str:
    out = StringIO()
    call_command("generate_data", stdout=out, **SIZE | options)
    return out.getvalue()


def test_it_is_whole(client):
    printed = generated()
    assert f"{AuditEvent.objects.count():,}  events" in printed
    call_command("verify_audit", stdout=StringIO())
    states = set(AccessRequest.objects.values_list("state", flat=True))
    assert {"draft", "held", "in_review", "needs_info", "approved"} <= states
    assert AccessRequest.objects.filter(appeal__isnull=False, state="in_review").exists()
    assert Grant.objects.active_at(AuditEvent.objects.latest("sequence").at).exists()
    assert Download.objects.exclude(ended_at=None).exists()
    assert not Job.objects.exclude(state="succeeded").exists()
    assert not OutboxMessage.objects.filter(state="queued").exists()
    times = list(AuditEvent.objects.order_by("sequence").values_list("at__date", flat=True))
    assert times == sorted(times)
    assert not User.objects.exclude(email__endswith="synthetic.example.org").exists()
    assert not any(person.has_usable_password() for person in User.objects.all())
    assert client.get("/readyz").json()["parts"]["workers"] == "ok"
    client.force_login(User.objects.get(username="synthetic-reviewer-0001"))
    assert "Synthetic Applicant" in client.get("/queue").text
    with pytest.raises(CommandError, match="synthetic data already"):
        generated()


def test_it_refuses_beside_real_people():
    make_user()
    with pytest.raises(CommandError, match="1 people who aren’t synthetic"):
        generated()
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("line", "words"), [("", "no password"), ("\n", "no password"), ("short\n", "8 characters")]
)
def test_a_password_that_cannot_be_is_refused_before_anything_is_made(monkeypatch, line, words):
    monkeypatch.setattr("sys.stdin", StringIO(line))
    with pytest.raises(CommandError, match=words):
        generated(password_stdin=True)
    assert not User.objects.exists()


def test_who_stops_it_reads_that_nothing_is_kept(monkeypatch):
    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tqdm, "update", stop)
    with pytest.raises(CommandError, match="the database is as it was") as stopped:
        generated()
    assert stopped.value.returncode == 130
    assert not User.objects.exists()


def test_wrong_figures_are_refused():
    for wrong in ({"requests": 0}, {"days": 0}, {"until": "tomorrow"}):
        with pytest.raises(CommandError):
            generated(**wrong)
