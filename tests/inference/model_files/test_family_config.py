"""config.json: every field is honoured as transformers does, or refused by name."""

import json
import shutil

import pytest
import torch

from inference import Engine, SamplingParams
from inference.config import ACTIVATIONS as ACTIVATION_NAMES
from inference.config import ACTIVATIONS_WITH_WEIGHTS, OptConfig
from inference.errors import ConfigError
from inference.model.activations import ACTIVATIONS
from tests.inference.tiny_opts import greedy_reference, make_opt, tokens_of

PROMPT = [2, 50, 7]
REFUSED = {
    "quantization_config": {"quant_method": "gptq", "bits": 4},
    "auto_map": {"AutoModelForCausalLM": "modeling_opt.OPT"},
    "per_layer_config": {"0": {"ffn_dim": 8}},
    "pruned_heads": {"0": [1]},
    "transformers_weights": "other.safetensors",
    "fusion_config": {"mlp": True},
    "is_encoder_decoder": True,
    "text_config": {"eos_token_id": 5},
    "layer_norm_eps": 1e-3,
    "rope_theta": 10000.0,
    "rope_scaling": {"type": "linear", "factor": 2.0},
    "scale_embedding": True,
    "num_key_value_heads": 2,
    "head_dim": 4,
    "dtype": "float8_e4m3fn",
    "torch_dtype": "int8",
    "tie_word_embeddings": False,
    "architectures": ["OPTForQuestionAnswering"],
    "activation_function": "xielu",
    "pad_token_id": 99,
    "bos_token_id": "2",
    "eos_token_id": [2, "3"],
    "enable_bias": 1,
    "_remove_final_layer_norm": None,
    "layer_norm_elementwise_affine": "true",
    "vocab_size": 99.0,
    "hidden_size": "32",
    "num_hidden_layers": 0,
    "ffn_dim": None,
    "word_embed_proj_dim": -1,
    "max_position_embeddings": True,
    "dropout": "0.1",
    "layerdrop": 2,
    "init_std": None,
    "use_cache": "yes",
    "return_dict": False,
    "id2label": ["a"],
    "num_labels": "2",
    "layer_types": ["sliding_attention"],
    "attn_implementation": "x",
}
HARMLESS = {
    "quantization_config": None, "auto_map": None, "pruned_heads": {}, "num_key_value_heads": 4,
    "head_dim": 8, "rope_scaling": None, "scale_embedding": False, "layer_norm_eps": 1e-5,
    "dtype": None, "torch_dtype": "float16", "prefix": "</s>", "dropout": 0.5, "layerdrop": 0.1,
    "use_cache": False, "id2label": {"0": "a"}, "task_specific_params": None, "author": ["x"],
    "_name_or_path": "/somewhere", "transformers_version": "4.26.0", "architectures": None,
    "word_embed_proj_dim": None, "bos_token_id": 0, "pad_token_id": None, "activation_dropout": 0.0,
}  # fmt: skip


@pytest.fixture
def data(plain_opt):
    return json.loads((plain_opt[0] / "config.json").read_text())


@pytest.mark.parametrize("field", REFUSED)
def test_a_field_that_makes_another_model_is_refused_by_name(data, field):
    with pytest.raises(ConfigError, match=field):
        OptConfig.from_dict(data | {field: REFUSED[field]})


def test_the_method_of_a_quantized_folder_is_named_before_its_tensors(plain_opt, tmp_path, data):
    data["quantization_config"] = REFUSED["quantization_config"]
    (tmp_path / "config.json").write_text(json.dumps(data))
    with pytest.raises(ConfigError, match=r"quantization_config .* quantized by gptq"):
        Engine(tmp_path)


@pytest.mark.parametrize("field", HARMLESS)
def test_a_field_that_changes_nothing_is_let_pass_as_transformers_does(
    plain_opt, tmp_path, data, field
):
    from transformers import OPTForCausalLM

    shutil.copytree(plain_opt[0], tmp_path, dirs_exist_ok=True)
    (tmp_path / "config.json").write_text(json.dumps(data | {field: HARMLESS[field]}))
    peer = OPTForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).eval()
    with Engine(tmp_path) as engine:
        outputs = engine.generate([PROMPT], SamplingParams(max_tokens=8, temperature=0))
    assert tokens_of(outputs) == [greedy_reference(peer, PROMPT, 8)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "must hold a JSON object, not a list"),
        ("null", "must hold a JSON object, not null"),
        ('{"hidden_size": NaN}', "NaN is no number"),
        ("{" * 9999, "is not JSON"),
        ("\ufeff{}", "is not JSON"),
        ("version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
        ("<html>", "is a web page"),
    ],
)
def test_a_config_that_cannot_be_read_is_refused(tmp_path, text, said):
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=said) as caught:
        OptConfig.from_directory(tmp_path)
    assert "config.json" in str(caught.value)


@pytest.mark.parametrize("with_weights", [True, False])
def test_an_adapter_is_refused_with_the_remedy(plain_opt, tmp_path, with_weights):
    if with_weights:
        shutil.copytree(plain_opt[0], tmp_path, dirs_exist_ok=True)
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    with pytest.raises(ConfigError, match=r"adapter_config\.json.*merge_and_unload"):
        Engine(tmp_path)


def test_activations_are_those_of_transformers():
    from transformers.activations import ACT2FN

    assert set(ACTIVATIONS) == set(ACTIVATION_NAMES)
    assert {*ACTIVATIONS, *ACTIVATIONS_WITH_WEIGHTS} >= set(ACT2FN)
    values = torch.linspace(-12, 12, 997)
    for name, activation in ACTIVATIONS.items():
        torch.testing.assert_close(activation(values), ACT2FN[name](values), msg=name)


def test_another_activation_gives_the_tokens_of_transformers(tmp_path):
    peer = make_opt(tmp_path, activation_function="quick_gelu")
    with Engine(tmp_path) as engine:
        outputs = engine.generate([PROMPT], SamplingParams(max_tokens=12, temperature=0))
    assert tokens_of(outputs) == [greedy_reference(peer, PROMPT, 12)]


@pytest.mark.parametrize("name", ACTIVATIONS_WITH_WEIGHTS)
def test_an_activation_with_weights_is_said_to_have_them(plain_opt, name):
    data = json.loads((plain_opt[0] / "config.json").read_text())
    with pytest.raises(ConfigError, match=f"activation_function '{name}' has weights of its own"):
        OptConfig.from_dict(data | {"activation_function": name})
