"""The model's shape, read from config.json. Free of torch."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.errors import ConfigError

ARCHITECTURE = "OPTForCausalLM"
ACTIVATIONS = ("relu", "gelu", "gelu_new")
POSITION_OFFSET = 2  # OPT's position table has two rows before position 0
OPT_TOKENS, OPT_VOCAB_SIZE = 50265, 50272
_REQUIRED_SIZES = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "ffn_dim",
    "num_attention_heads",
    "max_position_embeddings",
)


@dataclass(frozen=True)
class OptConfig:
    """One OPT shape; field names are config.json's. Defaults are the family's common case."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    ffn_dim: int
    num_attention_heads: int
    max_position_embeddings: int
    word_embed_proj_dim: int
    do_layer_norm_before: bool = True
    remove_final_layer_norm: bool = False
    enable_bias: bool = True
    layer_norm_elementwise_affine: bool = True
    activation_function: str = "relu"
    pad_token_id: int | None = 1
    bos_token_id: int | None = 2
    eos_token_ids: tuple[int, ...] = (2,)

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise ConfigError(
                f"hidden_size {self.hidden_size} is not a multiple of "
                f"num_attention_heads {self.num_attention_heads}"
            )
        if self.activation_function not in ACTIVATIONS:
            raise ConfigError(
                f"activation_function {self.activation_function!r} is unknown; "
                f"known are {', '.join(ACTIVATIONS)}"
            )

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_attention_heads

    @property
    def known_tokens(self) -> int:
        """Ids 0 .. known_tokens - 1 stand for text; OPT's 7 last rows only fill up its table."""
        return OPT_TOKENS if self.vocab_size == OPT_VOCAB_SIZE else self.vocab_size

    @property
    def has_projections(self) -> bool:
        """Whether embeddings are narrower than the layers (the 350M's project_in and _out)."""
        return self.word_embed_proj_dim != self.hidden_size

    @property
    def has_final_layer_norm(self) -> bool:
        """Post-norm models and some early conversions have none."""
        return self.do_layer_norm_before and not self.remove_final_layer_norm

    @classmethod
    def from_directory(cls, directory: str | Path) -> "OptConfig":
        """Read DIR/config.json. Raises ConfigError saying what is wrong with it."""
        path = Path(directory) / "config.json"
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"cannot read {path}: {error.strerror}") from error
        except ValueError as error:
            raise ConfigError(f"{path} is not JSON: {error}") from error
        if not isinstance(data, dict):
            raise ConfigError(f"{path} is not a JSON object")
        return cls.from_dict(data)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "OptConfig":
        """Build from config.json's object; an unknown architecture or missing key is refused."""
        _require_opt(data)
        sizes = {name: _size(data, name) for name in _REQUIRED_SIZES}
        width = data.get("word_embed_proj_dim")
        return cls(
            **sizes,
            word_embed_proj_dim=sizes["hidden_size"]
            if width is None
            else _size(data, "word_embed_proj_dim"),
            do_layer_norm_before=_flag(data, "do_layer_norm_before", True),
            remove_final_layer_norm=_flag(data, "_remove_final_layer_norm", False),
            enable_bias=_flag(data, "enable_bias", True),
            layer_norm_elementwise_affine=_flag(data, "layer_norm_elementwise_affine", True),
            activation_function=str(data.get("activation_function", "relu")),
            pad_token_id=data.get("pad_token_id", 1),
            bos_token_id=data.get("bos_token_id", 2),
            eos_token_ids=_ids(data.get("eos_token_id", 2)),
        )

    def to_dict(self) -> dict[str, Any]:
        """config.json's object, as transformers writes and reads it."""
        return {
            "architectures": [ARCHITECTURE],
            "model_type": "opt",
            **{name: getattr(self, name) for name in _REQUIRED_SIZES},
            "word_embed_proj_dim": self.word_embed_proj_dim,
            "do_layer_norm_before": self.do_layer_norm_before,
            "_remove_final_layer_norm": self.remove_final_layer_norm,
            "enable_bias": self.enable_bias,
            "layer_norm_elementwise_affine": self.layer_norm_elementwise_affine,
            "activation_function": self.activation_function,
            "dropout": 0.0,
            "attention_dropout": 0.0,
            "layerdrop": 0.0,
            "init_std": 0.02,
            "use_cache": True,
            "tie_word_embeddings": True,
            "pad_token_id": self.pad_token_id,
            "bos_token_id": self.bos_token_id,
            "eos_token_id": list(self.eos_token_ids)
            if len(self.eos_token_ids) != 1
            else self.eos_token_ids[0],
        }


def _require_opt(data: Mapping[str, Any]) -> None:
    architectures = data.get("architectures") or [ARCHITECTURE]
    if data.get("model_type") != "opt" or architectures not in ([ARCHITECTURE], ["OPTModel"]):
        raise ConfigError(
            f"this engine runs {ARCHITECTURE} (model_type opt); config.json says "
            f"model_type {data.get('model_type')!r}, architectures {architectures!r}"
        )
    if data.get("tie_word_embeddings", True) is not True:
        raise ConfigError("tie_word_embeddings must be true: OPT's head is its embedding")


def _size(data: Mapping[str, Any], name: str) -> int:
    if name not in data:
        raise ConfigError(f"config.json lacks {name}")
    value = data[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"config.json: {name} must be a positive integer, not {value!r}")
    return value


def _flag(data: Mapping[str, Any], name: str, default: bool) -> bool:
    value = data.get(name, default)
    if not isinstance(value, bool):
        raise ConfigError(f"config.json: {name} must be true or false, not {value!r}")
    return value


def _ids(value: Any) -> tuple[int, ...]:
    found = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(token, int) for token in found):
        raise ConfigError(f"config.json: eos_token_id must be an id or a list, not {value!r}")
    return tuple(found)
