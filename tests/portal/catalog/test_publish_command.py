"""``manage.py publish``: what it asks, tells, tries and records."""

from __future__ import annotations

import io
import os

import pytest
from django.core.management import CommandError
from django.utils import timezone

from portal.audit.models import AuditEvent
from portal.catalog import load_check
from portal.catalog.models import Blob, Revision
from portal.catalog.services.commits import Add, commit_changes
from portal.catalog.services.companion_files import store_bytes
from portal.catalog.services.lookup import head_revision
from portal.storage import blob_store
from tests.factories.catalog import make_folder, other_weights

pytestmark = pytest.mark.django_db
NOT_LOADED = ("--no-load-check", "Not now.")
SHARD = "model-00001-of-00002.safetensors"


def line(fate, path):
    return f"{fate:7} {path.stat().st_size:>15,}  {path.name}"


def event():
    return AuditEvent.objects.get(type="revision.published").data


def test_by_what_right_is_asked_before_anything_is_stored(publish, tmp_path, monkeypatch):
    folder = make_folder(tmp_path / "in")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(CommandError, match="--licensor"):
        publish(folder)
    with pytest.raises(CommandError, match="who gave the consent"):
        publish(folder, "--consent", " ")
    assert not Blob.objects.exists()
    assert not list(blob_store().stored())


def test_consent_and_a_reason_are_recorded(publish, tmp_path):
    consent, reason = "The lab, by letter of 1 March, kept by the library.", "It needs 16 GPUs."
    output = publish(make_folder(tmp_path / "in"), "--consent", consent, "--no-load-check", reason)
    assert reason in output
    assert event()["statement"] == {"by": "consent", "consent": consent}
    assert event()["load_check"] == {"result": "skipped", "reason": reason}
    with pytest.raises(CommandError, match="takes a reason"):
        publish(make_folder(tmp_path / "in"), "--licensor", "--no-load-check", "")


def test_a_dry_run_names_all_that_would_happen(publish, tmp_path):
    folder = make_folder(tmp_path / "in")
    (folder / "LICENSE").unlink()
    output = publish(folder, "--dry-run", *NOT_LOADED)
    assert line("new", folder / SHARD) in output
    assert "LICENSE would come from Noncommercial Research Licence 1.0." in output
    assert "SHA256SUMS and model.sig would be made; key " in output
    assert "4 new logbook entries." in output
    assert "as the first revision, titled “Publish a revision”. Nothing changed." in output
    assert not Revision.objects.exists()
    assert not list(blob_store().stored())


def test_a_dry_run_tells_what_is_here_already(publish, tmp_path):
    folder = make_folder(tmp_path / "in", **{"notes.txt": "Notes."})
    publish(folder, "--licensor", "--no-load-check", "Not now.")
    assert "no new revision. Nothing changed." in publish(folder, "--dry-run", *NOT_LOADED)
    (folder / "notes.txt").unlink()
    (folder / "copy.txt").write_text("Notes.")
    output = publish(folder, "--dry-run", *NOT_LOADED)
    assert line("stored", folder / "copy.txt") in output
    assert "removed                  notes.txt" in output
    assert line("same", folder / SHARD) in output


def test_a_repo_that_does_not_exist_is_made_first(publish, model):
    publish.repo.delete()
    with pytest.raises(CommandError, match=f"hf repos create {publish.repo.full_name}"):
        publish(model, "--dry-run")


def test_hidden_files_of_the_repo_stay(publish, tmp_path):
    folder = make_folder(tmp_path / "in")
    publish(folder, "--licensor", *NOT_LOADED)
    commit_changes(
        actor=publish.operator,
        repo_id=publish.repo.pk,
        branch="main",
        changes=[Add(store_bytes(".gitattributes", b"*.bin filter=lfs\n"))],
        title="Say what goes by LFS",
        now=timezone.now(),
    )
    (folder / "notes.txt").write_text("Notes.")
    assert ".gitattributes" not in publish(folder, "--dry-run", *NOT_LOADED)
    publish(folder, "--licensor", *NOT_LOADED)
    assert head_revision(publish.repo).files.filter(path=".gitattributes").exists()
    assert "no new revision" in publish(folder, "--dry-run", *NOT_LOADED)


def test_what_is_stored_and_hashed_is_neither_read_nor_sent_again(publish, tmp_path, monkeypatch):
    folder = make_folder(tmp_path / "in")
    options = ("--licensor", "--no-load-check", "Not now.")
    monkeypatch.setattr(load_check.LoadCheck, "__call__", _stop)
    with pytest.raises(KeyboardInterrupt):
        publish(folder, *options)
    monkeypatch.undo()
    shard = folder / "model-00001-of-00002.safetensors"
    status, content = shard.stat(), shard.read_bytes()
    shard.write_bytes(content[:-1] + b"\xff")
    os.utime(shard, ns=(status.st_atime_ns, status.st_mtime_ns))  # as if it were the same
    publish(folder, *options)
    stored = Revision.objects.get().files.get(path=shard.name)
    assert blob_store().open(stored.blob_id).read() == content


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("answers", "statement"),
    [
        ("yes\n", {"by": "licensor"}),
        ("n\nThe lab, by letter.\n", {"by": "consent", "consent": "The lab, by letter."}),
    ],
)
def test_at_a_terminal_it_asks(publish, tmp_path, monkeypatch, answers, statement):
    monkeypatch.setattr("sys.stdin", Terminal(answers))
    publish(make_folder(tmp_path / "in"), "--no-load-check", "Not now.")
    assert event()["statement"] == statement


def test_who_has_neither_publishes_nothing(publish, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin", Terminal("\n\n"))
    with pytest.raises(CommandError, match="nothing is published"):
        publish(make_folder(tmp_path / "in"))
    assert not Revision.objects.exists()


def test_what_stands_is_not_asked_again(publish, tmp_path):
    publish(make_folder(tmp_path / "in"), "--consent", "The lab, by letter.", *NOT_LOADED)
    folder = make_folder(tmp_path / "next", **other_weights())
    assert "Publishing asks" not in publish(folder, "--dry-run", *NOT_LOADED)
    publish(folder, *NOT_LOADED)
    published = AuditEvent.objects.filter(type="revision.published").order_by("sequence").last()
    assert published.data["statement"] == {"by": "consent", "consent": "The lab, by letter."}
    assert AuditEvent.objects.filter(type="hosting.stated").count() == 1


def test_changed_terms_are_asked_before_anything_is_stored(publish, tmp_path, monkeypatch):
    publish(make_folder(tmp_path / "in"), "--licensor", *NOT_LOADED)
    stored = len(list(blob_store().stored()))
    folder = make_folder(tmp_path / "next", LICENSE="You may sell it.\n")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(CommandError, match=r"LICENSE is another text.*--changed-terms"):
        publish(folder, *NOT_LOADED)
    assert "--changed-terms" in publish(folder, "--dry-run", *NOT_LOADED)
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    with pytest.raises(CommandError, match="nothing is published"):
        publish(folder, *NOT_LOADED)
    assert len(list(blob_store().stored())) == stored
    publish(folder, "--changed-terms", *NOT_LOADED)
    agreed = AuditEvent.objects.get(type="revision.terms_agreed")
    assert (agreed.actor, agreed.data["commit"]) == (
        publish.operator,
        head_revision(publish.repo).commit,
    )
    assert agreed.data["changes"] == ["LICENSE is another text"]


def test_a_pickle_that_is_allowed_is_recorded(publish, tmp_path):
    folder = make_folder(tmp_path / "in", **{"optimizer.pt": b"\x80\x02"})
    options = ("--licensor", "--no-load-check", "Not now.")
    with pytest.raises(CommandError, match="runs code"):
        publish(folder, *options)
    assert "optimizer.pt is a pickle" in publish(folder, *options, "--allow-pickle")
    assert event()["allow_pickle"] is True


def _stop(self, contents):
    raise KeyboardInterrupt
