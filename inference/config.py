"""The model's shape, read from config.json. Free of torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.errors import ConfigError
from inference.model_files.config_checks import (
    ARCHITECTURE,
    FILE_NAME,
    require_no_adapter,
    require_opt,
    require_plain_training_fields,
)
from inference.model_files.json_fields import Fields
from inference.model_files.json_files import read_object

ACTIVATIONS = (  # transformers' names; those with weights of their own are left out
    "relu", "gelu", "gelu_python", "gelu_new", "gelu_fast", "gelu_accurate", "gelu_pytorch_tanh",
    "gelu_python_tanh", "gelu_10", "quick_gelu", "silu", "swish", "relu2", "relu6", "leaky_relu",
    "hardswish", "mish", "sigmoid", "tanh", "laplace", "sqrtsoftplus", "linear",
)  # fmt: skip
ACTIVATIONS_WITH_WEIGHTS = ("prelu", "xielu")
MOST_LAYERS = 10_000  # a mistyped number would else be a day of building empty layers
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
        if self.activation_function in ACTIVATIONS_WITH_WEIGHTS:
            raise ConfigError(
                f"activation_function {self.activation_function!r} has weights of its own, which "
                "this engine doesn't run: use transformers for this model"
            )
        if self.activation_function not in ACTIVATIONS:
            raise ConfigError(
                f"activation_function {self.activation_function!r} is unknown; "
                f"known are {', '.join(ACTIVATIONS)}"
            )
        if self.num_hidden_layers > MOST_LAYERS:
            raise ConfigError(
                f"num_hidden_layers {self.num_hidden_layers} is over {MOST_LAYERS}: no such model"
            )
        if self.pad_token_id is not None and self.pad_token_id >= self.vocab_size:
            raise ConfigError(
                f"pad_token_id {self.pad_token_id} must be below vocab_size {self.vocab_size}"
            )

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_attention_heads

    def sampled_vocab_size(self, tokenizer_size: int | None) -> int:
        """Return how many ids may be sampled, from 0 on: those that the tokenizer holds.

        Without a tokenizer, all but OPT's 7 last rows, which only fill up its table.
        """
        known = OPT_TOKENS if self.vocab_size == OPT_VOCAB_SIZE else self.vocab_size
        return min(self.vocab_size, known if tokenizer_size is None else tokenizer_size)

    def model_len(self, limit: int | None) -> int:
        """Return how many tokens a sequence may have: the limit, or without one the model's own.

        Raises ValueError for a limit past the model's.
        """
        longest = self.max_position_embeddings
        if limit is not None and not 1 <= limit <= longest:
            raise ValueError(f"max_model_len must be from 1 to the model's {longest}, not {limit}")
        return limit or longest

    @property
    def has_projections(self) -> bool:
        """Tell whether embeddings are narrower than the layers (the 350M's project_in and _out)."""
        return self.word_embed_proj_dim != self.hidden_size

    @property
    def has_final_layer_norm(self) -> bool:
        """Post-norm models and some early conversions have none."""
        return self.do_layer_norm_before and not self.remove_final_layer_norm

    @classmethod
    def from_directory(cls, directory: str | Path) -> "OptConfig":
        """Read DIR/config.json. Raises ConfigError saying what is wrong with it."""
        require_no_adapter(Path(directory))
        return cls.from_dict(read_object(Path(directory) / FILE_NAME, ConfigError))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "OptConfig":
        """Build from config.json's object. Raises ConfigError naming the field.

        Another architecture, a missing size, and what would make another model are refused; fields
        that change nothing are let pass, as transformers lets them.
        """
        require_opt(data)
        fields = Fields(data, FILE_NAME)
        require_plain_training_fields(fields)
        sizes = {name: _size(fields, name) for name in _REQUIRED_SIZES}
        narrow = data.get("word_embed_proj_dim") is not None
        return cls(
            **sizes,
            word_embed_proj_dim=_size(fields, "word_embed_proj_dim")
            if narrow
            else sizes["hidden_size"],
            do_layer_norm_before=fields.flag("do_layer_norm_before", True),
            remove_final_layer_norm=fields.flag("_remove_final_layer_norm", False),
            enable_bias=fields.flag("enable_bias", True),
            layer_norm_elementwise_affine=fields.flag("layer_norm_elementwise_affine", True),
            activation_function=fields.text("activation_function", "relu"),
            pad_token_id=fields.token_id("pad_token_id", 1),
            bos_token_id=fields.token_id("bos_token_id", 2),
            eos_token_ids=fields.token_ids("eos_token_id") if fields.has("eos_token_id") else (2,),
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


def _size(fields: Fields, name: str) -> int:
    if not fields.has(name):
        raise ConfigError(f"{FILE_NAME} lacks {name}")
    return fields.integer(name, 0, 1)
