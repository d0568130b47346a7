import json

import pytest

from inference import SamplingParams
from inference.__main__ import main
from tests.inference.tiny_opts import run_cli


def test_generate_prints_the_engines_text(trained, trained_engine):
    asked = ("generate", "--model", trained, "import os", "--max-tokens", 8, "--seed", 3)
    done = run_cli(*asked)
    assert (done.returncode, done.stderr) == (0, "")
    params = SamplingParams(max_tokens=8, seed=3)
    assert done.stdout == trained_engine.generate("import os", params)[0].outputs[0].text + "\n"


def test_inspect_lists_tensors_and_totals(trained, capsys):
    assert main(["inspect", str(trained), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["config"]["hidden_size"] == 32
    assert found["dtypes"] == {"F32": 36}
    assert len(found["files"]) == 2
    assert {tensor["name"] for tensor in found["tensors"]} >= {"model.decoder.embed_tokens.weight"}
    assert main(["inspect", str(trained)]) == 0
    assert f"{found['parameters']:,} parameters" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["generate", "plan", "train", "inspect", "check"])
def test_help_is_there(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert "usage: python -m inference" in capsys.readouterr().out


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
    ],
)
def test_what_the_user_can_mend_is_one_line(arguments, reason, capsys):
    assert main([str(argument) for argument in arguments]) == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("convert",), (), ("plan", "--gpus", "many")])
def test_a_command_line_that_cannot_be_read_ends_with_status_2(arguments):
    done = run_cli(*arguments)
    assert done.returncode == 2
    assert "usage:" in done.stderr
    assert "Traceback" not in done.stderr
