"""What every letter is: text and HTML, each complete; a reference in its subject; no secret."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.core import mail

from portal.access.models import Decision
from portal.access.services.grants import revoke_grant
from portal.access.services.review import ask_question, decline_request
from portal.access.services.submission import withdraw_request
from portal.catalog.models import TeamMember
from portal.outbox.models import OutboxMessage
from portal.outbox.services import deliver_due
from tests.factories.access import make_grant, make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.portal.outbox.mails import letter_to

pytestmark = pytest.mark.django_db
KINDS = {"receipt", "question", "approval", "decline", "withdrawal", "revocation"}
SECRETS = re.compile(
    r"wg_[A-Za-z0-9]"  # a token
    r"|/-/d/"  # a link to weights
    r"|:[A-Za-z0-9]{6}:[\w-]{27,}"  # anything that Django signed
    r"|[?&](key|token|secret|signature|sig|X-Amz-[A-Za-z]+)="
)


@pytest.fixture
def letters(now) -> list[OutboxMessage]:
    """All that a few requests bring, from the first receipt to the end of a grant."""
    repo = make_repo()
    reviewer = make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR)
    grant = make_grant(repo, now=now)
    revoke_grant(actor=reviewer, grant_id=grant.pk, reason="It was shared.", now=now)
    asked, declined, withdrawn = (make_request(repo, now=now) for _ in range(3))
    ask_question(reviewer=reviewer, request_id=asked.pk, text="Which <data>?", now=now)
    decline_request(
        reviewer=reviewer,
        request_id=declined.pk,
        reason_code=Decision.Reason.values[0],
        reason_text="Say more & again.",
        now=now,
    )
    withdraw_request(applicant=withdrawn.applicant, request_id=withdrawn.pk, now=now)
    return list(OutboxMessage.objects.filter(is_secret=False))


def words(text: str) -> set[str]:
    return set(re.findall(r"[\w’-]+", text))


def shown(html: str) -> str:
    """What a reader of the HTML sees."""
    return unescape(re.sub(r"<[^>]+>", " ", html.partition("<main>")[2]))


def test_every_kind_is_here(letters):
    assert {letter.kind for letter in letters} >= KINDS


def test_each_has_text_and_html(letters, now):
    assert all(letter.text.strip() and letter.html.strip() for letter in letters)
    deliver_due(now=now + timedelta(hours=1))
    assert len(mail.outbox) == len(letters)
    for sent in mail.outbox:
        parts = [part.get_content_type() for part in sent.message().get_payload()]
        assert parts == ["text/plain", "text/html"]


def test_the_text_alone_says_all(letters):
    for letter in letters:
        assert words(shown(letter.html)) <= words(letter.text) | words(letter.subject)
        links = re.findall(r'href="([^"]+)"', letter.html)
        assert links
        assert all(unescape(link) in letter.text for link in links)


def test_each_subject_has_the_reference(letters):
    for letter in letters:
        reference = re.search(r"Reference (\S+)\.", letter.text)[1]
        assert reference in letter.subject


def test_none_holds_a_secret(letters):
    for letter in letters:
        assert not SECRETS.search(letter.subject + letter.text + letter.html)


def test_a_reference_stands_in_the_subject_once(now):
    person = make_user()
    named = letter_to(person, now, key="a", subject="Your request 0007", reference="0007")
    assert named.subject == "Your request 0007"
    bare = letter_to(person, now, key="b", subject="Your request", reference="0007")
    assert bare.subject == "Your request (0007)"
    none = letter_to(person, now, key="c", subject="Your account", reference="")
    assert none.subject == "Your account"


def test_a_long_subject_keeps_its_reference(now):
    letter = letter_to(make_user(), now, subject=f"{'word ' * 200}(0007)", reference="0007")
    assert letter.subject.endswith("(0007)")
    assert len(letter.subject) <= 500


def test_a_subject_is_one_line(now):
    letter = letter_to(make_user(), now, subject="Hello\r\nBcc: b@elsewhere.example")
    assert letter.subject.startswith("Hello Bcc:")
