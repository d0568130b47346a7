"""A commit by any door that needs its publisher's consent is nobody else's before that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils import timezone

from portal.accounts.models import Scope
from portal.audit.models import AuditEvent
from portal.catalog.models import ModelRepo, Revision, RevisionCheck
from portal.catalog.quarantine.checking import run_next
from portal.catalog.services.repos import configure_repo
from tests.factories.accounts import make_token, make_user
from tests.factories.catalog import make_folder, make_licence, make_reviewer, other_weights
from tests.pages import as_shown
from tests.portal.hub.desk import Desk, delete_line, file_line, make_desk
from tests.portal.hub.publishing.test_api_uploads import bring
from tests.portal.hub.publishing.test_api_uploads import commit as commit_by_api
from tests.portal.world import bearer

pytestmark = pytest.mark.django_db
QUESTION = "By what right are these weights hosted?"
LETTER = "The author, by letter of 1 March, kept by the library."


@pytest.fixture
def desk(client) -> Desk:
    """Return a publisher with a public model, which others see."""
    desk = make_desk(client, repo=False)
    desk.name = desk.create(private=False, visibility="public").json()["id"]
    return desk


@pytest.fixture
def whole(tmp_path) -> dict[str, bytes]:
    """Return the files of a model that is whole, and that the engine doesn't load."""
    folder = make_folder(tmp_path / "in", **{"config.json": json.dumps({"model_type": "other"})})
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def commit(desk: Desk, files: dict[str, bytes], *more: dict[str, Any]) -> Any:
    return desk.commit(*(file_line(path, content) for path, content in files.items()), *more)


def check_of(desk: Desk, commit_id: str) -> RevisionCheck:
    return RevisionCheck.objects.get(revision__commit=commit_id)


def agree(desk: Desk, *, revision: str = "main", secret: str | None = None, **consent: Any) -> Any:
    url = f"/api/v1/models/{desk.name}/revisions/{revision}/check/"
    return desk.call("post", url, consent, secret=secret)


def page_of(desk: Desk, commit_id: str) -> str:
    return f"/{desk.name}/consent/{commit_id}"


def events(kind: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(type=kind).order_by("sequence"))


def require_unseen(desk: Desk, commit_id: str) -> None:
    """Assert that others find the commit at no address."""
    desk.client.logout()
    for secret in ("", make_token(make_user(), now=timezone.now())[1]):
        headers = bearer(secret) if secret else {}
        for path in (
            f"/api/models/{desk.name}/revision/{commit_id}",
            f"/{desk.name}/resolve/{commit_id}/config.json",
            f"/{desk.name}/commit/{commit_id}",
        ):
            assert desk.client.get(path, headers=headers).status_code == 404, path
    assert commit_id != desk.shown.commit


@pytest.fixture
def waiting(desk, whole) -> str:
    """Commit the whole by the Hub's protocol, without a word of the right; return the commit."""
    return commit(desk, whole).json()["commitOid"]


@pytest.fixture
def stated(desk, whole) -> Desk:
    """Return a desk whose model everybody sees."""
    commit(desk, whole)
    assert agree(desk, licensor=True).json()["state"] == "passed"
    return desk


def test_a_commit_gets_its_id_and_a_warning_that_names_the_page(desk, whole):
    answer = commit(desk, whole)
    made = answer.json()["commitOid"]
    warning = answer["X-HF-Warning"]
    assert QUESTION in warning
    assert page_of(desk, made) in warning
    check = check_of(desk, made)
    assert (check.state, check.problems, check.missing) == ("consent", [], [])
    require_unseen(desk, made)
    assert desk.api("get", "revision/main").json()["sha"] == made
    event = events("revision.held_back")[-1]
    assert (event.data["state"], QUESTION in event.data["reasons"][0]) == ("consent", True)


def test_its_publisher_reads_the_words_and_agrees_on_the_page(desk, waiting):
    desk.client.force_login(desk.publisher)
    model = as_shown(desk.client.get(f"/{desk.name}").text)
    assert "This revision waits for a publisher’s consent." in model
    assert page_of(desk, waiting) in desk.client.get(f"/{desk.name}").text
    listed = desk.client.get(f"/labs/{desk.lab.name}/models").text
    assert "Newest: waits for consent" in listed
    page = as_shown(desk.client.get(page_of(desk, waiting)).text)
    assert "I state: I am the licensor of these weights" in page
    assert "Other terms" not in page
    refused = desk.client.post(page_of(desk, waiting), {})
    assert refused.status_code == 422
    assert "State that you are the licensor, or who has consented." in as_shown(refused.text)
    both = desk.client.post(page_of(desk, waiting), {"licensor": "on", "consent": LETTER})
    assert both.status_code == 422
    assert desk.shown.commit != waiting
    done = desk.client.post(page_of(desk, waiting), {"consent": LETTER}, follow=True)
    assert "Everybody sees this revision now." in as_shown(done.text)
    assert desk.shown.commit == waiting
    (event,) = events("hosting.stated")
    assert (event.actor, event.data["statement"]["consent"]) == (desk.publisher, LETTER)
    published = events("revision.published")[-1]
    assert published.actor == desk.publisher
    assert published.data["load_check"]["result"] == "read"
    again = desk.client.get(page_of(desk, waiting), follow=True)
    assert "Nothing is asked of you." in as_shown(again.text)


def test_nobody_but_a_publisher_reads_or_gives_it(desk, waiting):
    operator = make_user(superuser=True)
    reviewer = make_reviewer(ModelRepo.objects.get(pk=desk.repo.pk))
    for person in (make_user(), reviewer):
        desk.client.force_login(person)
        for call in (desk.client.get, desk.client.post):
            assert call(page_of(desk, waiting), {"licensor": "on"}).status_code == 403
        _, secret = make_token(person, now=timezone.now())
        assert agree(desk, secret=secret, licensor=True).status_code in {403, 404}
    desk.client.logout()
    assert "/login" in desk.client.get(page_of(desk, waiting))["Location"]
    assert agree(desk, secret="wg_nothing", licensor=True).status_code == 401
    _, reading = make_token(desk.publisher, Scope.DOWNLOAD, now=timezone.now())
    assert agree(desk, secret=reading, licensor=True).status_code == 403
    assert check_of(desk, waiting).state == "consent"
    assert not events("hosting.stated")
    desk.client.force_login(operator)
    assert desk.client.get(page_of(desk, waiting)).status_code == 200


def test_the_check_of_the_api_says_what_is_asked_and_takes_it(desk, waiting):
    url = f"/api/v1/models/{desk.name}/revisions/main/check/"
    body = desk.call("get", url).json()
    assert (body["state"], body["problems"]) == ("consent", [])
    assert QUESTION in body["questions"][0]
    assert agree(desk).json()["state"] == "consent"  # checked again, and nothing agreed to
    both = agree(desk, licensor=True, consent=LETTER)
    assert (both.status_code, set(both.json()["error"]["fields"])) == (400, {"consent"})
    assert set(agree(desk, agreed=True).json()["error"]["fields"]) == {"agreed"}
    body = agree(desk, consent=LETTER).json()
    assert (body["state"], body["questions"]) == ("passed", [])
    assert desk.shown.commit == waiting
    assert agree(desk, licensor=True).json()["state"] == "passed"


def test_a_commit_by_the_api_brings_it_along(desk, whole):
    brought = [(path, bring(desk, path, content)) for path, content in whole.items()]
    made = commit_by_api(desk, *brought).json()
    assert QUESTION in made["quarantine"]
    assert page_of(desk, made["commit"]) in made["quarantine"]
    require_unseen(desk, made["commit"])
    refused = commit_by_api(desk, title="Both", licensor=True, consent=LETTER)
    assert set(refused.json()["error"]["fields"]) == {"consent"}
    notes = ("notes.txt", bring(desk, "notes.txt", b"Notes."))
    made = commit_by_api(desk, notes, licensor=True).json()
    assert made["quarantine"] == ""
    assert desk.shown.commit == made["commit"]


def test_the_upload_page_asks_until_it_is_stated(desk, waiting):
    desk.client.force_login(desk.publisher)
    url = f"/{desk.name}/upload"
    assert "I am the licensor" in as_shown(desk.client.get(url).text)
    agree(desk, licensor=True)
    assert "I am the licensor" not in as_shown(desk.client.get(url).text)


def test_stating_it_in_the_settings_releases_what_waited(desk, waiting):
    url = f"/api/v1/models/{desk.name}/settings/"
    assert desk.call("patch", url, {"licensor": True}).status_code == 200
    assert desk.shown.commit == waiting


def test_what_stands_is_not_asked_again(stated):
    for files in ({"README.md": b"---\nlicense: other\n---\n# More\n"}, other_weights()):
        answer = commit(stated, files)
        assert "X-HF-Warning" not in answer
        assert stated.shown.commit == answer.json()["commitOid"]
    assert len(events("hosting.stated")) == 1


def test_another_licence_asks_for_new_weights_and_not_for_a_card(stated):
    licence = make_licence().licence
    configure_repo(
        actor=stated.publisher, repo_id=stated.repo.pk, licence=licence, now=timezone.now()
    )
    card = commit(stated, {"README.md": b"---\nlicense: other\n---\n# More\n"})
    assert "X-HF-Warning" not in card
    made = commit(stated, other_weights()).json()["commitOid"]
    assert check_of(stated, made).state == "consent"
    assert agree(stated, licensor=True).json()["state"] == "passed"


def test_changed_terms_wait_and_say_what_changes(stated):
    card = b"---\nlicense: mit\n---\n# A model\n"
    answer = commit(stated, {"LICENSE": b"You may sell it.\n", "README.md": card})
    made = answer.json()["commitOid"]
    for words in ("LICENSE is another text", "license in README.md was"):
        assert words in answer["X-HF-Warning"]
    require_unseen(stated, made)
    assert agree(stated, licensor=True).json()["state"] == "consent"
    stated.client.force_login(stated.publisher)
    page = as_shown(stated.client.get(page_of(stated, made)).text)
    assert "license in README.md was “other” and is “mit”" in page
    assert "By what right" not in page
    assert stated.client.post(page_of(stated, made), {}).status_code == 422
    stated.client.post(page_of(stated, made), {"changed_terms": "on"})
    assert stated.shown.commit == made
    (event,) = events("revision.terms_agreed")
    assert (event.actor, event.data["commit"], len(event.data["changes"])) == (
        stated.publisher,
        made,
        2,
    )
    later = commit(stated, {"notes.txt": b"Notes."})
    assert "X-HF-Warning" not in later
    assert agree(stated, changed_terms=True).json()["state"] == "passed"
    assert len(events("revision.terms_agreed")) == 1


def test_terms_that_are_first_stated_change_nothing(desk, whole):
    commit(desk, {"README.md": whole["README.md"]})
    assert agree(desk, licensor=True).json()["state"] == "passed"
    answer = commit(desk, whole)
    assert "X-HF-Warning" not in answer


def test_a_text_of_ones_own_in_place_of_the_signed_one_is_asked_about(desk, whole):
    now = timezone.now()
    configure_repo(
        actor=desk.publisher, repo_id=desk.repo.pk, licence=make_licence().licence, now=now
    )
    rest = {path: content for path, content in whole.items() if path != "LICENSE"}
    commit(desk, rest)
    assert agree(desk, licensor=True).json()["state"] == "passed"
    answer = commit(desk, {"LICENSE": b"Mine.\n"})
    assert "no longer the text that people sign" in answer["X-HF-Warning"]
    assert agree(desk, changed_terms=True).json()["state"] == "passed"
    back = desk.commit(delete_line("LICENSE"))
    assert "X-HF-Warning" not in back


def test_what_was_agreed_to_early_holds_for_the_commits_after_it(stated, whole):
    card = b"---\nlicense: mit\n---\n# A model\n"
    broken = commit(stated, {"README.md": card, "config.json": b"{"}).json()["commitOid"]
    assert check_of(stated, broken).state == "failed"
    assert agree(stated, changed_terms=True).json()["state"] == "failed"
    mended = commit(stated, {"config.json": whole["config.json"]})
    assert "X-HF-Warning" not in mended
    assert stated.shown.commit == mended.json()["commitOid"]


def test_a_worker_lets_it_wait_as_well(desk, whole, settings):
    settings.CHECK_IN_REQUEST_BYTES = -1
    made = commit(desk, whole).json()["commitOid"]
    assert run_next(timezone.now)
    assert check_of(desk, made).state == "consent"
    assert not run_next(timezone.now)
    assert agree(desk, licensor=True).json()["state"] == "passed"  # nothing is read again
    assert desk.shown.commit == made


def test_a_copy_carries_what_was_stated(stated):
    url = f"/api/models/{stated.name}/duplicate"
    copied = {"repository": f"{stated.lab.name}/copy", "private": False}
    assert stated.call("post", url, copied).status_code == 200
    copy = ModelRepo.objects.get(name="copy")
    assert Revision.objects.filter(repo=copy).count() == 2
    assert copy.hosting_right.person == stated.publisher
    stated.repo.hosting_right.delete()
    assert stated.call("post", url, copied | {"repository": f"{stated.lab.name}/unsaid"})
    assert RevisionCheck.objects.get(revision__repo__name="unsaid").state == "consent"
