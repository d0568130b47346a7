"""A commit: files added, copied and deleted; what it is refused for."""

from __future__ import annotations

import hashlib
import json
from urllib.parse import urlsplit

import pytest

from portal.audit.models import AuditEvent
from portal.catalog.models import Revision
from portal.storage import blob_store
from tests.factories.catalog import make_licence
from tests.portal.hub.desk import delete_line, file_line, lfs_line

PICKLE = b"\x80\x02}q\x00."


def text(desk, path):
    file = desk.head.all_files().get(path=path)
    with blob_store().open(file.blob_id) as content:
        return content.read().decode()


def test_files_become_a_revision(desk, settings):
    before = desk.head
    response = desk.commit(file_line("settings.json", b"{}"), summary="Add", description="Why")
    assert response.status_code == 200
    head = desk.head
    url = f"{settings.BASE_URL}/{desk.name}/commit/{head.commit}"
    assert response.json() == {"success": True, "commitOid": head.commit, "commitUrl": url}
    assert (head.parent, head.title, head.message) == (before, "Add", "Why")
    assert desk.paths() == [".gitattributes", "SHA256SUMS", "model.sig", "settings.json"]
    event = AuditEvent.objects.order_by("-sequence").first()
    assert event.type == "revision.published"
    assert event.data["commit"] == head.commit


def test_checksums_are_of_what_the_revision_holds(desk):
    desk.commit(file_line("SHA256SUMS", b"of my own"), file_line("a/b.txt", b"b"))
    sums = dict(reversed(line.split("  ")) for line in text(desk, "SHA256SUMS").splitlines())
    brought = desk.head.files.exclude(path__in=("SHA256SUMS", "model.sig"))
    assert sums == dict(brought.values_list("path", "blob_id"))
    desk.commit(file_line("c.txt", b"c"), delete_line("a", folder=True))
    assert "a/b.txt" not in text(desk, "SHA256SUMS")


def test_it_is_signed_as_a_published_folder_is(desk):
    desk.commit(file_line("settings.json", b"{}"))
    signature = desk.head.signature
    assert signature.blob_id == desk.head.files.get(path="model.sig").blob_id
    event = AuditEvent.objects.order_by("-sequence").first()
    assert event.data["key"] == signature.key.fingerprint


def test_the_licence_goes_along_and_gives_way_to_its_newer_version(desk):
    first = make_licence()
    type(desk.repo).objects.filter(pk=desk.repo.pk).update(licence=first.licence)
    desk.commit(file_line("settings.json", b"{}"))
    assert text(desk, "LICENSE") == first.text
    assert text(desk, "NOTICE") == f"{first.attribution}\n"
    second = make_licence(version="2.0", text="You may study it still.")
    desk.commit(file_line("settings.json", b"{ }"))
    assert text(desk, "LICENSE") == second.text
    desk.commit(file_line("LICENSE", b"Our own words."))
    assert text(desk, "LICENSE") == "Our own words."


def test_what_changes_nothing_makes_no_revision(desk):
    desk.commit(file_line("settings.json", b"{}"))
    head = desk.head
    for lines in ([], [file_line("settings.json", b"{}")]):
        assert desk.commit(*lines).json()["commitOid"] == head.commit
    assert Revision.objects.count() == 2


def test_changes_are_made_in_order(desk):
    desk.commit(file_line("old/a", b"1"), file_line("old/b", b"2"))
    desk.commit(delete_line("old/"), file_line("old/c", b"3"))
    assert [path for path in desk.paths() if "/" in path] == ["old/c"]


def test_a_deleted_file_that_names_a_folder_deletes_it(desk):
    desk.commit(file_line("folder/a", b"1"), file_line("folder/deep/b", b"2"))
    desk.commit(delete_line("folder"))
    assert desk.paths() == [".gitattributes"]


def test_a_copy_is_the_same_bytes_under_another_path(desk):
    desk.commit(file_line("a.txt", b"1"))
    old = desk.head.commit
    desk.commit(file_line("a.txt", b"2"))
    copies = [
        {"key": "copyFile", "value": {"path": "b.txt", "srcPath": "a.txt"}},
        {"key": "copyFile", "value": {"path": "c.txt", "srcPath": "a.txt", "srcRevision": old}},
    ]
    assert desk.commit(*copies).status_code == 200
    assert (text(desk, "b.txt"), text(desk, "c.txt")) == ("2", "1")


def test_an_unchanged_file_keeps_its_last_commit(desk):
    first = desk.commit(file_line("a.txt", b"1"), file_line("b.txt", b"1")).json()["commitOid"]
    second = desk.commit(file_line("b.txt", b"2")).json()["commitOid"]
    entries = desk.api("get", "tree/main?expand=true").json()
    last = {entry["path"]: entry["lastCommit"]["id"] for entry in entries}
    assert (last["a.txt"], last["b.txt"]) == (first, second)


def test_history_tells_it(desk):
    desk.commit(file_line("a.txt", b"1"), summary="Add a", description="It was missing.")
    newest, oldest = desk.api("get", "commits/main").json()
    assert (newest["title"], newest["message"]) == ("Add a", "It was missing.")
    assert newest["authors"] == [{"user": desk.publisher.username}]
    assert oldest["title"] == "initial commit"


def test_a_long_summary_is_kept_whole(desk):
    summary = "A" * 250
    desk.commit(file_line("a.txt", b"1"), summary=summary)
    assert desk.head.title + desk.head.message == summary


def test_a_branch_that_moved_on_is_a_412(desk):
    stale = desk.head.commit
    assert desk.commit(file_line("a", b"1"), parentCommit=stale.upper()).status_code == 200
    response = desk.commit(file_line("b", b"1"), parentCommit=stale)
    assert response.status_code == 412
    assert "The branch was updated since you opened this page" in response["X-Error-Message"]
    assert "b" not in desk.paths()
    assert desk.commit(file_line("b", b"1"), parentCommit=desk.head.commit[:7]).status_code == 200


@pytest.mark.parametrize("revision", ["none", "HEAD-COMMIT", "a-tag"])
def test_only_a_branch_is_added_to(desk, revision):
    desk.api("post", "tag/main", {"tag": "a-tag"})
    revision = desk.head.commit if revision == "HEAD-COMMIT" else revision
    response = desk.commit(file_line("a", b"1"), revision=revision)
    assert response.status_code == 404
    assert response["X-Error-Code"] == "RevisionNotFound"
    assert "Invalid rev id" in response["X-Error-Message"]


ELSEWHERE = [
    *("..\\x", "../x", "a/../b", "/a", "a//b", "a/", ".", "./a", "\n", "x" * 501, "\u202e"),
    *(".git/config", "a/.git/b", "a/.cache/b"),
]


def test_a_path_that_leads_elsewhere_is_a_422(desk):
    before = desk.head
    for path in ELSEWHERE:
        response = desk.commit(file_line("fine.txt", b"1"), file_line(path, b"1"))
        assert response.status_code == 422, path
        assert "can't be a path" in response["X-Error-Message"], path
        assert desk.head == before, path


def test_a_file_is_no_folder(desk):
    desk.commit(file_line("a", b"1"))
    response = desk.commit(file_line("a/b", b"1"))
    assert response.status_code == 422
    assert "a is a file" in response["X-Error-Message"]


@pytest.mark.parametrize("folder", [True, False])
def test_deleting_what_is_not_there_is_an_entry_not_found(desk, folder):
    before = desk.head
    response = desk.commit(file_line("a", b"1"), delete_line("none", folder=folder))
    assert response.status_code == 404
    assert response["X-Error-Code"] == "EntryNotFound"
    assert "A file with this name doesn't exist" in response["X-Error-Message"]
    assert desk.head == before


@pytest.mark.parametrize("name", ["pytorch_model.bin", "a/optimizer.pt", "x.pkl"])
def test_pickles_are_refused_unless_the_repo_allows_them(desk, name):
    response = desk.commit(file_line(name, PICKLE))
    assert response.status_code == 400
    assert "Convert it to safetensors" in response["X-Error-Message"]
    type(desk.repo).objects.filter(pk=desk.repo.pk).update(pickles_allowed=True)
    assert desk.commit(file_line(name, PICKLE)).status_code == 200


def test_what_stands_already_bars_no_other_change(desk):
    repos = type(desk.repo).objects.filter(pk=desk.repo.pk)
    repos.update(pickles_allowed=True)
    desk.commit(file_line("model.bin", PICKLE))
    repos.update(pickles_allowed=False)
    assert desk.commit(file_line("a.txt", b"1")).status_code == 200
    assert desk.commit(file_line("model.bin", PICKLE)).status_code == 200


def test_there_are_no_pull_requests(desk):
    response = desk.commit(file_line("a", b"1"), query="?create_pr=1")
    assert response.status_code == 400
    assert "pull requests" in response["X-Error-Message"]


UNREADABLE = [
    (
        [{"key": "file", "value": {"path": "a", "content": "%%", "encoding": "base64"}}],
        400,
        "b",
    ),
    ([{"key": "file", "value": {"content": ""}}], 400, "path"),
    ([{"key": "file"}], 400, "value"),
    ([{"key": "other", "value": {}}], 400, "other"),
    ([{"value": {}}], 400, "key"),
    ([lfs_line("a.safetensors", b"never brought")], 422, "not brought"),
    ([file_line("a", b"x" * (10 << 20))], 413, "LFS"),
    ([{"key": "file", "value": {"path": "a", "content": "\ud800"}}], 400, "content"),
]


def test_what_cannot_be_read_is_refused_whole(desk):
    before = desk.head
    for lines, status, words in UNREADABLE:
        response = desk.commit(file_line("fine.txt", b"1"), *lines)
        assert response.status_code == status, words
        assert words in response["X-Error-Message"]
        assert desk.head == before, words


def test_without_a_header_there_is_no_commit(desk, client):
    for body in ("", json.dumps(file_line("a", b"1")), "{", '{"key":"header","value":{}}'):
        response = client.post(
            f"/api/models/{desk.name}/commit/main",
            body,
            content_type="application/x-ndjson",
            headers={"Authorization": f"Bearer {desk.secret}"},
        )
        assert response.status_code == 400


def test_a_logbook_is_read_and_a_wrong_one_refused(desk):
    entry = {"run": "1", "kind": "launch", "occurred_at": "2026-11-01T08:00:00+00:00"}
    desk.commit(file_line("logbook.jsonl", json.dumps(entry).encode()))
    assert desk.repo.logbook.count() == 1
    for wrong in ({**entry, "run": "x" * 81}, {**entry, "step": "ten"}, {"kind": "launch"}):
        response = desk.commit(file_line("logbook.jsonl", json.dumps(wrong).encode()))
        assert response.status_code == 400
        assert "logbook.jsonl, line 1" in response["X-Error-Message"]
    assert desk.commit(file_line("logbook.jsonl", b"\xff")).status_code == 400


def test_the_same_step_on_two_branches_is_one_revision(desk):
    desk.api("post", "branch/next")
    commits = {
        desk.commit(file_line("a", b"1"), revision=name).json()["commitOid"]
        for name in ("main", "next", "refs%2Fheads%2Fnext")
    }
    assert len(commits) == 1


def test_oids_are_gits(desk):
    desk.commit(file_line("a.txt", b"content"))
    (entry,) = [entry for entry in desk.api("get", "tree/main").json() if entry["path"] == "a.txt"]
    assert entry["oid"] == hashlib.sha1(b"blob 7\0content").hexdigest()  # noqa: S324


def test_the_address_that_the_client_prints_leads_to_the_page(desk):
    url = urlsplit(desk.commit(file_line("a.txt", b"1")).json()["commitUrl"]).path
    assert desk.client.get(url).status_code == 404
    desk.client.force_login(desk.publisher)
    response = desk.client.get(url)
    assert response["Location"] == f"/{desk.name}?revision={desk.head.commit}"
    assert desk.client.get(response["Location"]).status_code == 200


def test_more_files_ask_no_more_of_the_database(desk, django_assert_max_num_queries):
    for count in (3, 60):
        lines = [file_line(f"{count}/{number}.txt", b"same") for number in range(count)]
        with django_assert_max_num_queries(108):
            assert desk.commit(*lines).status_code == 200
