"""A folder is one trainer's, holds one run, and what something else changed in it is refused."""

import errno
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from inference.errors import Diverged, Stopped, TrainError
from inference.training import data
from inference.training.checkpoint import TrainingProgress, save_state
from inference.training.folder_lock import LOCK_NAME, hold_folder
from inference.training.step import Learner
from tests.inference.tiny_opts import ROOT
from tests.inference.training.training_runs import (
    LOGBOOK,
    SHORT,
    STATE,
    contents,
    count_of,
    entries_of,
    go,
    sending,
)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.raises(Stopped):
        go(folder, sending(signal.SIGTERM, "step 3"))
    return folder


@pytest.fixture
def folder(stopped, tmp_path):
    """Train a run that stops after half of its steps."""
    return Path(shutil.copytree(stopped, tmp_path / "run"))


def refuse(folder, reason, **options):
    """Require that a start is refused for that reason, and leaves every file as it was."""
    before = contents(folder)
    with pytest.raises(TrainError, match=reason):
        go(folder, **options)
    assert contents(folder) == before


def test_a_second_trainer_is_refused_and_the_first_one_is_not_disturbed(tmp_path):
    def say(sentence):
        if sentence.startswith("step 3"):
            with pytest.raises(TrainError) as refusal:
                go(tmp_path)
            said.append(str(refusal.value))

    said = []
    go(tmp_path, say)
    [sentence] = said
    assert f"{tmp_path} is in use by process {os.getpid()} on {socket.gethostname()}" in sentence
    assert f"since {entries_of(tmp_path)[0]['occurred_at'][:10]}" in sentence
    assert [count_of(tmp_path, kind) for kind in ("launch", "milestone")] == [1, 1]
    assert not (tmp_path / LOCK_NAME).exists()


def test_a_lock_ends_with_its_process_however_that_ends(tmp_path):
    program = """if True:
        import os, signal, sys
        from pathlib import Path
        from inference.training.folder_lock import hold_folder
        with hold_folder(Path(sys.argv[1]), print):
            os.kill(os.getpid(), signal.SIGKILL)
    """
    command = [sys.executable, "-c", program, str(tmp_path)]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    signed = (tmp_path / LOCK_NAME).read_text()
    with hold_folder(tmp_path, print):
        assert (tmp_path / LOCK_NAME).read_text() != signed


def test_of_many_at_once_one_holds_the_folder(tmp_path):
    """Each that ends removes the file that the next ones may have opened."""
    inside, most, refused, start = [], [], [], threading.Barrier(8)

    def hold():
        start.wait()
        for _ in range(200):
            try:
                with hold_folder(tmp_path, print):
                    inside.append(1)
                    most.append(len(inside))
                    inside.pop()
            except TrainError as error:
                refused.append(error)

    threads = [threading.Thread(target=hold) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) + len(refused) == 8 * 200
    assert max(most) == 1
    assert refused


def test_where_a_file_system_keeps_no_locks_that_is_said(tmp_path, monkeypatch):
    def none(handle, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", none)
    said = []
    with hold_folder(tmp_path, said.append):
        pass
    assert said == [f"{tmp_path} keeps no locks: see to it that no second trainer uses it"]


OTHERS = (
    *("config.json", "manifest.json", "tokenizer.json", "vocab.json", "logbook.md"),
    *("model.safetensors", "model-00001-of-00002.safetensors", "pytorch_model.bin", "part-0.pt"),
)


@pytest.mark.parametrize("name", OTHERS)
def test_a_folder_of_others_is_left_as_it_is(tmp_path, name):
    (tmp_path / name).write_text("{}")
    refuse(tmp_path, f"holds a model already, or what another command writes .{name}")


def test_others_files_that_came_meanwhile_are_not_overwritten(folder):
    (folder / "config.json").write_text("{}")
    refuse(folder, "holds a model already")


def test_what_is_no_model_may_lie_there(tmp_path):
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "slurm-12.out").write_text("queued")
    go(tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
def test_another_tokenizer_is_refused_by_its_file(folder, name):
    content = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps(content))  # the same to a reader, and yet another file
    refuse(folder, f"{name} has changed since the checkpoint of step 3")
    (folder / name).unlink()
    refuse(folder, f"{name} is gone since the checkpoint of step 3")


def test_another_corpus_and_other_settings_are_refused(folder, monkeypatch):
    refuse(folder, "seed was 0, now 1", settings=replace(SHORT, seed=1))
    corpus = data.collect_corpus(50_000)
    monkeypatch.setattr(data, "collect_corpus", lambda limit: corpus)
    refuse(folder, "the standard library has changed since the checkpoint")


def test_a_lost_logbook_is_refused(folder):
    (folder / LOGBOOK).unlink()
    refuse(folder, "is of a run whose logbook.jsonl is gone")


@pytest.mark.parametrize("refused", [{"must_resume": True}, {"max_shard_bytes": 1}])
def test_a_refused_start_leaves_no_folder(tmp_path, refused):
    with pytest.raises((TrainError, ValueError)):
        go(tmp_path / "runs/first", **refused)
    assert not any(tmp_path.iterdir())
    (tmp_path / "mine").mkdir()
    with pytest.raises((TrainError, ValueError)):
        go(tmp_path / "mine", **refused)
    assert (tmp_path / "mine").is_dir()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    go(folder)
    return folder


@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.write_bytes(b"{}")])
def test_a_finished_run_without_a_file_of_its_result_is_not_called_finished(
    finished, tmp_path, change
):
    own = {LOGBOOK, LOCK_NAME}
    names = sorted(path.name for path in finished.iterdir() if path.name not in own)
    assert {"config.json", "tokenizer.json", "model-00002-of-00002.safetensors"} <= set(names)
    for name in names:
        folder = Path(shutil.copytree(finished, tmp_path / name))
        change(folder / name)
        refuse(folder, f"holds a finished run whose {name} (is gone|has changed)")


def test_a_finished_run_of_before_is_known_by_its_config(finished, tmp_path):
    folder = Path(shutil.copytree(finished, tmp_path / "run"))
    entries = [json.loads(line) for line in (folder / LOGBOOK).read_text().splitlines()]
    assert entries[-1].pop("files")
    (folder / LOGBOOK).write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    said = []
    go(folder, said.append)
    assert "holds a finished run of 6 steps" in said[-1]
    (folder / "config.json").unlink()
    refuse(folder, "holds a finished run whose config.json is gone")


WEIGHT = "weight.final_layer_norm.weight"


def rewrite(path, change):
    """Save the state anew, as change leaves its tensors and metadata."""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        about = file.metadata()
    change(tensors, about)
    save_file(tensors, path, metadata=about)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t, m: t[WEIGHT].fill_(float("nan")), f"{WEIGHT} holds NaN or infinity"),
        (lambda t, m: t[WEIGHT].neg_(), "its digest differs"),
        (lambda t, m: t.pop(WEIGHT), f"lacks {WEIGHT}"),
        (lambda t, m: t.update(more=torch.zeros(2)), "has the unknown more"),
        (lambda t, m: t.update({WEIGHT: torch.zeros(3)}), rf"{WEIGHT} is torch.float32 \[3\]"),
        (lambda t, m: t.update({WEIGHT: t[WEIGHT].double()}), f"{WEIGHT} is torch.float64"),
        (lambda t, m: m.update(step="4"), "its digest differs"),
        (lambda t, m: m.update(step="7"), "is of step 7 of 6"),
        (lambda t, m: m.update(step="-1"), "is of step -1 of 6"),
        (lambda t, m: m.update(step="four"), "step in its metadata is not JSON"),
        (lambda t, m: m.update(step="true"), "step in its metadata must be a whole number"),
        (lambda t, m: m.update(settings="[" * 10_000), "settings in its metadata is not JSON"),
        (lambda t, m: m.update(settings="[]"), "settings in its metadata must be an object"),
        (lambda t, m: m.update(settings="{}"), "steps was None, now 6"),
        (lambda t, m: m.pop("tokenizer_sha256"), "lacks tokenizer_sha256 in its metadata"),
        (lambda t, m: m.pop("digest"), "its digest differs"),
        (lambda t, m: m.clear(), "lacks step in its metadata"),
    ],
)
def test_a_state_that_was_changed_is_refused_by_what_differs(folder, change, reason):
    rewrite(folder / STATE, change)
    refuse(folder, f"{STATE}.*{reason}" if "now" not in reason else reason)


@pytest.mark.parametrize("size", [0, 7, 1000, -1])
def test_a_truncated_state_is_refused_by_name(folder, size):
    content = (folder / STATE).read_bytes()
    (folder / STATE).write_bytes(content[:size])
    refuse(folder, f"{STATE} is damaged")


def test_a_state_that_is_no_file_is_refused_by_name(folder):
    (folder / STATE).unlink()
    (folder / STATE).mkdir()
    refuse(folder, f"{STATE} is damaged or cannot be read")


def test_a_state_that_may_only_be_read_is_replaced(folder):
    (folder / STATE).chmod(0o444)
    go(folder)
    assert entries_of(folder)[-1]["kind"] == "milestone"


def test_weights_that_diverged_are_not_saved_over_good_ones(folder):
    learner = Learner(SHORT.config(300), SHORT)
    with torch.no_grad():
        learner.model.final_layer_norm.weight[0] = float("inf")
    before = contents(folder)
    progress = TrainingProgress(4, SHORT.as_dict(), "", {})
    with pytest.raises(Diverged, match=f"{WEIGHT} is not finite after step 4"):
        save_state(folder, progress, learner.model, learner.optimizer)
    assert contents(folder) == before
