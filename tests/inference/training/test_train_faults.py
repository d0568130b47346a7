"""Numbers, files and disks that a training cannot use: one clear line, and no work lost."""

import json
import re
import resource
from contextlib import contextmanager

import pytest

from inference.__main__ import main
from inference.errors import TrainError
from inference.terminal import say
from inference.training.settings import PRESETS
from tests.inference.training.training_runs import (
    LOGBOOK,
    contents,
    count_of,
    entries_of,
    go,
    weights,
)

HUGE = "9" * 5000


def asked(capsys, folder, *arguments):
    """Return the status and the last line of a start that is refused."""
    command = ["train", "--preset", "tiny", "--no-progress", "--out", str(folder)]
    try:
        status = main([*command, *arguments])
    except SystemExit as usage:
        status = usage.code
    printed = capsys.readouterr().err
    assert "Traceback" not in printed
    return status, printed.splitlines()[-1]


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("--seed", ["99999999999999999999999", "-1", HUGE, "1.5", "nan"]),
        ("--steps", ["0", "-3", "1000000000000", HUGE, "many"]),
        ("--checkpoint-every", ["0", "-1", HUGE]),
        ("--log-every", ["0", "-1", HUGE]),
        ("--shards", ["0", "-1", HUGE]),
        ("--threads", ["0", "-1", "100000", HUGE]),
        ("--max-shard-bytes", ["0", "-1", HUGE]),
        ("--watts", ["nan", "inf", "-1", "1e300", "-inf"]),
        ("--pue", ["nan", "inf", "0.5", "-1"]),
        ("--kg-per-kwh", ["nan", "inf", "-0.1"]),
        ("--watts-source", ["\udcff", "x" * 2000]),
        ("--out", ["", "\udcff", "x" * 2000]),
    ],
)
def test_a_senseless_number_is_refused_by_its_option(capsys, tmp_path, option, values):
    for value in values:
        status, line = asked(capsys, tmp_path / "out", f"{option}={value}")
        assert status == 2
        assert f"argument {option}: must be" in line
    assert not (tmp_path / "out").exists()


def test_a_shard_that_no_tensor_fits_is_refused_before_the_first_step(capsys, tmp_path):
    status, line = asked(capsys, tmp_path, "--max-shard-bytes", "10")
    assert status == 2
    assert re.search(r"one tensor alone is over 10 bytes: model\.decoder\.\S+ has \d+$", line)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("file", "file is no folder: give another --out"),
        ("file/below", "file is no folder: give another --out"),
        ("/proc/below", "/proc/below cannot be read or written"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_place_that_cannot_be_a_folder_is_refused(capsys, tmp_path, place, reason):
    (tmp_path / "file").write_text("mine")
    status, line = asked(capsys, tmp_path / place)
    assert status == 2
    assert reason in line
    assert (tmp_path / "file").read_text() == "mine"


@contextmanager
def files_of_at_most(size):
    """Behave as a full disk: writes beyond the limit fail with the system's error."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [8_000, 100_000])
def test_a_full_disk_is_told_as_such_and_training_goes_on_when_there_is_room(
    undisturbed, tmp_path, size
):
    """First the tokenizer finds no room, then the checkpoint."""
    with files_of_at_most(size), pytest.raises(TrainError, match="File too large"):
        go(tmp_path)
    last = entries_of(tmp_path)[-1]
    assert (last["kind"], last["cause"]) == ("crash", "storage")
    assert "File too large" in last["body"]
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []
    go(tmp_path)
    assert weights(tmp_path) == undisturbed
    restart = next(entry for entry in entries_of(tmp_path) if entry["kind"] == "restart")
    assert restart["cause"] == "storage"


def test_a_checkpoint_that_finds_no_room_leaves_the_one_before(undisturbed, tmp_path):
    def fill(sentence):
        if sentence == "step 3: checkpoint written":
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(TrainError, match="File too large"):
            go(tmp_path, fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    go(tmp_path, must_resume=True)
    assert weights(tmp_path) == undisturbed
    restart = next(entry for entry in entries_of(tmp_path) if entry["kind"] == "restart")
    assert (restart["cause"], restart["step"]) == ("storage", 3)


@pytest.mark.parametrize("size", [100, 300, 700])
def test_an_entry_that_finds_no_room_is_left_out_whole(tmp_path, size):
    with files_of_at_most(size), pytest.raises(TrainError, match="File too large"):
        go(tmp_path)
    for line in (tmp_path / LOGBOOK).read_text().splitlines():
        json.loads(line)
    go(tmp_path)
    assert count_of(tmp_path, "milestone") == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"entry": 3, "run', "it is not JSON"),
        (b'{"entry": 3, "body": "\xff"}', "its byte 23 is not UTF-8"),
        ('{"entry": 3}'.encode("utf-16"), "its byte 1 is not UTF-8"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b"3", "it is no object"),
        (b"{}", "entry must be a whole number from 1"),
        (b'{"kind": "note", "body": "of a lab, not of a trainer"}', "entry must be"),
        ({"run": 12}, "run must be the run's name"),
        ({"kind": ["note"]}, "kind must be a known kind"),
        ({"cause": "gremlins"}, "cause must be a known cause"),
        ({"occurred_at": "yesterday"}, "occurred_at must be a time with its zone"),
        ({"occurred_at": "2026-11-23T10:00:00"}, "occurred_at must be a time with its zone"),
        ({"ended_at": 5}, "ended_at must be a time with its zone"),
        ({"step": -1}, "step must be a whole number"),
        ({"step": 1.5}, "step must be a whole number"),
        ({"changes": [3]}, "changes must be a list of named values"),
        ({"entry": 2}, "entry 2 follows entry 2, so two writers were here"),
    ],
)
def test_a_damaged_line_of_the_logbook_is_named(tmp_path, line, reason):
    good = {"run": "1", "kind": "note", "occurred_at": "2026-11-23T10:00:00+00:00"}
    lines = [json.dumps({"entry": number, **good}).encode() for number in (1, 2, 4)]
    lines.insert(
        2, line if isinstance(line, bytes) else json.dumps(good | {"entry": 3} | line).encode()
    )
    (tmp_path / LOGBOOK).write_bytes(b"\n".join(lines) + b"\n")
    before = contents(tmp_path)
    with pytest.raises(TrainError) as refusal:
        go(tmp_path)
    assert str(refusal.value).startswith(f"{tmp_path / LOGBOOK}, line 3: {reason}")
    assert str(refusal.value).endswith("put the line back as it was, or give another --out")
    assert contents(tmp_path) == before


def test_a_run_of_any_length_counts_its_tokens():
    settings = PRESETS["tiny"]
    for steps in (0, 1, 7, 8, 9, 40):
        tokens_by_step = [
            settings.window_of(step) * settings.windows_of(step) for step in range(steps)
        ]
        assert settings.tokens_after(steps) == sum(tokens_by_step)
    assert settings.tokens_after(10**9) == 512 * 10**9


def test_who_listens_no_more_ends_nothing(capsys):
    with open("/dev/full", "w") as stream:
        say("a line that finds no room", stream)
        say("and the next one", stream)
    with open("/dev/null", "w", encoding="ascii") as stream:
        say("日本", stream)
    say("to whoever started it")
    assert capsys.readouterr().out == "to whoever started it\n"
