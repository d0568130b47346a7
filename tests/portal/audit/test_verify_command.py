"""``manage.py verify_audit``: what it says, what it reads, how it ends."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from portal.audit.heads import publish_heads, published_heads
from portal.audit.models import AuditEvent, ChainHead
from tests.portal.audit.chains import change, delete, rebuild_from

pytestmark = pytest.mark.django_db


def verify(**options: Any) -> str:
    out = StringIO()
    call_command("verify_audit", stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def copy(five_published, tmp_path) -> Path:
    path = tmp_path / "heads.txt"
    path.write_text("".join(f"{head}\n" for head in published_heads()))
    return path


def test_it_says_how_many_and_the_head(five_events):
    assert verify() == f"5 events, unbroken. Head {five_events[-1].hash}.\n"


def test_an_empty_record_is_sound():
    assert verify() == "0 events, unbroken. Head none yet.\n"


def test_it_fails_naming_the_event_its_time_and_how(five_events):
    change(4, data={})
    with pytest.raises(
        CommandError,
        match=r"Event 4 \(link.minted of 2026-11-23 10:00:00 UTC\): its content does not match",
    ):
        verify()


def test_a_missing_event_is_told_by_the_one_after_it(five_events):
    delete(2)
    with pytest.raises(CommandError, match=r"Event 2 \(no event; the next is of 2026-11-23"):
        verify()


def test_published_heads_are_checked_without_a_file(five_published):
    assert "323 published heads agree" in verify()
    delete(5)
    with pytest.raises(CommandError, match="cut: the head of 2026-11-23"):
        verify()


def test_an_older_copy_agrees(copy, now):
    publish_heads(now + timedelta(days=30))
    assert "unbroken" in verify(heads=copy)


def test_a_rebuilt_chain_is_found_by_an_older_copy(copy):
    change(3, data={})
    rebuild_from(3)
    ChainHead.objects.filter(sequence=5).update(hash=AuditEvent.objects.get(pk=5).hash)
    assert "unbroken" in verify()
    with pytest.raises(CommandError, match="rebuilt: the head of 2026-11-23"):
        verify(heads=copy)


def test_comments_and_blank_lines_are_passed_over(copy):
    copy.write_text(f"# saved by us\n\n{copy.read_text()}   \n  # end\n")
    assert "unbroken" in verify(heads=copy)


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-23 5",
        "2026-11-23 5 abc",
        f"2026-13-23 5 {'a' * 64}",
        f"2026-11-23 0 {'a' * 64}",
        f"2026-11-23 five {'a' * 64}",
        f"2026-11-23 {'9' * 30} {'a' * 64}",
        f"2026-11-23 5 {'a' * 64} more",
        "<html>",
    ],
)
def test_a_line_that_is_no_head_is_named(copy, line):
    copy.write_text(f"# two lines before it\n\n{line}\n")
    with pytest.raises(CommandError, match=r"heads.txt, line 3: .* is no head"):
        verify(heads=copy)


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\xff\xfe\x00"])
def test_a_file_without_heads_proves_nothing(copy, content):
    copy.write_bytes(content)
    with pytest.raises(CommandError, match=r"heads.txt (holds no head|can’t be read)"):
        verify(heads=copy)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(CommandError, match="can’t be read"):
        verify(heads=tmp_path / "none")


def test_findings_as_json(five_published):
    findings = json.loads(verify(json=True))
    assert findings == {
        "events": 5,
        "head": five_published[-1].hash,
        "heads_checked": 323,
        "fault": None,
    }


def test_a_fault_as_json_fails_too(five_events):
    change(4, data={})
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_audit", json=True, stdout=out)
    fault = json.loads(out.getvalue())["fault"]
    assert (fault["sequence"], fault["kind"], fault["type"]) == (4, "content", "link.minted")


def test_a_terminal_shows_how_far_it_is(five_events, monkeypatch):
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("portal.audit.checking.BATCH", 2)
    shown = Terminal()
    call_command("verify_audit", stdout=StringIO(), stderr=shown)
    assert "\r4 events read" in shown.getvalue()
