"""Reports that mail servers send back, piped into ``manage.py read_bounce``."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command

from portal.outbox.errors import UnreadableBounce
from portal.outbox.models import BouncedAddress, OutboxMessage
from portal.outbox.services import deliver_due, read_bounce
from tests.portal.outbox.mails import ADDRESS, queue

pytestmark = pytest.mark.django_db

REPORT = """\
From: MAILER-DAEMON@mx.university.example
To: weightgate@localhost
Subject: Undelivered Mail Returned to Sender
Message-ID: <20261123.1@mx.university.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry to have to inform you.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.university.example

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--b
{returned}
--b--
"""
WHOLE = """Content-Type: message/rfc822

From: weightgate@localhost
To: a@university.example
Subject: Hello
Message-ID: <{key}@weightgate>

Text
"""
HEADERS = """Content-Type: text/rfc822-headers

From: weightgate@localhost
Message-ID: <{key}@weightgate>
"""
NOTHING = "Content-Type: text/plain\n\n"


def report(
    key="one", returned=WHOLE, recipient=ADDRESS, action="failed", status="5.1.1", end="\n"
) -> bytes:
    text = REPORT.format(
        recipient=recipient, action=action, status=status, returned=returned.format(key=key)
    )
    return text.replace("\n", end).encode()


@pytest.fixture
def sent(now) -> OutboxMessage:
    message = queue(now)
    deliver_due(now=now)
    return message


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("returned", [WHOLE, HEADERS])
def test_the_letter_is_found_by_its_name(sent, now, returned, end):
    bounce = read_bounce(raw=report(returned=returned, end=end), now=now)
    assert (bounce.address, bounce.letter) == (ADDRESS, "one")
    sent.refresh_from_db()
    assert (sent.state, sent.last_error) == ("bounced", "550 5.1.1 User unknown")
    assert BouncedAddress.objects.get().address == ADDRESS


def test_where_its_name_was_lost_the_address_tells(sent, now):
    raw = report(returned=NOTHING, recipient="A@University.EXAMPLE")
    assert read_bounce(raw=raw, now=now).letter == "one"


def test_a_forwarded_letter_marks_the_address_that_we_wrote_to(sent, now):
    assert read_bounce(raw=report(recipient="b@elsewhere.example"), now=now).address == ADDRESS


def test_reading_it_again_changes_nothing(sent, now):
    read_bounce(raw=report(), now=now)
    before = list(BouncedAddress.objects.values())
    read_bounce(raw=report(), now=now)
    assert list(BouncedAddress.objects.values()) == before


@pytest.mark.parametrize(("action", "status"), [("delayed", "4.4.1"), ("failed", "4.4.7")])
def test_a_delay_marks_nothing(sent, now, action, status):
    assert read_bounce(raw=report(action=action, status=status), now=now).address == ""
    assert not BouncedAddress.objects.exists()


def test_a_report_of_a_mail_that_is_not_ours_is_not_believed(sent, now):
    raw = report(key="other", recipient="b@elsewhere.example")
    with pytest.raises(UnreadableBounce, match="no mail that was sent from here"):
        read_bounce(raw=raw, now=now)
    assert not BouncedAddress.objects.exists()


def test_an_address_that_was_only_queued_for_is_not_marked_by_address_alone(now):
    queue(now)
    with pytest.raises(UnreadableBounce):
        read_bounce(raw=report(returned=NOTHING), now=now)


GARBAGE = [
    b"",
    b"\x00\xff\xfe" * 100,
    b"Subject: Hello\n\nI am away until Monday.\n",
    b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n",
    b"Content-Type: multipart/report\n\nno boundary",
    b"Content-Type: message/delivery-status\n\nAction: failed",
    report().replace(b"Action: failed\n", b""),
    b"Content-Type: multipart/mixed; boundary=b\n\n" * 500,
    b"x" * (5 * 1024 * 1024 + 1),
]


@pytest.mark.parametrize("raw", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_a_clear_error(now, raw):
    with pytest.raises(UnreadableBounce):
        read_bounce(raw=raw, now=now)


def test_the_command_reads_standard_input(sent, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(report())))
    call_command("read_bounce")
    assert f"Letters to {ADDRESS} come back" in capsys.readouterr().out


def test_the_command_fails_on_garbage(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"Hello\n\nyou")))
    with pytest.raises(CommandError, match="no delivery report"):
        call_command("read_bounce")
