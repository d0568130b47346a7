"""Labs by the API: made, staffed, and published in, without anybody touching a shell."""

from __future__ import annotations

import pytest

from portal.accounts.models import Namespace
from portal.audit.models import AuditEvent
from portal.catalog.models import ModelRepo
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_request
from tests.factories.accounts import make_lab, make_token, make_user
from tests.factories.catalog import make_repo
from tests.factories.grants import make_administrator
from tests.portal.access.people.test_invitations import EMAIL, colleague, newest_link
from tests.portal.api.api_calls import by_token, fields_of, in_session

pytestmark = pytest.mark.django_db


def test_an_operator_makes_a_lab_and_its_invited_publisher_a_repo(client):
    """Nobody touches a shell between a new operator and the first repo by the Hub's own API."""
    api = by_token(make_user(superuser=True), "admin")
    assert api.post("labs", name="deep-lab", title="Deep Lab").status_code == 201
    invited = api.post("labs/deep-lab/people", person=EMAIL, role="publisher").json()
    assert (invited["person"], invited["invitation"]["email"]) == (None, EMAIL)
    person = colleague()
    client.force_login(person)
    assert client.post(newest_link())["Location"] == "/labs/deep-lab"
    _, secret = make_token(person, "publish")
    made = client.post(
        "/api/repos/create",
        {"type": "model", "name": "opt-1", "organization": "deep-lab"},
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert made.status_code == 200, made.text
    assert ModelRepo.objects.named("deep-lab/opt-1").exists()


def test_a_taken_or_unfit_name_is_named():
    api = by_token(make_user(superuser=True), "admin")
    make_lab("deep-lab")
    assert fields_of(api.post("labs", name="Deep-Lab", title="Deep Lab")) == {"name"}
    assert fields_of(api.post("labs", name="queue", title="Deep Lab")) == {"name"}
    assert fields_of(api.post("labs", name="lab-2")) == {"title"}


def test_roles_are_given_listed_and_taken():
    publisher, person = make_user(), make_user()
    lab = make_lab(publisher=publisher)
    api, path = by_token(publisher, "admin"), f"labs/{lab.name}/people"
    given = api.post(path, person=person.username, role="administrator").json()
    assert (given["person"]["username"], given["is_new"]) == (person.username, True)
    again = api.post(path, person=person.username, role="administrator").json()
    assert again["is_new"] is False
    rows = {row["person"]["username"]: row["roles"] for row in api.get(path).json()["results"]}
    assert rows[person.username] == ["administrator"]
    assert rows[publisher.username] == ["publisher"]
    assert api.delete(f"{path}/{person.username}/administrator").status_code == 204
    assert api.delete(f"{path}/{person.username}/administrator").status_code == 204
    assert fields_of(api.delete(f"{path}/nobody-here/reviewer")) == {"username"}
    assert fields_of(api.delete(f"{path}/{person.username}/king")) == {"role"}
    assert fields_of(api.post(path, person="nobody-here", role="publisher")) == {"person"}
    assert AuditEvent.objects.filter(type="namespace.seat_taken").count() == 1


def test_invitations_are_listed_sent_again_and_withdrawn():
    publisher = make_user()
    lab = make_lab(publisher=publisher)
    api, path = by_token(publisher, "admin"), f"labs/{lab.name}/invitations"
    api.post(f"labs/{lab.name}/people", person=EMAIL, role="reviewer")
    (row,) = api.get(path).json()["results"]
    assert (row["email"], row["role"], row["bounced"]) == (EMAIL, "reviewer", "")
    assert api.post(f"{path}/{row['id']}/again").status_code == 200
    assert api.delete(f"{path}/{row['id']}").status_code == 204
    assert api.get(path).json()["count"] == 0
    assert api.delete(f"{path}/{row['id']}").status_code == 404


def test_a_token_for_some_models_changes_no_lab():
    repo = make_repo()
    publisher = repo.namespace.roles.exclude(user__is_superuser=True).get().user
    api = by_token(publisher, "admin", repo_ids=[repo.pk])
    assert api.get(f"labs/{repo.namespace.name}").status_code == 403


def test_the_last_operator_keeps_the_role():
    operator, person = make_user(superuser=True), make_user()
    api = in_session(operator)
    message = fields_of(api.delete(f"operators/{operator.username}"))
    assert message == {"username"}
    assert api.post("operators", person=person.username).status_code == 200
    assert api.get("operators").json()["count"] == 2
    assert api.delete(f"operators/{operator.username}").status_code == 204
    operator.refresh_from_db()
    assert not operator.is_superuser
    assert AuditEvent.objects.filter(type="operator.role_taken").count() == 1
    assert not Namespace.objects.publishable_by(operator).exists()


def test_a_guest_is_invited_to_one_case_and_removed():
    repo, person = make_repo(), make_user()
    case = make_request(repo)
    api, path = by_token(make_administrator(repo), "review"), f"queue/{case.pk}/guests"
    assert api.post(path, person=person.username).json()["person"]["username"] == person.username
    assert api.get(path).json()["count"] == 1
    guest = in_session(person)
    assert guest.get(f"queue/{case.pk}").status_code == 200
    assert api.delete(f"{path}/{person.username}").status_code == 204
    assert guest.get(f"queue/{case.pk}").status_code == 404


def test_a_team_is_invited_by_mail():
    repo = make_repo()
    api, path = by_token(make_administrator(repo), "admin"), f"models/{repo.full_name}/invitations"
    assert api.post(path, person=EMAIL, role="reviewer").json()["invitation"]["email"] == EMAIL
    assert api.get(path).json()["count"] == 1
    assert OutboxMessage.objects.filter(kind="role_invitation").exists()
