"""Branches and tags are made and taken away; main stays."""

from __future__ import annotations

import pytest

from portal.audit.models import AuditEvent
from tests.portal.hub.desk import file_line


def refs(desk, kind):
    return {ref["name"]: ref["targetCommit"] for ref in desk.api("get", "refs").json()[kind]}


def last_event():
    return AuditEvent.objects.order_by("-sequence").first()


def test_a_branch_begins_where_it_is_told_to(desk):
    first = desk.head.commit
    desk.commit(file_line("a", b"1"))
    assert desk.api("post", "branch/next").status_code == 200
    start = {"startingPoint": first}
    assert desk.api("post", "branch/feature%2Fa", start).status_code == 200
    assert refs(desk, "branches") == {
        "main": desk.head.commit,
        "next": desk.head.commit,
        "feature/a": first,
    }
    assert last_event().type == "branch.created"
    desk.commit(file_line("b", b"1"), revision="feature%2Fa")
    assert desk.head.commit != refs(desk, "branches")["feature/a"] != first


def test_a_branch_is_made_once(desk):
    desk.api("post", "branch/next")
    response = desk.api("post", "branch/next")
    assert response.status_code == 409
    assert response["X-Error-Message"] == "Reference refs/heads/next already exists"


def test_a_branch_goes_and_its_revision_stays(desk):
    desk.api("post", "branch/next")
    commit = desk.commit(file_line("a", b"1"), revision="next").json()["commitOid"]
    assert desk.api("delete", "branch/next").status_code == 200
    assert list(refs(desk, "branches")) == ["main"]
    assert last_event().data["commit"] == commit
    assert desk.api("get", f"revision/{commit}").status_code == 200


def test_main_is_never_taken_away(desk):
    response = desk.api("delete", "branch/main")
    assert response.status_code == 403
    assert response["X-Error-Message"] == "Cannot delete refs/heads/main"


def test_a_tag_may_share_a_name_with_a_branch(desk):
    desk.api("post", "branch/v1")
    assert desk.api("post", "tag/main", {"tag": "v1", "message": "The first"}).status_code == 200
    assert last_event().data["message"] == "The first"
    assert refs(desk, "tags") == {"v1": desk.head.commit}
    again = desk.api("post", "tag/main", {"tag": "v1"})
    assert again.status_code == 409
    assert "refs/tags/v1" in again["X-Error-Message"]
    assert desk.api("delete", "tag/v1").status_code == 200
    assert refs(desk, "tags") == {}
    assert "v1" in refs(desk, "branches")


@pytest.mark.parametrize(
    ("method", "rest", "content"),
    [
        ("post", "branch/next", {"startingPoint": "none"}),
        ("delete", "branch/none", {}),
        ("post", "tag/none", {"tag": "v1"}),
        ("delete", "tag/none", {}),
    ],
)
def test_what_is_not_there_is_an_invalid_revision(desk, method, rest, content):
    response = desk.api(method, rest, content)
    assert response.status_code == 404
    assert response["X-Error-Code"] == "RevisionNotFound"
    assert "Invalid rev id: none" in response["X-Error-Message"]


STRANGE_NAMES = [
    "a..b",
    "-a",
    "a b",
    "a~1",
    "a.lock",
    "a:b",
    "refs%2Fheads%2Fa",
    "a" * 40,
    "x" * 201,
]


def test_a_name_that_git_would_not_take(desk):
    for name in STRANGE_NAMES:
        assert desk.api("post", f"branch/{name}").status_code == 400, name
        assert list(refs(desk, "branches")) == ["main"], name


@pytest.mark.parametrize("content", [{}, {"tag": 1}, {"tag": "v1", "message": []}])
def test_a_tag_that_cannot_be_read(desk, content):
    assert desk.api("post", "tag/main", content).status_code == 400
