"""A repo made over the Hub’s protocol: private until its publisher says otherwise."""

from __future__ import annotations

import pytest
from django.utils import timezone

from portal.audit.models import AuditEvent
from portal.catalog.models import ModelRepo
from tests.factories.accounts import make_lab, make_token, make_user
from tests.portal.hub.desk import make_desk


def test_it_is_private_and_has_a_first_revision(desk, settings):
    repo = desk.repo
    assert repo.private
    assert desk.head.title == "initial commit"
    assert desk.paths() == [".gitattributes"]
    types = list(AuditEvent.objects.order_by("-sequence").values_list("type", flat=True)[:2])
    assert types == ["revision.published", "repo.created"]


def test_the_answer_says_where_it_is(db, client, settings):
    desk = make_desk(client, repo=False)
    response = desk.create("new", visibility="public")
    assert response.status_code == 200
    assert response.json()["url"] == f"{settings.BASE_URL}/{desk.lab.name}/new"
    repo = ModelRepo.objects.get(name="new")
    assert not repo.private
    assert not repo.is_gated


OLD = "unknown/None; hf_hub/0.36.2; python/3.11.2"
NEW = "hf/2.4.0; hf_hub/2.4.0; python/3.11.2"


@pytest.mark.parametrize(
    ("agent", "said", "private", "warned"),
    [
        (OLD, {"private": False}, True, True),  # said by their command line, asked or not
        (OLD, {"private": None}, True, False),
        (OLD, {"private": True}, True, False),
        (OLD, {"private": False, "visibility": "public"}, False, False),
        (NEW, {}, True, False),
        (NEW, {"private": False}, False, False),
        (NEW, {"visibility": "public"}, False, False),
        ("hf_hub/10.0.1", {"private": False}, False, False),
        ("", {"private": False}, False, False),
    ],
)
@pytest.mark.parametrize("default", ["private", "public"])
def test_nothing_is_public_by_a_clients_default(
    desk, settings, agent, said, private, warned, default
):
    settings.NEW_REPOS = default
    desk.client.defaults["HTTP_USER_AGENT"] = agent
    answer = desk.create("new", **said)
    unsaid = warned or (said.get("private") is None and "visibility" not in said)
    expected = default == "private" if unsaid else private
    assert ModelRepo.objects.get(name="new").private is expected
    warning = answer.headers.get("X-HF-Warning", "")
    assert bool(warning) is (warned and default == "private")
    if warning:
        assert f'update_repo_settings("{desk.lab.name}/new", private=False)' in warning


def test_an_old_client_opens_a_repo_by_saying_so_of_that_repo(desk):
    desk.client.defaults["HTTP_USER_AGENT"] = OLD
    assert desk.api("put", "settings", {"private": False}).json()["private"] is False


def test_without_a_namespace_it_is_made_in_ones_own(desk, client):
    person = make_user()
    make_lab_of(person)
    _, secret = make_token(person, now=timezone.now())
    response = desk.call("post", "/api/repos/create", {"name": "mine"}, secret=secret)
    assert response.json()["id"] == f"{person.username}/mine"


def make_lab_of(person):
    from portal.accounts.services import let_publish

    operator = make_user(superuser=True)
    let_publish(actor=operator, namespace=person.namespace, user=person, now=timezone.now())


@pytest.mark.parametrize("name", ["fresh", "FRESH"])
def test_a_taken_name_is_a_conflict_that_names_the_repo(desk, settings, name):
    response = desk.create(name)
    assert response.status_code == 409
    assert response.json()["url"] == f"{settings.BASE_URL}/{desk.name}"
    assert ModelRepo.objects.count() == 1


@pytest.mark.parametrize("namespace", ["another-lab", "nowhere"])
def test_where_one_may_not_publish(desk, namespace):
    make_lab("another-lab")
    response = desk.create(organization=namespace)
    assert response.status_code == 403
    assert "X-Error-Code" not in response
    assert "Ask the operator" in response["X-Error-Message"]


def test_an_operator_is_sent_to_no_operator(desk):
    """They may publish in each namespace; of one that isn’t there they hear how to make it."""
    operator = make_user(superuser=True)
    _, secret = make_token(operator, now=timezone.now())
    body = {"name": "new", "organization": "nowhere"}
    response = desk.call("post", "/api/repos/create", body, secret=secret)
    assert response.status_code == 403
    assert "manage.py setup --namespace nowhere" in response["X-Error-Message"]
    assert "Ask the operator" not in response["X-Error-Message"]
    for place in ({}, {"organization": desk.lab.name}):
        body = {"name": "new", **place}
        assert desk.call("post", "/api/repos/create", body, secret=secret).status_code == 200


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"name": "a--b"}, "digits, dots, hyphens"),
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"name": "new", "visibility": "protected"}, "visibility"),
        ({"name": "new", "private": "yes"}, "private"),
        ({"name": "new\0"}, "U+0000"),
    ],
)
def test_what_makes_no_sense_is_a_400(desk, content, field):
    response = desk.create(**content)
    assert response.status_code == 400
    assert field in response["X-Error-Message"]
    assert ModelRepo.objects.count() == 1


def test_what_is_no_json_is_a_400(desk, client):
    for body in (b"", b"[]", b"{", b"\xff", b"[" * 100_000):
        response = client.post(
            "/api/repos/create",
            body,
            content_type="application/json",
            headers={"Authorization": f"Bearer {desk.secret}"},
        )
        assert response.status_code == 400


def test_nobody_makes_one_namelessly_or_with_too_narrow_a_token(desk):
    assert desk.call("post", "/api/repos/create", {"name": "x"}, secret="").status_code == 401
    _, narrow = make_token(desk.publisher, "download", now=timezone.now())
    _, single = make_token(desk.publisher, "publish", now=timezone.now(), repo_ids=[desk.repo.pk])
    for secret in (narrow, single):
        response = desk.call("post", "/api/repos/create", {"name": "x"}, secret=secret)
        assert response.status_code == 403
        assert "token" in response["X-Error-Message"]


def test_others_do_not_see_it(desk, client):
    assert client.get(f"/api/models/{desk.name}").status_code == 401
    _, secret = make_token(make_user(), now=timezone.now())
    response = desk.call("get", f"/api/models/{desk.name}", secret=secret)
    assert response.status_code == 404


@pytest.mark.parametrize("field", ["files", "license"])
def test_files_are_committed_afterwards(desk, field):
    """Leaving them out in silence would make a repo that lacks what its maker sent."""
    value = "mit" if field == "license" else [{"path": "a", "encoding": "base64", "content": ""}]
    response = desk.create("with-files", **{field: value})
    assert response.status_code == 400
    assert "afterwards" in response.json()["error"]
