import argparse
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from inference import SamplingParams
from inference.__main__ import COMMANDS, main
from inference.model.manifest import sha256_of
from tests.inference import metaseq_files
from tests.inference.tiny_opts import ROOT, run_cli

TEXTS = {"out", "watts_source", "pue_source", "grid_source"}


def test_generate_prints_the_engines_text(trained, trained_engine):
    arguments = ("generate", "--model", trained, "import os", "--max-tokens", 8, "--seed", 3)
    done = run_cli(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    params = SamplingParams(max_tokens=8, seed=3, top_k=50)  # as transformers draws by default
    assert done.stdout == trained_engine.generate("import os", params)[0].outputs[0].text + "\n"


def test_inspect_lists_tensors_and_totals(trained, capsys):
    assert main(["inspect", str(trained), "--json"]) == 0
    listing = json.loads(capsys.readouterr().out)
    assert listing["config"]["hidden_size"] == 32
    assert listing["dtypes"] == {"F32": 36}
    assert len(listing["files"]) == 2
    assert {tensor["name"] for tensor in listing["tensors"]} >= {
        "model.decoder.embed_tokens.weight"
    }
    assert main(["inspect", str(trained)]) == 0
    assert f"{listing['parameters']:,} parameters" in capsys.readouterr().out


def test_generate_takes_and_prints_ids_and_tells_its_speed(trained, trained_engine):
    arguments = (
        "generate",
        "--model",
        trained,
        "-",
        "--ids",
        "--max-tokens",
        4,
        "--temperature",
        0,
    )
    done = run_cli(*arguments, "--ignore-eos", "--speed", stdin="2 100, 7")
    params = SamplingParams(max_tokens=4, temperature=0.0, ignore_eos=True)
    [sample] = trained_engine.generate([[2, 100, 7]], params)[0].outputs
    assert [int(word) for word in done.stdout.split()] == sample.token_ids
    assert re.search(r"4 tokens; the first after .* s, then .* a second", done.stderr)


def test_inspect_knows_metaseqs_forms_and_tells_hashes(plain_opt, tmp_path, capsys):
    metaseq_files.save_raw(tmp_path, plain_opt[1], parts=1, shards=3)
    assert main(["inspect", str(tmp_path), "--json", "--sha256", "--no-progress"]) == 0
    listing = json.loads(capsys.readouterr().out)
    assert (listing["form"], listing["sharded"], len(listing["files"])) == ("raw", True, 3)
    assert listing["config"]["num_attention_heads"] == 4
    assert listing["bytes"] == 2 * listing["parameters"]
    weights = metaseq_files.weights_of(plain_opt[1])
    digests = {entry["name"]: entry["sha256"] for entry in listing["tensors"]}
    assert digests == {name: sha256_of(tensor) for name, tensor in weights.items()}
    (tmp_path / "checkpoint_last-model_part-0-shard2.pt").unlink()
    assert main(["inspect", str(tmp_path)]) == 1
    assert "wrong: misshapen: flat_param_0 holds" in capsys.readouterr().out


def test_inspect_needs_no_config_to_list_bin_files(plain_opt, tmp_path, capsys):
    metaseq_files.save_bin(tmp_path, plain_opt[1])
    (tmp_path / "config.json").unlink()
    assert main(["inspect", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "lacks config.json: give one with --config" in printed
    assert "transformers, .bin: 2 files" in printed


@pytest.mark.parametrize(
    "command", ["generate", "plan", "prepare", "train", "convert", "inspect", "check", "bench"]
)
def test_help_is_there(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert "usage: python -m inference" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", "--name", "opt-175b", "--gpus", 8, "--gpu", "h100-80"),
        ("inspect", None),
        ("generate", "import", "--model", None, "--max-tokens", 4),
        ("check", None, "--json"),
    ],
)
def test_a_reader_that_goes_is_left_in_silence(arguments, trained):
    """As after ``| head``: what was written before stays, and nothing is said."""
    reading, writing = os.pipe()
    os.close(reading)
    words = [str(trained if word is None else word) for word in arguments]
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "inference", *words],
            stdout=pipe, stderr=subprocess.PIPE, cwd=ROOT, check=False,
        )  # fmt: skip
    assert (done.stderr, done.returncode) == (b"", 2)


@pytest.mark.parametrize(
    ("file", "field", "value"),
    [
        ("generation_config.json", "temperature", -1),
        ("config.json", "layerdrop", 7),
        ("config.json", "tie_word_embeddings", False),
    ],
)
def test_a_field_is_told_with_its_folder(file, field, value, trained, tmp_path, capsys):
    folder = shutil.copytree(trained, tmp_path / "model")
    data = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps(data | {field: value}))
    for command in (["generate", "x", "--model"], ["convert"]):
        more = [str(tmp_path / "out"), "--dry-run"] * (command == ["convert"])
        assert main([*command, str(folder), *more]) == 2
        err = capsys.readouterr().err
        assert err.count(str(folder)) == 1
        assert field in err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("generate", "--model", "/nowhere", "x"), "cannot read /nowhere/config.json"),
        (("generate", "--model", "/nowhere", "x", "--top-p", 2), "top_p must be"),
        (("inspect", "/nowhere"), "there is no /nowhere"),
        (("convert", "/nowhere", "/nowhere/out"), "there is no /nowhere"),
        (
            ("generate", "--model", "/nowhere", "x", "--ids"),
            "must be token ids, such as 2 100 7, not 'x'",
        ),
        (("plan", "--name", "gpt-4", "--gpus", 8, "--gpu", "h100-80"), "no model is named"),
        (("train", "--out", "/dev/null/x"), "/dev/null"),
    ],
)
def test_what_the_user_can_mend_is_one_line(arguments, reason, capsys):
    assert main([str(argument) for argument in arguments]) == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize("bad", ["1e30", "x", "", "nan", "9" * 5000])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_each_number_of_each_command_says_which_it_takes(command, bad, capsys):
    """No option speaks of Python's types; argparse's own types would."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    for action in parser._actions:
        if action.type is None or action.dest in TEXTS:
            continue
        with pytest.raises(argparse.ArgumentError) as refusal:
            parser._get_values(action, [bad])
        assert re.search(
            r"must be (a whole number|a number|token ids|ID=NUMBER)", str(refusal.value)
        )
        assert len(refusal.value.message) < 200


@pytest.mark.parametrize("arguments", [("convert", "only"), (), ("plan", "--gpus", "many")])
def test_a_command_line_that_cannot_be_read_ends_with_status_2(arguments):
    done = run_cli(*arguments)
    assert done.returncode == 2
    assert "usage:" in done.stderr
    assert "Traceback" not in done.stderr
