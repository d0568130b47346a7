"""Derive the model's config from what metaseq stored with its weights."""

from collections.abc import Mapping
from typing import Any

from inference.checkpoints.sources.stored import MergedTensor
from inference.config import POSITION_OFFSET, OptConfig
from inference.errors import ConfigError

_DECODER = "model.decoder."
_SIZES = {
    "hidden_size": "decoder_embed_dim",
    "num_hidden_layers": "decoder_layers",
    "ffn_dim": "decoder_ffn_embed_dim",
    "num_attention_heads": "decoder_attention_heads",
}
_TRAINING = {
    "dropout": ("dropout", 0.1),
    "attention_dropout": ("attention_dropout", 0.0),
    "layerdrop": ("decoder_layerdrop", 0.0),
}


def config_of(noted: Mapping[str, Any], weights: Mapping[str, MergedTensor]) -> OptConfig:
    """Make the config from cfg.model's attributes, with the tables' sizes from the weights.

    Raises ConfigError if something is missing, or is as no OPT has it.
    """
    missing = [name for name in _SIZES.values() if not isinstance(noted.get(name), int)]
    tables = [f"{_DECODER}{name}.weight" for name in ("embed_tokens", "embed_positions")]
    missing += [name for name in tables if name not in weights]
    if missing:
        raise ConfigError(
            f"the files don't say the model's shape ({', '.join(missing)} missing): give it with "
            "--config, as a config.json or a published name such as opt-175b"
        )
    if not noted.get("no_scale_embedding", True):
        raise ConfigError("this model scales its embeddings (no_scale_embedding is false)")
    vocab_size, narrow = weights[tables[0]].shape
    return OptConfig(
        **{name: noted[metaseq_name] for name, metaseq_name in _SIZES.items()},
        vocab_size=vocab_size,
        max_position_embeddings=weights[tables[1]].shape[0] - POSITION_OFFSET,
        word_embed_proj_dim=narrow,
        do_layer_norm_before=bool(noted.get("decoder_normalize_before", True)),
        remove_final_layer_norm=_lacks_final_norm(noted, weights),
        enable_bias=not noted.get("disable_bias", False),
        layer_norm_elementwise_affine=not noted.get("disable_affine_ln", False),
        activation_function=str(noted.get("activation_fn") or "relu"),
    )


def training_fields(noted: Mapping[str, Any]) -> dict[str, float]:
    """Return config.json's fields that only training reads; metaseq's defaults if unnoted."""
    fields = {}
    for name, (metaseq_name, default) in _TRAINING.items():
        value = noted.get(metaseq_name)
        fields[name] = float(value) if isinstance(value, int | float) else default
    return fields


def _lacks_final_norm(noted: Mapping[str, Any], weights: Mapping[str, MergedTensor]) -> bool:
    """Tell whether the final norm is absent. One without weights leaves no trace in the files."""
    if noted.get("disable_affine_ln", False) or not noted.get("decoder_normalize_before", True):
        return False
    return f"{_DECODER}final_layer_norm.weight" not in weights
