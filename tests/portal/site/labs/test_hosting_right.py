"""Every door asks by what right weights are hosted, and asks again under another licence."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from portal.accounts.models import Scope
from portal.audit.models import AuditEvent
from portal.catalog.models import HostingRight
from portal.catalog.services.licences import publish_licence_version
from portal.catalog.services.repos import configure_repo
from tests.factories.accounts import LONG_AGO, make_lab, make_user
from tests.factories.catalog import make_repo
from tests.pages import as_shown
from tests.portal.api.api_calls import by_token
from tests.portal.hub.desk import file_line, make_desk
from tests.portal.site.labs.test_model_settings import errors_of, form_of

pytestmark = pytest.mark.django_db
PAGE, CONSENT = "/lab/opt/settings", "The author, by letter of 1 March, kept by the library."
UNSAID = "Nobody has stated it under the licence above."
QUESTION = "By what right are these weights hosted?"


@pytest.fixture
def publisher():
    return make_user("ada")


@pytest.fixture
def repo(publisher):
    return make_repo("opt", namespace=make_lab("lab", publisher=publisher))


@pytest.fixture
def page(client, publisher, repo):
    client.force_login(publisher)
    return client


def statements() -> list:
    events = AuditEvent.objects.filter(type="hosting.stated").order_by("sequence")
    return [event.data["statement"] for event in events]


def set_by_command(*arguments: str, name: str = "lab/opt", person: str = "ada") -> str:
    output = io.StringIO()
    call_command("model", "set", name, "--as", person, *arguments, stdout=output)
    return output.getvalue()


def choose_another_licence(repo, publisher):
    version = publish_licence_version(
        actor=make_user(superuser=True),
        slug="another",
        name="Another licence",
        version="1.0",
        text="You may read it.",
        attribution="Read under Another licence.",
        now=LONG_AGO,
    )
    configure_repo(actor=publisher, repo_id=repo.pk, licence=version.licence, now=LONG_AGO)


def test_the_page_asks_until_it_is_stated_and_anew_under_another_licence(page, repo, publisher):
    assert UNSAID in as_shown(page.get(PAGE).text)
    saved = page.post(PAGE, form_of(page, PAGE) | {"licensor": "on"}, follow=True)
    assert "Saved: right to host." in as_shown(saved.text)
    assert "I am the licensor." in as_shown(saved.text)
    assert UNSAID not in as_shown(saved.text)
    event = AuditEvent.objects.get(type="hosting.stated")
    assert (event.actor, event.data["licence"]) == (publisher, repo.licence.slug)
    page.post(PAGE, form_of(page, PAGE) | {"licensor": "on"})
    assert len(statements()) == 1  # the same again changes nothing
    choose_another_licence(repo, publisher)
    assert UNSAID in as_shown(page.get(PAGE).text)
    page.post(PAGE, form_of(page, PAGE) | {"consent": CONSENT})
    assert CONSENT in as_shown(page.get(PAGE).text)
    assert statements() == [{"by": "licensor"}, {"by": "consent", "consent": CONSENT}]


def test_both_at_once_are_refused_and_nothing_is_saved(page, repo):
    both = {"licensor": "on", "consent": CONSENT, "summary": "Another one."}
    assert set(errors_of(page.post(PAGE, form_of(page, PAGE) | both))) == {"consent"}
    repo.refresh_from_db()
    assert repo.summary != "Another one."
    assert not HostingRight.objects.exists()


def test_the_api_and_the_command_take_it_too(repo, publisher):
    api = by_token(publisher, Scope.PUBLISH)
    assert api.get("models/lab/opt/settings").json()["hosting_right"] is None
    refused = api.patch("models/lab/opt/settings", consent=" ")
    assert (refused.status_code, set(refused.json()["error"]["fields"])) == (400, {"consent"})
    right = api.patch("models/lab/opt/settings", consent=CONSENT).json()["hosting_right"]
    assert (right["person"], right["consent"], right["holds"]) == ("ada", CONSENT, True)
    assert "is stated" in set_by_command("--licensor")
    with pytest.raises(CommandError, match="one of both"):
        set_by_command("--licensor", "--consent", CONSENT)
    choose_another_licence(repo, publisher)
    right = api.get("models/lab/opt/settings").json()["hosting_right"]
    assert (right["consent"], right["holds"]) == ("", False)


def test_a_commit_with_weights_is_answered_with_the_question(client):
    desk = make_desk(client)
    weights = [file_line("model.safetensors", b"garbage")]
    assert QUESTION not in desk.commit(file_line("README.md", b"# A model\n")).headers.get(
        "X-HF-Warning", ""
    )
    assert QUESTION in desk.commit(*weights)["X-HF-Warning"]
    call_command(
        "model",
        "set",
        desk.name,
        "--as",
        desk.publisher.username,
        "--licensor",
        stdout=io.StringIO(),
    )
    again = desk.commit(file_line("model.safetensors", b"other garbage"))
    assert QUESTION not in again["X-HF-Warning"]
