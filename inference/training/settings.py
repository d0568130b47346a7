"""Define a training run: all settings that decide its losses, by name."""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any

from inference.config import OptConfig

MAX_POSITIONS = 2048


@dataclass(frozen=True)
class ModelSettings:
    """The width of new weights, what is dropped while training, and the dtype of arithmetic.

    trained_positions: whether positions begin as other weights do, and not at zero.
    """

    init_std: float = 0.02
    trained_positions: bool = False
    dropout: float = 0.0
    attention_dropout: float = 0.0
    dtype: str = "float32"


@dataclass(frozen=True, kw_only=True)
class RunSettings(ABC):
    """The settings that every run has: length, optimizer, schedule and seed."""

    steps: int
    learning_rate: float
    warmup_steps: int
    final_rate_share: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.95
    weight_decay: float = 0.1
    clip_norm: float = 1.0
    held_out_windows: int = 16
    seed: int = 0

    @property
    @abstractmethod
    def model(self) -> ModelSettings:
        """The model's settings beside its config."""

    @abstractmethod
    def tokens_after(self, steps: int) -> int:
        """Return the number of tokens seen in so many steps."""

    @abstractmethod
    def config(self, vocab_size: int) -> OptConfig:
        """Return the model's config for the vocabulary that the tokenizer got."""

    def rate_at(self, step: int) -> float:
        """Return a step's learning rate: linear warm-up, then linear decay to final_rate_share."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        done = (step - self.warmup_steps) / max(self.steps - self.warmup_steps, 1)
        return self.learning_rate * (1 - (1 - self.final_rate_share) * done)

    def as_dict(self) -> dict[str, Any]:
        """Return all settings by name."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class TrainSettings(RunSettings):
    """The settings of a run on the standard library's sources; sizes are in tokens.

    Two runs of equal settings have equal losses.
    """

    hidden_size: int
    layers: int
    heads: int
    vocab_size: int
    corpus_bytes: int
    batch_tokens: int
    window: int
    long_window: int
    long_every: int

    @property
    def model(self) -> ModelSettings:
        """Positions begin at zero: in short runs each is met rarely, and noise slows learning."""
        return ModelSettings()

    def window_of(self, step: int) -> int:
        """Return the length of a step's windows: every long_every-th step has long ones."""
        return self.long_window if step % self.long_every == self.long_every - 1 else self.window

    def windows_of(self, step: int) -> int:
        """Return the number of a step's windows."""
        return self._windows_of_length(self.window_of(step))

    def tokens_after(self, steps: int) -> int:
        """Return the number of tokens seen in so many steps."""
        long_tokens, short_tokens = (
            length * self._windows_of_length(length) for length in (self.long_window, self.window)
        )
        long_steps = steps // self.long_every
        return long_steps * long_tokens + (steps - long_steps) * short_tokens

    def _windows_of_length(self, length: int) -> int:
        return max(self.batch_tokens // length, 1)

    def config(self, vocab_size: int) -> OptConfig:
        """Return the model's config for the vocabulary that the tokenizer got."""
        return OptConfig(
            vocab_size=vocab_size,
            hidden_size=self.hidden_size,
            num_hidden_layers=self.layers,
            ffn_dim=4 * self.hidden_size,
            num_attention_heads=self.heads,
            max_position_embeddings=MAX_POSITIONS,
            word_embed_proj_dim=self.hidden_size,
        )


PRESETS = {
    "tiny": TrainSettings(
        steps=40,
        hidden_size=32,
        layers=2,
        heads=2,
        vocab_size=512,
        corpus_bytes=200_000,
        batch_tokens=512,
        window=64,
        long_window=256,
        long_every=8,
        learning_rate=5e-3,
        warmup_steps=5,
        held_out_windows=4,
    ),
    "demo": TrainSettings(
        steps=900,
        hidden_size=128,
        layers=2,
        heads=4,
        vocab_size=2048,
        corpus_bytes=8_000_000,
        batch_tokens=1024,
        window=256,
        long_window=2048,
        long_every=10,
        learning_rate=2e-3,
        warmup_steps=50,
    ),
}
