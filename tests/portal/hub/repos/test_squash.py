"""A branch’s history made one revision; what it leaves is hidden and stays on record."""

from __future__ import annotations

from portal.audit.models import AuditEvent
from portal.catalog.models import File, Revision
from tests.portal.hub.desk import file_line, lfs_line, sha256_of


def squash(desk, branch="main", message="All of it"):
    return desk.api("post", f"super-squash/{branch}", {"message": message})


def titles(desk, revision="main"):
    return [commit["title"] for commit in desk.api("get", f"commits/{revision}").json()]


def test_the_files_stay_and_the_past_goes(desk):
    old = desk.commit(file_line("a", b"1")).json()["commitOid"]
    desk.commit(file_line("b", b"2"))
    before = desk.paths()
    response = squash(desk)
    assert response.status_code == 200
    assert response.json()["commitOid"] == desk.head.commit
    assert desk.paths() == before
    assert titles(desk) == ["All of it"]
    for url in (f"revision/{old}", f"revision/{old[:9]}", f"tree/{old}"):
        assert desk.api("get", url)["X-Error-Code"] == "RevisionNotFound"


def test_nothing_is_destroyed(desk):
    old = desk.commit(file_line("a", b"1")).json()["commitOid"]
    squash(desk)
    assert not Revision.objects.filter(commit=old).exists()
    hidden = Revision.everything.get(commit=old)
    assert not hidden.is_shown
    assert File.everything.filter(revision=hidden, path="a").exists()
    event = AuditEvent.objects.order_by("-sequence").first()
    assert (event.type, event.data["squashed"], event.data["hidden"]) == (
        "branch.squashed",
        old,
        2,
    )


def test_what_a_tag_or_branch_leads_to_stays(desk):
    tagged = desk.commit(file_line("a", b"1")).json()["commitOid"]
    desk.api("post", "tag/main", {"tag": "v1"})
    desk.commit(file_line("a", b"2"))
    squash(desk)
    assert titles(desk, "v1") == ["A change", "initial commit"]
    assert desk.api("get", f"revision/{tagged}").status_code == 200


def test_again_is_harmless(desk):
    desk.commit(file_line("a", b"1"))
    first = squash(desk).json()["commitOid"]
    assert squash(desk, message="Once more").json()["commitOid"] == first
    assert desk.commit(file_line("b", b"1")).status_code == 200
    assert titles(desk) == ["A change", "All of it"]


def test_what_cannot_be(desk):
    assert squash(desk, branch="none")["X-Error-Code"] == "RevisionNotFound"
    assert squash(desk, message="").status_code == 400


def test_large_files_are_listed(desk):
    for content in (b"one", b"two"):
        desk.bring(content)
        desk.commit(lfs_line("m.parquet", content))
    rows = desk.api("get", "lfs-files").json()
    assert {row["fileOid"] for row in rows} == {sha256_of(b"one"), sha256_of(b"two")}
    assert {(row["filename"], row["size"]) for row in rows} == {("m.parquet", 3)}
    page = desk.api("get", "lfs-files?limit=1")
    assert len(page.json()) == 1
    assert 'rel="next"' in page["Link"]
    squash(desk)
    assert [row["fileOid"] for row in desk.api("get", "lfs-files").json()] == [sha256_of(b"two")]


def test_files_are_purged_by_nobody(desk):
    response = desk.api("post", "lfs-files/batch", {"deletions": {"sha": []}})
    assert response.status_code == 501
    assert "delete it in a commit" in response["X-Error-Message"]
