"""Letters are their recipient's alone; the demo shows every mail, and only the demo."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.access.letters.requests import send_question
from portal.access.models import Question
from portal.outbox.models import OutboxMessage
from portal.outbox.services import queue_mail
from portal.site.letters import paragraphs
from tests.factories.access import make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer

pytestmark = pytest.mark.django_db
AT = timezone.localtime()


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


def test_who_only_looks_ahead_has_read_nothing(client, reader):
    letter = make_letter(reader)
    client.get(f"/inbox/{letter.pk}", headers={"Sec-Purpose": "prefetch"})
    client.head(f"/inbox/{letter.pk}")
    letter.refresh_from_db()
    assert letter.read_at is None


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


@pytest.mark.parametrize(
    ("state", "columns", "says"),
    [
        (
            "queued",
            {"due_at": (AT + timedelta(days=2)).replace(hour=9, minute=5)},
            "Leaves at 09:05\xa0UTC on",
        ),
        ("queued", {"due_at": AT - timedelta(seconds=1)}, "On its way"),
        ("cancelled", {"cancelled_at": AT}, "Cancelled, never sent"),
        ("failed", {"attempts": 9}, "Could not be sent"),
    ],
)
def test_the_demo_marks_what_has_not_been_sent(client, settings, state, columns, says):
    settings.DEMO = True
    settle(make_letter(make_user()), state, **columns)
    assert says in client.get("/demo/mail").text


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
    assert paragraphs(OutboxMessage(text=text)) == [
        "One line broken for mail.",
        "See your request:\nhttp://x.example/1",
        "Bye",
    ]


def test_the_lines_that_somebody_wrote_stay_lines(now):
    case = make_request(make_repo(), now=now)
    sentence = "Which corpora will you use, and where do they come from? " * 3
    lines = f"{sentence.strip()}\n1. In training\n2. In evaluation"
    send_question(case, Question(pk=7, request=case, text=lines, undo_until=now), now=now)
    assert lines in paragraphs(OutboxMessage.objects.get(kind="question"))


def test_the_newest_is_what_arrived_last(client, reader, now):
    """A letter waits while a decision can be undone; another overtakes it."""
    waited, overtook = (
        make_letter(reader, subject="Waited"),
        make_letter(reader, subject="Overtook"),
    )
    settle(waited, "sent", due_at=now, sent_at=now)
    settle(overtook, "sent", due_at=now - timedelta(minutes=10), sent_at=now)
    page = client.get("/inbox").text
    assert page.index("Waited") < page.index("Overtook")


def settle(letter, state, **columns):
    OutboxMessage.objects.filter(pk=letter.pk).update(state=state, **columns)


@pytest.mark.parametrize(
    ("state", "columns", "says"),
    [
        ("sent", {"sent_at": timezone.now()}, "Sent"),
        ("bounced", {"last_error": "550 No such user"}, "550 No such user"),
        ("failed", {}, "Not delivered"),
        ("queued", {"attempts": 1, "due_at": timezone.now().replace(year=2099)}, "next try"),
        ("cancelled", {"attempts": 1, "cancelled_at": timezone.now()}, "Cancelled"),
    ],
)
def test_each_letter_says_how_far_it_is(client, reader, state, columns, says):
    letter = make_letter(reader)
    settle(letter, state, **columns)
    assert says in client.get("/inbox").text
    assert says in client.get(f"/inbox/{letter.pk}").text


def test_one_that_was_taken_back_in_time_never_was(client, reader):
    letter = make_letter(reader)
    settle(letter, "cancelled", cancelled_at=timezone.now())
    assert "We have your request" not in client.get("/inbox").text
    assert client.get(f"/inbox/{letter.pk}").status_code == 404


def test_a_letter_is_sent_again_from_its_page(client, reader):
    letter = make_letter(reader)
    assert "Send it again" not in client.get(f"/inbox/{letter.pk}").text
    settle(letter, "sent", sent_at=timezone.now())
    assert "Send it again" in client.get(f"/inbox/{letter.pk}").text
    response = client.post(f"/inbox/{letter.pk}/again", follow=True)
    assert f"is being sent again to {reader.email}" in response.text
    for _ in range(2):
        client.post(f"/inbox/{letter.pk}/again")
    response = client.post(f"/inbox/{letter.pk}/again")
    assert response.status_code == 429
    assert "at most 3 times a day" in response.text


def test_the_team_sends_its_letters_again_and_no_other_does(client, now):
    repo = make_repo()
    request = make_request(repo)
    letter = OutboxMessage.objects.get(kind="receipt", recipient=request.applicant)
    settle(letter, "failed")
    client.force_login(make_reviewer(make_repo()))
    assert client.post(f"/inbox/{letter.pk}/again").status_code == 404
    client.force_login(make_reviewer(repo))
    response = client.post(f"/inbox/{letter.pk}/again")
    assert response.url == f"/queue/{request.pk}"
    assert OutboxMessage.objects.filter(recipient=request.applicant).count() == 2


def test_a_page_costs_as_many_queries_for_thirty_letters(client, reader):
    make_letter(reader)
    client.get("/inbox")
    with CaptureQueriesContext(connection) as few:
        client.get("/inbox")
    for number in range(29):
        make_letter(reader, subject=f"Letter {number}")
    with CaptureQueriesContext(connection) as many:
        client.get("/inbox")
    assert len(many) == len(few)
