"""A repo under another name, and a repo taken away: what was granted and recorded stays."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from portal.access.models import Grant
from portal.audit.models import AuditEvent
from portal.catalog.models import ModelRepo, Revision
from tests.factories.access import make_grant
from tests.factories.accounts import make_lab, make_token, make_user
from tests.portal.hub.desk import file_line
from tests.portal.hub.test_repo_settings import licensed  # noqa: F401
from tests.portal.world import bearer


def move(desk, to, start=None):
    content = {"fromRepo": start or desk.name, "toRepo": to, "type": "model"}
    return desk.call("post", "/api/repos/move", content)


def delete(desk, name="fresh"):
    content = {"name": name, "organization": desk.lab.name, "type": "model"}
    return desk.call("delete", "/api/repos/delete", content)


@pytest.fixture
def granted(licensed):  # noqa: F811
    """A gated repo with a grant, and the licensee's token."""
    licensed.commit(file_line("config.json", b"{}"))
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


def test_a_new_repo_under_the_old_name_ends_it(desk):
    moved = desk.repo.pk
    move(desk, f"{desk.lab.name}/renamed")
    assert desk.create("fresh").status_code == 200
    assert desk.repo.pk != moved
    assert desk.api("get", "revision/main").status_code == 200


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
        f"/{desk.lab.name}/renamed/resolve/main/config.json", headers=licensee
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
        for path in (f"/api/models/{desk.name}", f"/{desk.name}/resolve/main/config.json"):
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
