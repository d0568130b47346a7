"""Refuse fields of config.json that make a folder another model than its shape says. No torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inference.errors import ConfigError
from inference.model_files.json_fields import Fields
from inference.model_files.json_files import read_object

FILE_NAME = "config.json"
ADAPTER_NAME = "adapter_config.json"
ARCHITECTURE, BASE_ARCHITECTURE = "OPTForCausalLM", "OPTModel"
FLOAT_DTYPES = (None, "float16", "bfloat16", "float32", "float64")
# Fields that no OPT has, or has with these values only. transformers reads some of them, or leaves
# them to code that comes with the folder; a value that is not here means another model.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "auto_map": ({},),
    "compression_config": ({},),
    "fusion_config": ({},),
    "per_layer_config": ({},),
    "pruned_heads": ({},),
    "transformers_weights": (),
    "return_dict": (True,),
    "attn_implementation": ("eager", "sdpa"),
    "_attn_implementation": ("eager", "sdpa"),
    "attribute_map": ({},),
    "layer_types": (),
    "is_encoder_decoder": (False,),
    "add_cross_attention": (False,),
    "tie_encoder_decoder": (False,),
    "text_config": ({},),
    "decoder": ({},),
    "generator": ({},),
    "layer_norm_eps": (1e-5,),
    "layer_norm_epsilon": (1e-5,),
    "position_embedding_type": ("absolute", "learned"),
    "rope_parameters": ({},),
    "rope_scaling": ({},),
    "rope_theta": (),
    "sliding_window": (),
    "scale_embedding": (False,),
    "scale_embeddings": (False,),
    "embedding_multiplier": (1,),
    "logit_scale": (1,),
    "final_logit_softcapping": (),
    "attn_logit_softcapping": (),
}


def require_no_adapter(folder: Path) -> None:
    """Raise ConfigError for a folder of PEFT's: transformers would lay its adapter over a model."""
    if (folder / ADAPTER_NAME).is_file():
        raise ConfigError(
            f"{folder} holds an adapter ({ADAPTER_NAME}): merge it into its model with PEFT's "
            f"merge_and_unload, and save that model; if it is merged already, remove {ADAPTER_NAME}"
        )


def is_opt_folder(folder: Path) -> bool:
    """Tell whether a folder says that it is of this engine's kind, or can't say what it is."""
    try:
        config = read_object(folder / FILE_NAME, ConfigError)
    except ConfigError:
        return True
    return config.get("model_type") == "opt"


def require_opt(data: Mapping[str, Any]) -> None:
    """Raise ConfigError for another architecture, and for what no OPT of this engine's has."""
    architectures = data.get("architectures") or [ARCHITECTURE]
    if data.get("model_type") != "opt" or architectures not in (
        [ARCHITECTURE],
        [BASE_ARCHITECTURE],
    ):
        raise ConfigError(
            f"this engine runs {ARCHITECTURE} (model_type opt); config.json says "
            f"model_type {data.get('model_type')!r}, architectures {architectures!r}"
        )
    _require_not_quantized(data.get("quantization_config"))
    if data.get("tie_word_embeddings", True) is not True:
        raise ConfigError("tie_word_embeddings must be true: OPT's head is its embedding")
    _require_neutral(data)


def require_plain_training_fields(fields: Fields) -> None:
    """Raise ConfigError where a field that doesn't change inference holds no such value at all."""
    for name in ("dropout", "attention_dropout", "activation_dropout", "layerdrop"):
        fields.number(name, 0.0, 0.0, 1.0)
    if not isinstance(fields.value("init_std", 0.02), float):
        raise fields.refusal("init_std", "a number with a fraction")
    fields.flag("use_cache", True)
    if not isinstance(fields.value("id2label") or {}, dict):
        raise fields.refusal("id2label", "an object, or null")
    if fields.value("num_labels") is not None:
        fields.integer("num_labels", 2, 0)


def _require_not_quantized(described: object) -> None:
    if described is None:
        return
    method = described.get("quant_method") if isinstance(described, dict) else None
    named = f" by {method}" if isinstance(method, str) else ""
    raise ConfigError(
        f"config.json: quantization_config says that the weights are quantized{named}, which this "
        "engine can't read: take the model's unquantized weights, or dequantize and save them"
    )


def _require_neutral(data: Mapping[str, Any]) -> None:
    heads, width = data.get("num_attention_heads"), data.get("hidden_size")
    sound = isinstance(heads, int) and isinstance(width, int) and heads > 0
    neutral = _NEUTRAL | {
        "num_key_value_heads": (heads,),
        "head_dim": (width // heads,) if sound else (),  # type: ignore[operator]
        "dtype": FLOAT_DTYPES,
        "torch_dtype": FLOAT_DTYPES,
    }
    fields = Fields(data, FILE_NAME)
    for name in fields.unlike(neutral):
        known = " or ".join(repr(value) for value in neutral[name] if value is not None)
        raise fields.refusal(name, f"{known or 'absent'} in a model that this engine runs")
