"""A repo under another name, and a repo taken away: what was granted and recorded stays."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from portal.access.models import Grant
from portal.accounts.services import let_publish
from portal.audit.models import AuditEvent
from portal.catalog.models import ModelRepo, Revision
from tests.factories.access import make_grant
from tests.factories.accounts import make_lab, make_token, make_user
from tests.portal.hub.desk import file_line
from tests.portal.world import bearer


def move(desk, to, start=None):
    content = {"fromRepo": start or desk.name, "toRepo": to, "type": "model"}
    return desk.call("post", "/api/repos/move", content)


def delete(desk, name="fresh"):
    content = {"name": name, "organization": desk.lab.name, "type": "model"}
    return desk.call("delete", "/api/repos/delete", content)


@pytest.fixture
def granted(licensed):
    """Make a gated repo with a grant, and the licensee's token."""
    licensed.commit(file_line("settings.json", b"{}"))
    licensed.api("put", "settings", {"gated": "manual", "visibility": "public"})
    grant = make_grant(licensed.repo, now=timezone.now())
    _, secret = make_token(grant.person, now=timezone.now())
    return licensed, bearer(secret)


def test_the_old_name_leads_to_the_new_one(desk, settings):
    old, new = desk.name, f"{desk.lab.name}/renamed"
    assert move(desk, new).status_code == 200
    for path in (
        f"/api/models/{old}",
        f"/api/models/{old}/tree/main?recursive=true",
        f"/{old}/resolve/main/.gitattributes",
        f"/{old}.git/info/lfs/objects/batch",
    ):
        method = "post" if path.endswith("batch") else "get"
        response = desk.call(method, path)
        assert response.status_code == 307
        assert response["Location"] == settings.BASE_URL + path.replace(old, new)
    assert desk.call("get", f"/api/models/{new}").status_code == 200
    assert AuditEvent.objects.order_by("-sequence").first().data["moved_from"] == old


def test_a_page_leads_there_too(desk, client):
    type(desk.repo).objects.filter(pk=desk.repo.pk).update(private=False)
    move(desk, f"{desk.lab.name}/renamed")
    response = client.get(f"/{desk.lab.name}/fresh")
    assert response.status_code == 307
    assert urlsplit(response["Location"]).path == f"/{desk.lab.name}/renamed"


def test_a_stranger_learns_nothing_of_a_private_one(desk):
    move(desk, f"{desk.lab.name}/renamed")
    _, secret = make_token(make_user(), now=timezone.now())
    response = desk.call("get", f"/api/models/{desk.name}", secret=secret)
    assert response.status_code == 404


def give_up(desk, name, secret=None):
    return desk.call("delete", f"/api/v1/former-names/{name}/", secret=secret)


@pytest.mark.parametrize("spelt", ["fresh", "FRESH"])
def test_no_new_repo_takes_the_old_name_while_it_leads_somewhere(desk, settings, spelt):
    new = f"{desk.lab.name}/renamed"
    move(desk, new)
    answer = desk.create(spelt)
    assert answer.status_code == 409
    assert answer.json()["url"] == f"{settings.BASE_URL}/{new}"
    assert f"is called {new} now" in answer["X-Error-Message"]
    desk.create("second")
    moved = move(desk, f"{desk.lab.name}/{spelt}", start=f"{desk.lab.name}/second")
    assert moved.status_code == 409
    assert desk.call("get", f"/api/models/{desk.name}").status_code == 307


def test_giving_the_old_name_up_is_an_act_of_its_own(desk):
    moved = desk.repo.pk
    move(desk, f"{desk.lab.name}/renamed")
    assert give_up(desk, desk.name.upper()).status_code == 204
    event = AuditEvent.objects.order_by("-sequence").first()
    assert (event.type, event.data["name"]) == ("repo.name_given_up", desk.name)
    assert desk.call("get", f"/api/models/{desk.name}").status_code == 404
    assert desk.create("fresh").status_code == 200
    assert desk.repo.pk != moved
    assert give_up(desk, desk.name).status_code == 404


def test_only_who_may_publish_there_gives_a_name_up(desk):
    move(desk, f"{desk.lab.name}/renamed")
    for user in (make_user(), make_publisher_of("foreign-lab")):
        _, secret = make_token(user, now=timezone.now())
        assert give_up(desk, desk.name, secret).status_code == 403
    _, single = make_token(desk.publisher, now=timezone.now(), repo_ids=[1])
    assert give_up(desk, desk.name, single).status_code == 403
    assert give_up(desk, "none/x").status_code == 404
    assert desk.call("get", f"/api/models/{desk.name}").status_code == 307


def make_publisher_of(lab):
    publisher = make_user()
    make_lab(lab, publisher=publisher)
    return publisher


def test_who_may_not_know_where_a_name_leads_is_not_told(desk):
    """Moved to where only its new lab sees it; the old lab can still free the name."""
    both = make_publisher_of("new-lab")
    let_publish(actor=make_user(superuser=True), namespace=desk.lab, user=both, now=timezone.now())
    _, secret = make_token(both, now=timezone.now())
    content = {"fromRepo": desk.name, "toRepo": "new-lab/secret", "type": "model"}
    assert desk.call("post", "/api/repos/move", content, secret=secret).status_code == 200
    answer = desk.create("fresh")
    assert answer.status_code == 409
    assert "secret" not in answer.content.decode()
    assert give_up(desk, desk.name).status_code == 204
    assert desk.create("fresh").status_code == 200


def test_what_was_sent_to_the_old_name_arrives_at_the_new_one(desk):
    """Clients make the repo first, go on from a 409, and follow each redirect."""
    move(desk, f"{desk.lab.name}/renamed")
    line = {"key": "header", "value": {"summary": "x"}}
    answer = desk.client.post(
        f"/api/models/{desk.name}/commit/main",
        "".join(json.dumps(sent) + "\n" for sent in (line, file_line("a.txt", b"1"))),
        content_type="application/x-ndjson",
        headers=bearer(desk.secret),
        follow=True,
    )
    assert answer.status_code == 200
    assert ModelRepo.objects.get().revisions.filter(files__path="a.txt").exists()


def test_back_and_forth(desk):
    old, new = desk.name, f"{desk.lab.name}/renamed"
    assert move(desk, new).status_code == 200
    assert move(desk, old, start=new).status_code == 200
    assert desk.call("get", f"/api/models/{old}").status_code == 200
    assert desk.call("get", f"/api/models/{new}").status_code == 307
    assert move(desk, old.upper().replace(desk.lab.name.upper(), desk.lab.name)).status_code == 200


def test_a_grant_goes_along(granted):
    desk, licensee = granted
    move(desk, f"{desk.lab.name}/renamed")
    response = desk.client.head(
        f"/{desk.lab.name}/renamed/resolve/main/settings.json", headers=licensee
    )
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("to", "status"),
    [("LAB/taken", 409), ("LAB/a--b", 400), ("LAB", 400), ("foreign-lab/x", 403), ("none/x", 404)],
)
def test_where_it_cannot_go(desk, to, status):
    make_lab("foreign-lab")
    desk.create("taken")
    assert move(desk, to.replace("LAB", desk.lab.name)).status_code == status
    assert desk.repo.name == "fresh"


def test_a_deleted_repo_is_gone_for_everybody(granted):
    desk, licensee = granted
    assert delete(desk).status_code == 200
    for headers in (licensee, bearer(desk.secret)):
        for path in (f"/api/models/{desk.name}", f"/{desk.name}/resolve/main/settings.json"):
            response = desk.client.get(path, headers=headers)
            assert response.status_code == 404
            assert response["X-Error-Code"] == "RepoNotFound"
    assert desk.commit(file_line("a", b"1")).status_code == 404
    assert delete(desk).status_code == 404
    assert desk.call("get", f"/api/models?author={desk.lab.name}").json() == []


def test_its_records_stay(granted):
    desk, _ = granted
    repo, revisions = desk.repo, Revision.objects.count()
    delete(desk)
    assert Revision.objects.count() == revisions
    grant = Grant.objects.get(repo=repo)
    desk.client.force_login(desk.publisher)
    assert desk.client.get(f"/grants/{grant.pk}").status_code == 200
    assert AuditEvent.objects.order_by("-sequence").first().type == "repo.deleted"


def test_its_name_is_free(granted):
    desk, licensee = granted
    delete(desk)
    assert desk.create("fresh").status_code == 200
    assert ModelRepo.objects.filter(name="fresh").count() == 2
    assert desk.client.get(f"/api/models/{desk.name}", headers=licensee).status_code == 404


def test_what_is_served_stays_where_it_is(desk):
    type(desk.repo).objects.filter(pk=desk.repo.pk).update(hosted=True)
    for response in (delete(desk), move(desk, f"{desk.lab.name}/renamed")):
        assert response.status_code == 409
        assert "hosted inference" in response["X-Error-Message"]


def test_others_may_not(desk):
    type(desk.repo).objects.filter(pk=desk.repo.pk).update(private=False)
    _, desk.secret = make_token(make_user(), now=timezone.now())
    assert delete(desk).status_code == 403
    assert move(desk, f"{desk.lab.name}/renamed").status_code == 403
    desk.secret = ""
    assert delete(desk).status_code == 401
