"""generation_config.json, resolved as transformers resolves it."""

import json
import shutil

import pytest
import torch

from inference import Engine, SamplingParams
from inference.errors import ConfigError
from inference.model_files.generation_config import GenerationConfig

PROMPT = [2, 50, 7]
SETTINGS = (
    "do_sample", "temperature", "top_k", "top_p", "min_p", "repetition_penalty", "max_new_tokens",
    "max_length", "min_new_tokens", "min_length", "num_return_sequences",
)  # fmt: skip
FOLDERS = {  # changes to config.json (... removes a key); generation_config.json
    "as written": ({}, {"eos_token_id": 2}),
    "ends that differ": ({"eos_token_id": 2}, {"eos_token_id": [7, 5, 7]}),
    "no ends beside config.json's": ({"eos_token_id": 2}, {"do_sample": True, "top_k": 0}),
    "null ends": ({}, {"eos_token_id": None, "temperature": None, "top_k": None}),
    "legacy": ({"do_sample": True, "temperature": 0.7, "min_length": 3, "max_length": 50}, None),
    "legacy beside the file": ({"do_sample": True, "temperature": 0.7}, {"top_p": 0.5}),
    "legacy ends": ({"eos_token_id": [2, 4], "temperature": None}, None),
    "legacy without ends": ({"eos_token_id": ...}, None),
    "legacy with null ends": ({"eos_token_id": None}, None),
    "of version 4.26": (
        {},
        {"_from_model_config": True, "bos_token_id": 2, "eos_token_id": 2, "pad_token_id": 1,
         "transformers_version": "4.26.0"},
    ),
    "all": (
        {},
        {"do_sample": True, "temperature": 0.8, "top_k": 5, "top_p": 0.9, "min_p": 0.1,
         "repetition_penalty": 1.5, "max_new_tokens": 4, "min_new_tokens": 1, "min_length": 2,
         "num_return_sequences": 2, "stranger": 1},
    ),
}  # fmt: skip


@pytest.fixture
def folder(plain_opt, tmp_path):
    """Make a folder of the plain OPT with other configs."""

    def build(config_changes, generation):
        shutil.copytree(plain_opt[0], tmp_path / "opt")
        config = json.loads((tmp_path / "opt" / "config.json").read_text()) | config_changes
        fields = {name: value for name, value in config.items() if value is not ...}
        (tmp_path / "opt" / "config.json").write_text(json.dumps(fields))
        (tmp_path / "opt" / "generation_config.json").unlink()
        if generation is not None:
            text = generation if isinstance(generation, str) else json.dumps(generation)
            (tmp_path / "opt" / "generation_config.json").write_text(text)
        return tmp_path / "opt"

    return build


@pytest.mark.parametrize("name", FOLDERS)
def test_defaults_are_those_of_transformers(folder, name):
    from transformers import OPTForCausalLM

    directory = folder(*FOLDERS[name])
    peer = OPTForCausalLM.from_pretrained(directory)
    resolved, _ = peer._prepare_generation_config(None)
    ends = resolved.eos_token_id
    expected = [] if ends is None else [ends] if isinstance(ends, int) else ends

    config = GenerationConfig.from_directory(directory)

    assert list(config.eos_token_ids) == list(dict.fromkeys(expected))
    peer_max_length = (
        peer.generation_config.max_length
    )  # unset, the model's room is what bounds a text
    peers = {name: getattr(resolved, name) for name in SETTINGS} | {"max_length": peer_max_length}
    assert {name: getattr(config, name) for name in SETTINGS} == peers
    assert config.unsupported == config.unsupported_sampling == ()


@pytest.mark.parametrize("where", ["generation_config.json", "config.json", "neither"])
def test_text_ends_where_transformers_ends_it(folder, where, plain_opt):
    from transformers import OPTForCausalLM

    free = plain_opt[1].generate(torch.tensor([PROMPT]), max_new_tokens=20, eos_token_id=None)
    fifth = int(free[0, len(PROMPT) + 4])
    directory = folder(
        {"eos_token_id": [2, fifth] if where == "config.json" else 2},
        {
            "generation_config.json": {"eos_token_id": [2, fifth]},
            "config.json": None,
            "neither": {"top_k": 5},
        }[where],
    )
    peer = OPTForCausalLM.from_pretrained(directory)
    expected = peer.generate(torch.tensor([PROMPT]), max_new_tokens=20, do_sample=False)[0]

    with Engine(directory) as engine:
        [output] = engine.generate([PROMPT], SamplingParams(max_tokens=20, temperature=0))

    sample = output.outputs[0]
    assert sample.token_ids == expected[len(PROMPT) :].tolist()
    assert sample.finish_reason == ("stop" if where != "neither" else "length")


@pytest.mark.parametrize(
    ("field", "value", "neutral"),
    [
        ("num_beams", 4, 1),
        ("no_repeat_ngram_size", 2, 0),
        ("encoder_repetition_penalty", 1.5, 1.0),
        ("bad_words_ids", [[5]], None),
        ("forced_eos_token_id", 2, None),
        ("suppress_tokens", [5], []),
        ("sequence_bias", [[[5], 1.0]], None),
        ("penalty_alpha", 0.6, 0),
        ("guidance_scale", 1.5, 1),
        ("stop_strings", ["x"], None),
        ("token_healing", True, False),
    ],
)
def test_a_setting_that_is_not_honoured_is_named(field, value, neutral):
    assert GenerationConfig.from_dict({field: value}).unsupported == (field,)
    assert GenerationConfig.from_dict({field: neutral}).unsupported == ()


def test_a_setting_of_sampling_alone_is_named_apart():
    config = GenerationConfig.from_dict({"typical_p": 0.9, "epsilon_cutoff": 0.0})
    assert (config.unsupported, config.unsupported_sampling) == ((), ("typical_p",))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("eos_token_id", "2"), ("eos_token_id", [2, [3]]), ("eos_token_id", True),
        ("eos_token_id", -1), ("eos_token_id", 2.0), ("do_sample", "false"), ("do_sample", 1),
        ("temperature", -1), ("temperature", "hot"), ("temperature", True), ("top_k", -1),
        ("top_k", 2.5), ("top_p", 1.5), ("min_p", -0.1), ("repetition_penalty", 0),
        ("max_new_tokens", 0), ("max_length", 0), ("min_new_tokens", -1), ("min_length", "1"),
        ("num_return_sequences", 2), ("logits_processor", []), ("pad_token_id", "1"),
        ("bos_token_id", True), ("early_stopping", "x"), ("compile_config", {}),
    ],
)  # fmt: skip
def test_a_senseless_setting_is_refused_by_file_and_field(folder, field, value):
    directory = folder({}, {field: value})
    with pytest.raises(ConfigError, match=rf"generation_config\.json: {field}"):
        GenerationConfig.from_directory(directory)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[1]", "must hold a JSON object, not a list"),
        ('{"temperature": NaN}', "NaN is no number"),
        ("[" * 100_000, "is not JSON"),
        ("", "is empty, not JSON: fetch it again"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a Git LFS pointer"),
        ("\n<!DOCTYPE html><html></html>", "is a web page, not JSON: fetch it again"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_name(folder, text, said):
    directory = folder({}, text)
    with pytest.raises(ConfigError, match=said) as caught:
        Engine(directory)
    assert "generation_config.json" in str(caught.value)


def test_a_folder_without_either_file_has_the_defaults(tmp_path):
    assert GenerationConfig.from_directory(tmp_path) == GenerationConfig()
