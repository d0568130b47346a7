import json

import pytest

from tests.inference.tiny_opts import run_cli


def test_generate_streams_the_same_text_for_a_seed(trained):
    asked = ("generate", "--model", trained, "import os", "--max-tokens", 8, "--seed", 3)
    first, again = run_cli(*asked), run_cli(*asked)
    assert first.returncode == 0
    assert first.stdout == again.stdout
    assert first.stderr == ""


def test_inspect_lists_tensors_and_totals(trained):
    found = json.loads(run_cli("inspect", trained, "--json").stdout)
    assert found["config"]["hidden_size"] == 32
    assert found["dtypes"] == {"F32": 36}
    assert len(found["files"]) == 2
    assert {tensor["name"] for tensor in found["tensors"]} >= {"model.decoder.embed_tokens.weight"}
    assert f"{found['parameters']:,} parameters" in run_cli("inspect", trained).stdout


@pytest.mark.parametrize("command", ["generate", "plan", "train", "inspect"])
def test_help_is_there(command):
    done = run_cli(command, "--help")
    assert done.returncode == 0
    assert "usage: python -m inference" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("generate", "--model", "/nowhere", "x"), "cannot read /nowhere/config.json"),
        (("generate", "--model", "/nowhere", "x", "--top-p", 2), "top_p must be"),
        (("inspect", "/nowhere"), "cannot read /nowhere/config.json"),
        (("plan", "--name", "gpt-3", "--gpus", 8, "--gpu-memory-gib", 80), "no model is named"),
        (("train", "--out", "/dev/null/x"), "/dev/null"),
        (("train", "--out", "/dev/null/x", "--pue", 0.5), "PUE 1 or more"),
        (("train", "--out", "/dev/null/x", "--steps", 0), "--steps must be"),
        (("convert",), "invalid choice"),
        ((), "required"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_status_2(arguments, reason):
    done = run_cli(*arguments)
    assert done.returncode == 2
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
