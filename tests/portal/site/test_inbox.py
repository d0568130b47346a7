"""Letters are their recipient's alone; the demo shows every mail, and only the demo."""

import pytest
from django.utils import timezone

from portal.outbox.models import OutboxMessage
from portal.outbox.services import queue_mail
from portal.site.letters import paragraphs
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db


def make_letter(person, *, is_secret=False, subject="We have your request", **more):
    return queue_mail(
        key=f"{person.pk}-{subject}",
        kind="receipt",
        recipient=person,
        address=person.email,
        subject=subject,
        text=more.get("text", "Dear reader,\n\nSee it at\nhttp://127.0.0.1/requests/1\n"),
        is_secret=is_secret,
        now=timezone.now(),
    )


@pytest.fixture
def reader(client):
    person = make_user()
    client.force_login(person)
    return person


def test_it_asks_who_is_there(client):
    assert client.get("/inbox").status_code == 302


def test_an_empty_inbox_says_so(client, reader):
    assert "You have no letters yet" in client.get("/inbox").content.decode()


def test_a_letter_is_listed_counted_and_read_once(client, reader):
    letter = make_letter(reader)
    page = client.get("/inbox").content.decode()
    assert "We have your request" in page
    assert "1 unread" in page
    opened = client.get(f"/inbox/{letter.pk}").content.decode()
    assert 'href="http://127.0.0.1/requests/1"' in opened
    letter.refresh_from_db()
    assert letter.read_at is not None
    assert "unread" not in client.get("/inbox").content.decode()


def test_nobody_reads_anothers_letter(client, reader):
    letter = make_letter(make_user())
    assert client.get(f"/inbox/{letter.pk}").status_code == 404
    assert "We have your request" not in client.get("/inbox").content.decode()
    letter.refresh_from_db()
    assert letter.read_at is None


def test_a_letter_that_waits_is_not_there_yet(client, reader):
    letter = make_letter(reader)
    OutboxMessage.objects.filter(pk=letter.pk).update(due_at=timezone.now().replace(year=2099))
    assert client.get(f"/inbox/{letter.pk}").status_code == 404


def test_a_secret_is_listed_in_the_demo_alone(client, reader, settings):
    letter = make_letter(reader, is_secret=True, subject="Confirm your address")
    settings.DEMO = False
    assert client.get(f"/inbox/{letter.pk}").status_code == 404
    settings.DEMO = True
    assert client.get(f"/inbox/{letter.pk}").status_code == 200


def test_the_demo_shows_every_mail_to_whoever_looks(client, settings):
    make_letter(make_user(), is_secret=True, subject="Confirm your address")
    settings.DEMO = True
    page = client.get("/demo/mail").content.decode()
    assert "Confirm your address" in page
    assert 'href="http://127.0.0.1/requests/1"' in page
    assert "Mail of this demo" in client.get("/").content.decode()


def test_elsewhere_there_is_no_such_page(client, settings):
    settings.DEMO = False
    client.force_login(make_user(superuser=True))
    assert client.get("/demo/mail").status_code == 404
    assert "Mail of this demo" not in client.get("/").content.decode()


def test_what_a_letter_says_is_text(client, reader):
    letter = make_letter(reader, text="<script>alert(1)</script>", subject="<b>Hello</b>")
    page = client.get(f"/inbox/{letter.pk}").content.decode()
    assert "<script>alert" not in page
    assert "<b>Hello" not in page


def test_broken_lines_run_on_but_addresses_stand_alone():
    text = "One line\nbroken for mail.\n\nSee your request:\nhttp://x.example/1\n\nBye"
    assert paragraphs(text) == [
        "One line broken for mail.",
        "See your request:\nhttp://x.example/1",
        "Bye",
    ]
