"""Read how long and how wide a model of any architecture is, from its config.json. No torch."""

from collections.abc import Mapping
from typing import Any

from inference.errors import ConfigError

# Architectures have their own names for the same. Of those that also see or hear, the part that
# writes text has a config of its own.
TEXT = ("text_config", "llm_config", "language_config")
LENGTHS = (
    "max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "max_sequence_length",
    "n_ctx",
)  # fmt: skip
VOCABULARIES = ("vocab_size", "padded_vocab_size")
MOST = 1 << 31


def context_length_of(config: Mapping[str, Any]) -> int:
    """Return the most tokens of a prompt with its completion. Raises ConfigError."""
    return _size(config, LENGTHS)


def vocab_size_of(config: Mapping[str, Any]) -> int:
    """Return the number of token ids. Raises ConfigError."""
    return _size(config, VOCABULARIES)


def _size(config: Mapping[str, Any], names: tuple[str, ...]) -> int:
    inner = [config[name] for name in TEXT if isinstance(config.get(name), dict)]
    for part in (config, *inner):
        for name in names:
            value = part.get(name)
            if type(value) is int and 0 < value < MOST:
                return value
    raise ConfigError(f"config.json has no {' nor '.join(names[:2])}, a whole number over 0")
