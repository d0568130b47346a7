"""OPT's recipe at the sizes of the paper's Table 1 (arXiv 2205.01068), every value overridable."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from inference.config import OptConfig
from inference.errors import TrainError
from inference.plan.shapes import OPT_NAMES, named_config
from inference.training.settings import MAX_POSITIONS, ModelSettings, RunSettings

TOKENS = 300_000_000_000  # OPT's length of training
WARMUP_TOKENS = 375_000_000  # of all sizes but the largest (section 2.2)
LARGEST_WARMUP_STEPS = 2000  # OPT-175B's
MOST_WARMUP_SHARE = 0.1  # of runs that are much shorter than OPT's
VOCAB_MULTIPLE = 8  # as OPT fills its vocabulary up, so that ranks get equal shares
_HALF_MILLION = 2**19
_RATES = {  # peak learning rate and tokens of a batch, Table 1
    "opt-125m": (6.0e-4, _HALF_MILLION),
    "opt-350m": (3.0e-4, _HALF_MILLION),
    "opt-1.3b": (2.0e-4, 2 * _HALF_MILLION),
    "opt-2.7b": (1.6e-4, 2 * _HALF_MILLION),
    "opt-6.7b": (1.2e-4, 4 * _HALF_MILLION),
    "opt-13b": (1.0e-4, 8 * _HALF_MILLION),
    "opt-30b": (1.0e-4, 8 * _HALF_MILLION),
    "opt-66b": (0.8e-4, 4 * _HALF_MILLION),
    "opt-175b": (1.2e-4, 4 * _HALF_MILLION),
}
DTYPES = ("float32", "bfloat16", "float16")


@dataclass(frozen=True, kw_only=True)
class RecipeSettings(RunSettings):
    """The settings of a run on a prepared corpus. Two runs of equal settings have equal losses.

    batch: sequences of a step, over all ranks. dtype: of the arithmetic; weights and moments are
    fp32 in any case.
    """

    hidden_size: int
    layers: int
    heads: int
    ffn_dim: int
    word_embed_proj_dim: int
    pre_norm: bool
    sequence_length: int
    batch: int
    dropout: float
    attention_dropout: float
    init_std: float
    dtype: str

    def __post_init__(self) -> None:
        if self.hidden_size % self.heads:
            raise TrainError(
                f"--hidden-size {self.hidden_size} is not a multiple of --heads {self.heads}"
            )
        if self.sequence_length > MAX_POSITIONS:
            raise TrainError(f"--sequence-length is over OPT's {MAX_POSITIONS} positions")

    @property
    def model(self) -> ModelSettings:
        """All begins as in OPT: normal, of one width, positions too."""
        return ModelSettings(self.init_std, True, self.dropout, self.attention_dropout, self.dtype)

    @property
    def batch_tokens(self) -> int:
        """Tokens of a step."""
        return self.batch * self.sequence_length

    def tokens_after(self, steps: int) -> int:
        """Return the number of tokens seen in so many steps."""
        return steps * self.batch_tokens

    def config(self, vocab_size: int, border: int = 2) -> OptConfig:
        """Return the model's config; the vocabulary is filled up to a multiple of eight."""
        return OptConfig(
            vocab_size=-(-vocab_size // VOCAB_MULTIPLE) * VOCAB_MULTIPLE,
            hidden_size=self.hidden_size,
            num_hidden_layers=self.layers,
            ffn_dim=self.ffn_dim,
            num_attention_heads=self.heads,
            max_position_embeddings=MAX_POSITIONS,
            word_embed_proj_dim=self.word_embed_proj_dim,
            do_layer_norm_before=self.pre_norm,
            pad_token_id=1 if border == 2 else None,
            bos_token_id=border,
            eos_token_ids=(border,),
        )


OVERRIDABLE = tuple(field.name for field in fields(RecipeSettings))


def recipe(name: str, overrides: Mapping[str, Any]) -> RecipeSettings:
    """Return the recipe of a size, with values of one's own.

    overrides: fields of RecipeSettings, and batch_tokens and tokens, of which batch and steps
    follow. What isn't given follows from what is: ffn_dim and word_embed_proj_dim from
    hidden_size, warm-up and steps from the batch. Raises TrainError.
    """
    if name not in OPT_NAMES:
        raise TrainError(f"no recipe is named {name!r}; known are {', '.join(OPT_NAMES)}")
    own = {key: value for key, value in overrides.items() if value is not None}
    rate, batch_tokens = _RATES[name]
    length = own.get("sequence_length", MAX_POSITIONS)
    batch = own.get("batch") or max(own.pop("batch_tokens", batch_tokens) // length, 1)
    own.pop("batch_tokens", None)
    steps = max(own.pop("tokens", TOKENS) // (batch * length), 1)
    steps = own.get("steps", steps)
    values = {
        "steps": steps,
        "learning_rate": rate,
        "warmup_steps": _warmup(name, steps, batch * length),
        "sequence_length": length,
        "batch": batch,
        "dropout": 0.1,
        "attention_dropout": 0.1,
        "init_std": 0.006,
        "dtype": "float16",
        **_shape(name, own),
    }
    return RecipeSettings(**(values | own))


def _shape(name: str, own: Mapping[str, Any]) -> dict[str, Any]:
    config = named_config(name)
    width = own.get("hidden_size", config.hidden_size)
    narrow = config.word_embed_proj_dim if config.has_projections else width
    return {
        "hidden_size": width,
        "layers": config.num_hidden_layers,
        "heads": config.num_attention_heads,
        "ffn_dim": 4 * width,
        "word_embed_proj_dim": min(narrow, width),
        "pre_norm": config.do_layer_norm_before,
    }


def _warmup(name: str, steps: int, batch_tokens: int) -> int:
    """Return the recipe's warm-up, or a tenth of a run that is short for it."""
    own = LARGEST_WARMUP_STEPS if name == "opt-175b" else WARMUP_TOKENS // batch_tokens
    return max(min(own, int(steps * MOST_WARMUP_SHARE)), 1)
