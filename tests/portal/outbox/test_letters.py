"""Each letter is complete as text and as HTML, names its reference, and holds no secret."""

from __future__ import annotations

import ast
import re
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from django.conf import settings
from django.core import mail
from django.utils.translation.template import templatize

from portal.access import letters as letters_of_the_gate
from portal.access import reminders
from portal.access.letters.kinds import FIXED, GROUPS, KINDS, default_words
from portal.access.letters.mailer import scope_of
from portal.outbox.models import OutboxMessage
from portal.outbox.services import deliver_due
from portal.outbox.templates import check_words, preview, save_letter_template, words_of
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo
from tests.factories.grants import make_administrator, make_entity_grant, make_hold
from tests.portal.outbox.every_letter import queue_every_letter
from tests.portal.outbox.mails import letter_to

pytestmark = pytest.mark.django_db
WITH_A_SECRET = {"role_invitation"}  # in its link; tests/portal/access/people/ reads it
SECRETS = re.compile(
    r"wg_[A-Za-z0-9]"  # a token
    r"|/-/d/"  # a link to weights
    r"|:[A-Za-z0-9]{6}:[\w-]{27,}"  # anything that Django signed
    r"|[?&](key|token|secret|signature|sig|X-Amz-[A-Za-z]+)="
)


@pytest.fixture
def letters(now) -> list[OutboxMessage]:
    """Queue every letter that the gate can send, once."""
    queue_every_letter(now)
    return list(OutboxMessage.objects.filter(is_secret=False))


def named_in_code() -> set[str]:
    """Return what the modules that send letters pass as ``kind``."""
    folders = [Path(package.__file__).parent for package in (letters_of_the_gate, reminders)]
    values = [
        keyword.value
        for folder in folders
        for source in folder.rglob("*.py")
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "kind"
    ]
    return {word for value in values for word in constants(value)}


def constants(value: ast.expr) -> set[str]:
    """Return a literal, or both of a condition; a variable is a wrapper's argument and has none."""
    if isinstance(value, ast.IfExp):
        return constants(value.body) | constants(value.orelse)
    return {value.value} if isinstance(value, ast.Constant) else set()


def words(text: str) -> set[str]:
    return set(re.findall(r"[\w’-]+", text))


def shown(html: str) -> str:
    """Return the text that a reader of the HTML sees."""
    return unescape(re.sub(r"<[^>]+>", " ", html.partition("<main>")[2]))


def test_every_kind_is_here(letters):
    assert {letter.kind for letter in letters} == KINDS.keys() | FIXED


def test_each_kind_in_the_code_is_on_the_page_or_fixed():
    assert not KINDS.keys() & FIXED
    assert sum(len(group) for group in GROUPS.values()) == len(KINDS)
    assert named_in_code() == KINDS.keys() | FIXED | WITH_A_SECRET


def test_each_kind_has_a_file_and_each_file_a_kind():
    files = (Path(settings.BASE_DIR) / "templates/access/letters").iterdir()
    assert sorted(file.name for file in files) == sorted(
        f"{kind}.txt" for kind in KINDS.keys() | FIXED
    )


@pytest.mark.parametrize("kind", KINDS)
def test_makemessages_finds_the_words(kind):
    source = Path(settings.BASE_DIR, f"templates/access/letters/{kind}.txt").read_text("utf-8")
    message = re.search(r"gettext\((u?'.*?'|\".*?\")\) ", templatize(source), re.DOTALL)
    words = words_of("", ast.literal_eval(message[1])).paragraphs
    default = default_words(kind)
    unwrapped = [" ".join(paragraph.split()) for paragraph in words]
    assert unwrapped == [default.subject, *default.paragraphs]


@pytest.mark.parametrize("kind", KINDS)
def test_the_default_words_are_such_as_a_team_could_keep(kind):
    chosen = KINDS[kind]
    check_words(chosen.words, allowed=chosen.samples, required=chosen.required)
    shown = preview(chosen.words, chosen.samples)
    assert "{" not in shown.subject + shown.text


def test_no_default_is_sent_with_a_hole(letters):
    for letter in letters:
        assert not re.search(r"\{\w+\}", letter.subject + letter.text)


def test_a_team_puts_each_into_its_own_words(now):
    """With every fact that the page offers: none is missing from the letter itself."""
    repo = make_repo()
    for slug, kind in KINDS.items():
        save_letter_template(
            actor=make_administrator(repo),
            scope=scope_of(repo),
            kind=slug,
            subject="In our words",
            paragraphs=" ".join(f"{name}={{{name}}}" for name in kind.samples),
            allowed=kind.samples,
            required=kind.required,
            now=now,
        )
    queue_every_letter(now, repo)
    for letter in OutboxMessage.objects.filter(kind__in=KINDS):
        assert letter.subject.startswith("In our words"), letter.kind
        assert f"repo={repo.full_name}" in letter.text


def test_a_hold_on_every_model_has_no_teams_words(now):
    grant = make_entity_grant(now=now)
    make_hold(grant.person, now=now)
    letter = OutboxMessage.objects.get(kind="suspension")
    assert "We suspended access to every model at" in letter.text
    assert "{" not in letter.text


def test_each_has_text_and_html(letters, now):
    assert all(letter.text.strip() and letter.html.strip() for letter in letters)
    deliver_due(now=now + timedelta(days=2), limit=len(letters))
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
        if letter.kind == "digest":  # of many cases
            continue
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
