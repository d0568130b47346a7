"""The command line draws as transformers' generate does by the folder, and options win."""

import argparse
import io
import json
import re
import shutil

import pytest
import torch

from inference import SamplingParams
from inference.__main__ import main
from inference.commands.generate import add_arguments
from inference.commands.sampling_options import (
    folder_defaults,
    given_options,
    length_defaults,
    sampling_params,
)
from inference.model_files.generation_config import GenerationConfig

PROMPT = [2, 7, 50, 7, 31]


@pytest.fixture(scope="module")
def folder(plain_opt, tmp_path_factory):
    directory = tmp_path_factory.mktemp("folder")
    shutil.copytree(plain_opt[0], directory, dirs_exist_ok=True)
    return directory


def by_transformers(directory, **options):
    from transformers import AutoModelForCausalLM

    ids = torch.tensor([PROMPT])
    peer = AutoModelForCausalLM.from_pretrained(directory)
    output_ids = peer.generate(ids, attention_mask=torch.ones_like(ids), pad_token_id=1, **options)
    return output_ids[0, len(PROMPT) :].tolist()


def printed(directory, capsys, *options):
    prompt = " ".join(map(str, PROMPT))
    arguments = ["generate", "--model", str(directory), "--ids", prompt, *map(str, options)]
    status = main(arguments)
    out, err = capsys.readouterr()
    return ([int(word) for word in out.split()], status) if not status else (err, status)


@pytest.mark.filterwarnings("ignore:Unfeasible length constraints")
@pytest.mark.parametrize(
    "config",
    [
        {"max_new_tokens": 12},
        {"max_length": 15},
        {"max_length": 90, "max_new_tokens": 7},
        {"max_new_tokens": 12, "repetition_penalty": 1.3, "eos_token_id": [2, 30]},
        {"max_new_tokens": 12, "repetition_penalty": 5.0, "temperature": 0.3, "top_k": 3},
        {"max_new_tokens": 14, "min_new_tokens": 9, "eos_token_id": list(range(3, 60))},
        {"max_new_tokens": 14, "min_length": 11, "eos_token_id": list(range(3, 60))},
        {"max_new_tokens": 14, "min_length": 4, "eos_token_id": list(range(3, 60))},
        {"max_new_tokens": 6, "min_new_tokens": 9, "eos_token_id": list(range(3, 60))},
    ],
)
def test_a_folders_text_is_transformers(folder, config, capsys):
    (folder / "generation_config.json").write_text(json.dumps(config))
    assert printed(folder, capsys) == (by_transformers(folder), 0)


def test_options_win_over_the_folder(folder, capsys):
    config = {"max_new_tokens": 3, "repetition_penalty": 5.0, "do_sample": True}
    (folder / "generation_config.json").write_text(json.dumps(config))
    options = "--max-new-tokens", 12, "--temperature", 0, "--repetition-penalty", 1.2
    expected = by_transformers(folder, max_new_tokens=12, repetition_penalty=1.2, do_sample=False)
    assert printed(folder, capsys, *options) == (expected, 0)
    ended = printed(folder, capsys, *options, "--stop-token-ids", f"98,{expected[4]}")
    assert ended == (expected[: expected.index(expected[4]) + 1], 0)


def params(config, *options, prompt=5, room=90):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    options_read = given_options(parser.parse_args(["x", "--model", "y", *options]))
    defaults = folder_defaults(GenerationConfig.from_dict(config), options_read)
    lengths = length_defaults(GenerationConfig.from_dict(config), prompt, room, options_read)
    return sampling_params(options_read, defaults, lengths)


def test_a_number_of_new_tokens_voids_a_length_that_the_prompt_fills():
    assert params({"max_length": 3}, "--max-tokens", "9").max_tokens == 9


def test_every_option_reaches_the_engine():
    sampling = params(
        {}, "--temperature", "0.5", "--top-p", "0.9", "--top-k", "7", "--min-p", "0.1", "--n", "2",
        "--seed", "3", "--repetition-penalty", "1.1", "--frequency-penalty", "0.2",
        "--presence-penalty", "-0.3", "--max-tokens", "9", "--min-tokens", "4", "--stop", "a",
        "--stop", "b", "--stop-token-ids", "5,6", "--stop-token-ids", "7", "--ignore-eos",
        "--include-stop-str-in-output", "--logit-bias", "3=-100", "--logit-bias", "4=1.5",
    )  # fmt: skip
    assert sampling == SamplingParams(
        temperature=0.5, top_p=0.9, top_k=7, min_p=0.1, n=2, seed=3, repetition_penalty=1.1,
        frequency_penalty=0.2, presence_penalty=-0.3, max_tokens=9, min_tokens=4, stop=["a", "b"],
        stop_token_ids=[5, 6, 7], ignore_eos=True, include_stop_str_in_output=True,
        logit_bias={3: -100.0, 4: 1.5},
    )  # fmt: skip


def test_a_folder_draws_only_if_it_says_so_or_it_is_asked_for():
    config = {"temperature": 0.7, "top_p": 0.0, "top_k": 9, "min_p": 0.2, "max_new_tokens": 8}
    assert params(config) == SamplingParams(temperature=0.0, max_tokens=8)
    drawn = params(config | {"do_sample": True})
    assert (drawn.temperature, drawn.top_k, drawn.min_p) == (0.7, 9, 0.2)
    assert 0 < drawn.top_p < 1e-300  # keeps one token, as 0 does in transformers
    assert params(config, "--seed", "4").temperature == 0.7
    assert params(config, "--temperature", "0", "--seed", "4").top_k == 0
    assert params(config | {"do_sample": True}, "--top-p", "0.5").top_k == 9


def test_lengths_keep_within_the_models_room_and_each_other():
    assert params({}, room=9).max_tokens == 9
    assert params({"max_new_tokens": 50}, room=9).max_tokens == 9
    assert params({"max_new_tokens": 50}, "--max-tokens", "60", room=9).max_tokens == 60
    assert params({"min_new_tokens": 50}, "--max-tokens", "8").min_tokens == 8
    assert params({"max_new_tokens": 8}, "--min-tokens", "20").max_tokens == 20


@pytest.mark.parametrize(
    ("config", "options", "sentence"),
    [
        ({"no_repeat_ngram_size": 3, "num_beams": 4}, (), "asks for num_beams, no_repeat_ngram"),
        (
            {"stop_strings": ["a"]},
            (),
            "what it says of drawing, and --stop takes the texts of stop_",
        ),
        ({"typical_p": 0.5}, ("--seed", "1"), "typical_p, which isn't offered here; --no-gen"),
        ({"max_length": 5}, (), "has max_length 5, and the prompt 5 tokens; give --max-tokens"),
        ({}, ("--min-tokens", "9", "--max-tokens", "8"), "min_tokens must be at most max_tokens"),
        ({}, ("--logit-bias", "500=1"), "logit_bias names token 500; the model's are 0 to 98"),
        ({}, ("--stop", "a"), "stop strings need the model's tokenizer"),
        ({}, ("--min-p", "7"), "min_p must be 0 or more and at most 1, not 7.0"),
    ],
)
def test_what_cannot_be_honoured_is_refused_in_one_line(folder, config, options, sentence, capsys):
    (folder / "generation_config.json").write_text(json.dumps(config))
    said, status = printed(folder, capsys, *options)
    assert status == 2
    assert said.startswith("error: ")
    assert sentence in said
    assert said.count("\n") == 1


def test_what_a_folder_asks_for_can_be_left_out(folder, capsys):
    (folder / "generation_config.json").write_text(json.dumps({"num_beams": 4, "max_length": 5}))
    ids, status = printed(
        folder, capsys, "--no-generation-config", "--temperature", 0, "--ignore-eos"
    )
    assert (len(ids), status) == (64, 0)


@pytest.mark.parametrize("prompt", ["", "   "])
def test_an_empty_prompt_and_text_without_a_tokenizer_are_refused(folder, prompt, capsys):
    (folder / "generation_config.json").write_text("{}")
    assert main(["generate", "--model", str(folder), "--ids", prompt]) == 2
    assert "the prompt is empty" in capsys.readouterr().err
    assert main(["generate", "--model", str(folder), "import os"]) == 2
    assert "tokenizer.json" in capsys.readouterr().err


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])  # as locales have it
def test_a_prompt_that_is_not_utf_8_is_refused_in_one_line(trained, errors, monkeypatch, capsys):
    read = io.TextIOWrapper(io.BytesIO(b"import \xff"), encoding="utf-8", errors=errors)
    monkeypatch.setattr("sys.stdin", read)
    assert main(["generate", "--model", str(trained), "-"]) == 2
    assert re.fullmatch("error: [^\n]* UTF-8[^\n]*\n", capsys.readouterr().err)


@pytest.mark.parametrize("bias", ["x=1", "5", "5=x", "-1=3"])
def test_a_bias_that_cannot_be_read_ends_with_the_usage(bias, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["generate", "--model", "x", "y", f"--logit-bias={bias}"])
    assert "must be ID=NUMBER" in capsys.readouterr().err


def test_several_samples_come_one_after_another(folder, plain_opt, capsys):
    (folder / "generation_config.json").write_text("{}")
    options = "--n", "3", "--seed", "1", "--max-tokens", "4", "--ignore-eos"
    assert main(["generate", "--model", str(folder), "--ids", "2 7", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1::2] == ["--- sample 2", "--- sample 3"]
    assert len(set(lines[::2])) == 3
    assert all(len(line.split()) == 4 for line in lines[::2])
