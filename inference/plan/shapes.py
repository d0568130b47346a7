"""Describe the shapes of published models and count their parameters. Free of torch."""

from dataclasses import dataclass

from inference.config import POSITION_OFFSET, OptConfig
from inference.errors import InferenceError, UnknownDtype

DTYPE_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}
LEAST_CACHE_BYTES = 2  # int8 is for weights alone
_OPT_SIZES = {  # layers, heads, d_model (OPT paper, table 1)
    "opt-125m": (12, 12, 768),
    "opt-350m": (24, 16, 1024),
    "opt-1.3b": (24, 32, 2048),
    "opt-2.7b": (32, 32, 2560),
    "opt-6.7b": (32, 32, 4096),
    "opt-13b": (40, 40, 5120),
    "opt-30b": (48, 56, 7168),
    "opt-66b": (64, 72, 9216),
    "opt-175b": (96, 96, 12288),
}
OPT_NAMES = tuple(_OPT_SIZES)


@dataclass(frozen=True)
class Shape:
    """A decoder's sizes. context: tokens of one full sequence.

    Parameters: of one layer's attention, of the rest of that layer, of the embedding, which is the
    head as well, and of all else. is_opt: this engine runs it; others are planned on paper.
    """

    name: str
    layers: int
    width: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocab: int
    context: int
    attention_parameters: int
    feed_parameters: int
    table_parameters: int
    other_parameters: int
    is_opt: bool = True

    @property
    def parameters(self) -> int:
        """Return the number of all parameters; the tied head counts once."""
        layer = self.attention_parameters + self.feed_parameters
        return self.layers * layer + self.table_parameters + self.other_parameters

    def weight_bytes(self, dtype: str) -> int:
        """Bytes of all weights in dtype."""
        return self.parameters * item_bytes(dtype)

    def kv_bytes_per_token(self, dtype: str) -> int:
        """Bytes of one token's keys and values in all layers, held once."""
        return self.kv_bytes(dtype, self.layers, self.kv_heads)

    def kv_bytes(self, dtype: str, layers: int, heads: int) -> int:
        """Return the bytes of one token's keys and values in so many layers and heads."""
        return 2 * layers * heads * self.head_dim * max(item_bytes(dtype), LEAST_CACHE_BYTES)


def _classic(name: str, layers: int, width: int, heads: int, vocab: int) -> Shape:
    """Make a shape as GPT-3's: biases, learned positions, a feed-forward four times as wide."""
    context = 2048
    return Shape(
        name,
        layers=layers,
        width=width,
        heads=heads,
        kv_heads=heads,
        head_dim=width // heads,
        ffn=4 * width,
        vocab=vocab,
        context=context,
        attention_parameters=4 * width**2 + 4 * width,
        feed_parameters=8 * width**2 + 9 * width,
        table_parameters=vocab * width,
        other_parameters=context * width + 2 * width,
        is_opt=False,
    )


def _palm() -> Shape:
    """Make PaLM's shape: no biases, one norm a layer, gated feed-forward, one key-value head."""
    layers, width, heads, head_dim, ffn, vocab = 118, 18432, 48, 256, 73728, 256_000
    return Shape(
        "palm-540b",
        layers=layers,
        width=width,
        heads=heads,
        kv_heads=1,
        head_dim=head_dim,
        ffn=ffn,
        vocab=vocab,
        context=2048,
        attention_parameters=2 * width * heads * head_dim + 2 * width * head_dim,
        feed_parameters=3 * width * ffn + width,
        table_parameters=vocab * width,
        other_parameters=width,
        is_opt=False,
    )


_OTHERS = {
    shape.name: shape
    for shape in (
        _classic("gpt-3-175b", 96, 12288, 96, 50257),
        _classic("mt-nlg-530b", 105, 20480, 128, 51200),
        _palm(),
    )
}
NAMES = (*OPT_NAMES, *_OTHERS)


def named_config(name: str) -> OptConfig:
    """Return a published OPT's config by its exact name. Raises InferenceError."""
    if name not in _OPT_SIZES:
        raise InferenceError(f"no OPT is named {name!r}; known are {', '.join(OPT_NAMES)}")
    layers, heads, width = _OPT_SIZES[name]
    post_norm = name == "opt-350m"
    return OptConfig(
        vocab_size=50272,
        hidden_size=width,
        num_hidden_layers=layers,
        ffn_dim=4 * width,
        num_attention_heads=heads,
        max_position_embeddings=2048,
        word_embed_proj_dim=512 if post_norm else width,
        do_layer_norm_before=not post_norm,
    )


def named_shape(name: str) -> Shape:
    """Return a published model's shape by its exact name. Raises InferenceError."""
    if name in _OTHERS:
        return _OTHERS[name]
    if name not in OPT_NAMES:
        raise InferenceError(f"no model is named {name!r}; known are {', '.join(NAMES)}")
    return shape_of(named_config(name), name)


def shape_of(config: OptConfig, name: str = "opt") -> Shape:
    """Return the shape that a config.json describes."""
    width, narrow, ffn = config.hidden_size, config.word_embed_proj_dim, config.ffn_dim
    bias = int(config.enable_bias)
    norm = 2 * width * int(config.layer_norm_elementwise_affine)
    positions = (config.max_position_embeddings + POSITION_OFFSET) * width
    projections = 2 * narrow * width * int(config.has_projections)
    return Shape(
        name,
        layers=config.num_hidden_layers,
        width=config.hidden_size,
        heads=config.num_attention_heads,
        kv_heads=config.num_attention_heads,
        head_dim=config.head_dim,
        ffn=config.ffn_dim,
        vocab=config.vocab_size,
        context=config.max_position_embeddings,
        attention_parameters=4 * (width * width + bias * width),
        feed_parameters=2 * width * ffn + bias * (ffn + width) + 2 * norm,
        table_parameters=config.vocab_size * narrow,
        other_parameters=positions + projections + norm * int(config.has_final_layer_norm),
    )


def parameter_count(config: OptConfig) -> int:
    """Return the number of an OPT's parameters; the tied head counts once."""
    return shape_of(config).parameters


def item_bytes(dtype: str) -> int:
    """Return the bytes of one weight. Raises UnknownDtype."""
    if dtype not in DTYPE_BYTES:
        raise UnknownDtype(f"dtype must be one of {', '.join(DTYPE_BYTES)}, not {dtype!r}")
    return DTYPE_BYTES[dtype]
