"""Others see what is committed over the Hub’s protocol once it is whole and right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.utils import timezone
from safetensors.numpy import load_file, save

from portal.audit.models import AuditEvent
from portal.catalog.models import Blob, LoadTrial, Revision, RevisionCheck
from portal.catalog.quarantine import checking
from portal.catalog.quarantine.checking import LEASE, run_check, run_next
from portal.catalog.quarantine.consenting import state_right
from portal.catalog.statements import HostingStatement
from tests.factories.accounts import make_token, make_user
from tests.factories.jobs import tiny_model
from tests.portal.hub.desk import Desk, delete_line, file_line, make_desk
from tests.portal.world import bearer

CARD = b"---\nlicense: other\n---\n# A model\n"
FIRST, SECOND = (f"model-0000{number}-of-00002.safetensors" for number in (1, 2))
INDEX = "model.safetensors.index.json"


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, bytes]:
    """Return the files of a model that loads, by their names."""
    folder = tiny_model(tmp_path_factory.mktemp("tiny") / "model")
    texts = {"README.md": CARD, "LICENSE": b"You may study it.\n"}
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())} | texts


@pytest.fixture(scope="module")
def trials() -> list[dict]:
    return []


@pytest.fixture
def public(db, client, trials) -> Iterator[Desk]:
    """Make a public repo, which others see. The engine loads the whole model in one test only."""
    LoadTrial.objects.bulk_create(LoadTrial(**trial) for trial in trials)
    desk = make_desk(client, repo=False)
    desk.name = desk.create(private=False, visibility="public").json()["id"]
    statement = HostingStatement()
    state_right(actor=desk.publisher, repo_id=desk.repo.pk, statement=statement, now=timezone.now())
    yield desk
    trials[:] = LoadTrial.objects.values()


def lines(files: dict[str, bytes]) -> list[dict]:
    return [file_line(path, content) for path, content in files.items()]


def state_of(desk: Desk, commit: str) -> RevisionCheck:
    return RevisionCheck.objects.get(revision__commit=commit)


def stranger(client) -> str:
    return make_token(make_user(), now=timezone.now())[1]


def seen_by(desk: Desk, secret: str) -> set[str]:
    """Return what a person sees in ``main``."""
    tree = desk.call("get", f"/api/models/{desk.name}/tree/main?recursive=1", secret=secret)
    return {entry["path"] for entry in tree.json()}


def test_a_model_without_files_says_so_and_its_lab_sees_how_the_newest_stands(public):
    url = f"/{public.name}"
    assert "Nothing is published here yet" in public.client.get(url).text
    public.commit(file_line("config.json", b"{}"))
    assert "No weights are published here yet" in public.client.get(url).text
    public.client.force_login(public.publisher)
    listed = public.client.get(f"/labs/{public.lab.name}/models").text
    assert "Newest: incomplete" in listed
    assert f'href="{url}#quarantine"' in listed


def require_unseen(desk: Desk, commit: str) -> None:
    """Assert that a commit is at no address of others’, in no list, and signed by nobody."""
    revision = Revision.everything.get(commit=commit)
    for secret in ("", stranger(desk.client)):
        headers = bearer(secret) if secret else {}
        for path in (
            f"/api/models/{desk.name}/revision/{commit}",
            f"/api/models/{desk.name}/revision/{commit[:10]}",
            f"/api/models/{desk.name}/tree/{commit}",
            f"/{desk.name}/resolve/{commit}/README.md",
            f"/{desk.name}/raw/{commit}/README.md",
            f"/{desk.name}/resolve/{commit}/{FIRST}",
        ):
            assert desk.client.get(path, headers=headers).status_code == 404, path
        info = desk.client.get(f"/api/models/{desk.name}", headers=headers).json()
        refs = desk.client.get(f"/api/models/{desk.name}/refs", headers=headers).json()
        commits = desk.client.get(f"/api/models/{desk.name}/commits/main", headers=headers).json()
        assert commit not in json.dumps([info, refs, commits])
    assert desk.client.get(f"/{desk.name}/commit/{commit}").status_code == 404
    assert desk.client.get(f"/{desk.name}/verify/{commit}").status_code == 404
    assert not hasattr(revision, "signature")
    assert not revision.all_files().filter(path__in=("SHA256SUMS", "model.sig")).exists()


def spoilt(content: bytes, tmp_path: Path) -> bytes:
    path = tmp_path / "shard"
    path.write_bytes(content)
    tensors = load_file(path)
    name = sorted(tensors)[0]
    tensors[name] = np.full_like(tensors[name], np.nan)
    return save(tensors)


@pytest.fixture
def published(public, whole) -> Desk:
    answer = public.commit(*lines(whole), summary="The whole")
    assert "X-HF-Warning" not in answer
    return public


def test_a_whole_model_is_everybodys_at_once_and_signed(published, whole):
    assert seen_by(published, "") >= {*whole, "SHA256SUMS", "model.sig"}
    head = published.shown
    assert head.signature
    assert state_of(published, head.commit).state == "passed"
    event = AuditEvent.objects.order_by("-sequence").first()
    assert (event.type, event.data["load_check"]["result"]) == ("revision.published", "loaded")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(lambda shard, path: spoilt(shard, path), "NaN", id="nan"),
        pytest.param(lambda shard, path: shard[: len(shard) // 2], "cut short", id="half"),
        pytest.param(lambda shard, path: b"garbage", "not a safetensors file", id="garbage"),
        pytest.param(
            lambda shard, path: save({"other": np.ones(3, np.float32)}), "index", id="not-in-index"
        ),
    ],
)
def test_a_broken_shard_stays_with_its_publisher(published, whole, tmp_path, spoil, words):
    before = published.shown.commit
    answer = published.commit(file_line(FIRST, spoil(whole[FIRST], tmp_path)))
    commit = answer.json()["commitOid"]
    assert words in answer["X-HF-Warning"]
    require_unseen(published, commit)
    assert state_of(published, commit).state == "failed"
    assert published.shown.commit == before
    # its publisher reads it back, and reads why nobody else does
    own = published.api("get", "revision/main").json()
    assert own["sha"] == commit
    resolved = published.call("get", f"/{published.name}/resolve/main/README.md")
    assert resolved["X-Repo-Commit"] == commit
    published.client.force_login(published.publisher)
    page = published.client.get(f"/{published.name}").text
    assert "This revision failed its check" in page
    assert words in page
    published.client.logout()
    event = AuditEvent.objects.get(type="revision.held_back")
    assert (event.data["commit"], event.data["state"]) == (commit, "failed")
    assert words in " ".join(event.data["reasons"])
    # mended, it is everybody's, and what was wrong is in nobody's history
    mended = published.commit(file_line(FIRST, whole[FIRST]), file_line("notes.txt", b"Mended."))
    assert "X-HF-Warning" not in mended
    assert published.shown.commit == mended.json()["commitOid"]
    assert "notes.txt" in seen_by(published, "")
    require_unseen(published, commit)


def test_pieces_are_incomplete_and_not_failed(public, whole):
    others = {path: content for path, content in whole.items() if path not in (FIRST, SECOND)}
    card = public.commit(file_line("README.md", CARD), summary="The card first")
    assert "X-HF-Warning" not in card
    assert "README.md" in seen_by(public, "")
    pieces = [others, {FIRST: whole[FIRST]}]
    for piece in pieces:
        answer = public.commit(*lines(piece))
        commit = answer.json()["commitOid"]
        check = state_of(public, commit)
        assert (check.state, check.problems) == ("incomplete", [])
        assert SECOND in " ".join(check.missing) or "add the weights" in " ".join(check.missing)
        assert "incomplete" in answer["X-HF-Warning"]
        require_unseen(public, commit)
        assert public.api("get", "revision/main").json()["sha"] == commit
    last = public.commit(file_line(SECOND, whole[SECOND])).json()["commitOid"]
    assert public.shown.commit == last
    assert seen_by(public, "") >= whole.keys()


def test_what_an_index_lacks_or_a_config_contradicts_is_named(published, whole):
    config = json.loads(whole["config.json"])
    config["hidden_size"] = config["hidden_size"] * 2
    answer = published.commit(file_line("config.json", json.dumps(config).encode()))
    require_unseen(published, answer.json()["commitOid"])
    assert state_of(published, answer.json()["commitOid"]).state == "failed"
    answer = published.commit(file_line("config.json", whole["config.json"]), delete_line(INDEX))
    check = state_of(published, answer.json()["commitOid"])
    assert (check.state, check.missing[0].split(":")[0]) == ("incomplete", f"{INDEX} is missing")


def test_bytes_are_read_once_and_the_same_model_is_loaded_once(published, monkeypatch):
    assert LoadTrial.objects.count() == 1
    assert not Blob.objects.filter(files__path=FIRST, examined_at=None).exists()
    monkeypatch.setattr("portal.catalog.load_check._run", None)
    monkeypatch.setattr("portal.catalog.quarantine.finite.not_finite", None)
    answer = published.commit(file_line("README.md", CARD + b"\nMore.\n"))
    assert published.shown.commit == answer.json()["commitOid"]


def test_a_tag_on_what_is_in_quarantine_is_its_publishers_own(published, whole):
    commit = published.commit(file_line(FIRST, b"garbage")).json()["commitOid"]
    assert published.api("post", "tag/main", {"tag": "v1"}).status_code == 200
    assert published.api("post", "branch/side", {}).status_code == 200
    own = published.api("get", "refs").json()
    assert {ref["targetCommit"] for ref in own["tags"]} == {commit}
    anonymous = published.client.get(f"/api/models/{published.name}/refs").json()
    assert anonymous["tags"] == []
    (side,) = (ref for ref in anonymous["branches"] if ref["name"] == "side")
    assert side["targetCommit"] == published.shown.commit
    squashed = published.api("post", "super-squash/main", {"message": "All"})
    assert (squashed.status_code, "in quarantine" in squashed.text) == (409, True)
    copied = published.call(
        "post",
        f"/api/models/{published.name}/duplicate",
        {"repository": f"{published.lab.name}/copy", "private": False},
    )
    assert copied.status_code == 200
    copy = Revision.objects.filter(repo__name="copy").first()
    assert copy.all_files().get(path=FIRST).blob.size_bytes == len(whole[FIRST])
    assert published.api("delete", "tag/v1").status_code == 200


def test_a_link_to_what_is_in_quarantine_serves_its_publisher_alone(published):
    published.commit(file_line(FIRST, b"garbage"))
    link = published.call("get", f"/{published.name}/resolve/main/{FIRST}")
    assert link.status_code == 302
    assert published.client.get(link["Location"]).status_code == 200
    published.lab.roles.filter(user=published.publisher).delete()
    assert published.client.get(link["Location"]).status_code == 403


def test_a_large_commit_waits_for_a_worker_which_notes_how_far_it_is(public, whole, settings):
    settings.CHECK_IN_REQUEST_BYTES = 0
    commit = public.commit(*lines(whole)).json()["commitOid"]
    check = state_of(public, commit)
    assert (check.state, check.total_bytes > 0) == ("checking", True)
    require_unseen(public, commit)
    public.client.force_login(public.publisher)
    page = public.client.get(f"/{public.name}").text
    assert "This revision is being checked" in page
    url = f"/api/v1/models/{public.name}/revisions/main/check/"
    body = public.call("get", url).json()
    assert (body["commit"], body["state"], body["read_bytes"]) == (commit, "checking", 0)
    assert run_next(timezone.now)
    assert public.call("get", url).json()["state"] == "passed"
    assert public.shown.commit == commit
    assert not run_next(timezone.now)


def test_a_check_whose_worker_died_goes_on_where_it_was(public, whole, settings, monkeypatch):
    settings.CHECK_IN_REQUEST_BYTES = 0
    commit = public.commit(*lines(whole)).json()["commitOid"]
    revision = Revision.everything.get(commit=commit)
    read = []

    def killed(self, path, size_bytes):
        read.append(path)
        if path == SECOND:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(checking.Progress, "advance", killed)
        with pytest.raises(KeyboardInterrupt):
            run_check(revision.pk, timezone.now)
    assert not run_next(timezone.now)  # its lease still runs
    first = Blob.objects.get(files__path=FIRST, files__revision=revision)
    assert first.examined_at is not None
    monkeypatch.setattr(
        checking.Progress, "advance", lambda self, path, size_bytes: read.append(path)
    )
    read.clear()
    later = timezone.now() + LEASE + timedelta(seconds=1)
    assert run_next(lambda: later)
    assert FIRST not in read
    assert public.shown.commit == commit


def test_a_check_that_was_taken_over_ends_without_a_word(public, whole, settings):
    settings.CHECK_IN_REQUEST_BYTES = 0
    commit = public.commit(*lines(whole)).json()["commitOid"]
    checks = RevisionCheck.objects.filter(revision__commit=commit)
    progress = checking.Progress(checks.get().pk, 0, lambda: timezone.now())
    checks.update(attempt=1)
    progress._noted_at -= timedelta(minutes=1)
    with pytest.raises(checking.CheckTakenOver):
        progress.advance(FIRST, 1)


def test_a_check_is_done_again_when_its_publisher_asks(published, whole):
    commit = published.commit(file_line("extra.pt", b"not a pickle")).json()["commitOid"]
    url = f"/api/v1/models/{published.name}/revisions/{commit}/check/"
    assert published.call("get", url).json()["state"] == "passed"
    failed = published.commit(file_line(FIRST, b"garbage")).json()["commitOid"]
    url = f"/api/v1/models/{published.name}/revisions/{failed}/check/"
    assert published.call("post", url).json()["state"] == "failed"
    other = make_desk(published.client)
    assert published.call("get", url, secret=other.secret).status_code == 403


@pytest.mark.parametrize(
    "path", ["extra.SAFETENSORS", ".hidden/model.safetensors", ".hidden/model.NPZ"]
)
def test_weights_that_no_check_would_read_are_refused_by_name(published, path):
    answer = published.commit(file_line(path, b"garbage"))
    assert path in answer["X-HF-Warning"]
    require_unseen(published, answer.json()["commitOid"])


def test_a_large_check_is_done_again_by_a_worker(published, settings):
    failed = published.commit(file_line(FIRST, b"garbage")).json()["commitOid"]
    url = f"/api/v1/models/{published.name}/revisions/{failed}/check/"
    settings.CHECK_IN_REQUEST_BYTES = 0
    assert published.call("post", url).json()["state"] == "checking"
    assert published.call("post", url).json()["state"] == "checking"
    assert run_next(timezone.now)
    assert published.call("get", url).json()["state"] == "failed"


@pytest.mark.parametrize("path", ["params.npz", "model.onnx", "shard.distcp"])
def test_every_format_of_weights_takes_a_whole_model_around_it(public, path):
    answer = public.commit(file_line("README.md", CARD), file_line(path, b"numbers"))
    commit = answer.json()["commitOid"]
    assert state_of(public, commit).state == "incomplete"
    require_unseen(public, commit)


def test_what_was_hidden_meanwhile_is_not_checked(public, settings):
    settings.CHECK_IN_REQUEST_BYTES = -1
    commit = public.commit(file_line("notes.txt", b"x")).json()["commitOid"]
    revision = Revision.everything.filter(commit=commit)
    revision.hide(timezone.now())
    assert not run_next(timezone.now)
    run_check(revision.get().pk, timezone.now)
    assert revision.get().is_quarantined


def test_a_check_that_breaks_off_is_tried_again_and_given_up_with_a_word(public, monkeypatch):
    def no_room(*args, **options):
        raise OSError("no space left")

    monkeypatch.setattr(checking, "look_at", no_room)
    answer = public.commit(file_line("notes.txt", b"x"))
    assert answer.status_code == 200
    commit = answer.json()["commitOid"]
    for attempt in range(1, checking.MOST_ATTEMPTS):
        assert state_of(public, commit).state == "checking"
        later = timezone.now() + attempt * (LEASE + timedelta(minutes=1))
        assert run_next(lambda later=later: later)
    assert state_of(public, commit).problems == [checking.BROKEN_OFF]


def test_the_same_commit_again_leaves_a_running_check_alone(public, whole, settings):
    settings.CHECK_IN_REQUEST_BYTES = 0
    commit = public.commit(*lines(whole)).json()["commitOid"]
    ends = timezone.now() + LEASE
    checks = RevisionCheck.objects.filter(revision__commit=commit)
    checks.update(attempt=1, lease_until=ends)
    public.commit(*lines(whole))
    public.call("post", f"/api/v1/models/{public.name}/revisions/{commit}/check/")
    assert checks.get().lease_until == ends


def test_the_logbook_is_kept_when_main_comes_to_what_has_passed(published):
    entry = {"run": "1", "kind": "note", "occurred_at": "2026-01-01T00:00:00Z", "body": "Begun."}
    line = file_line("logbook.jsonl", json.dumps(entry).encode() + b"\n")
    assert published.api("post", "branch/dev", {}).status_code == 200
    before = published.repo.logbook.count()
    first = published.commit(line, revision="dev").json()["commitOid"]
    assert published.repo.logbook.count() == before
    assert published.commit(line).json()["commitOid"] == first
    assert published.repo.logbook.count() == before + 1
