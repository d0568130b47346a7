"""The OPT decoder over packed tokens. Paper: arXiv 2205.01068, section 2.1.

Pre-norm (all sizes but one) and the 350M's post-norm with narrower embeddings; with or without
final norm, biases and affine norms.
"""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.attention import Attend
from inference.config import POSITION_OFFSET, OptConfig

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "gelu": functional.gelu,
    "gelu_new": lambda x: functional.gelu(x, approximate="tanh"),
}


class DecoderLayer(nn.Module):
    """Attention and feed-forward. qkv is q, k and v in one matrix, in that order."""

    def __init__(self, config: OptConfig, number: int) -> None:
        super().__init__()
        width, bias = config.hidden_size, config.enable_bias
        affine = config.layer_norm_elementwise_affine
        self.number = number
        self.heads, self.head_dim = config.num_attention_heads, config.head_dim
        self.pre_norm = config.do_layer_norm_before
        self.activation = _ACTIVATIONS[config.activation_function]
        self.qkv = nn.Linear(width, 3 * width, bias=bias)
        self.out_proj = nn.Linear(width, width, bias=bias)
        self.self_attn_layer_norm = nn.LayerNorm(width, elementwise_affine=affine)
        self.fc1 = nn.Linear(width, config.ffn_dim, bias=bias)
        self.fc2 = nn.Linear(config.ffn_dim, width, bias=bias)
        self.final_layer_norm = nn.LayerNorm(width, elementwise_affine=affine)

    def forward(self, hidden: Tensor, attend: Attend) -> Tensor:
        """hidden: [tokens, hidden_size], and so is the result."""
        if self.pre_norm:
            hidden = hidden + self._mix(self.self_attn_layer_norm(hidden), attend)
            return hidden + self._feed(self.final_layer_norm(hidden))
        hidden = self.self_attn_layer_norm(hidden + self._mix(hidden, attend))
        normed: Tensor = self.final_layer_norm(hidden + self._feed(hidden))
        return normed

    def _mix(self, hidden: Tensor, attend: Attend) -> Tensor:
        qkv = self.qkv(hidden).view(-1, 3, self.heads, self.head_dim)
        mixed: Tensor = self.out_proj(attend(self.number, *qkv.unbind(1)).flatten(1))
        return mixed

    def _feed(self, hidden: Tensor) -> Tensor:
        fed: Tensor = self.fc2(self.activation(self.fc1(hidden)))
        return fed

    def weights(self) -> Iterator[tuple[str, Tensor]]:
        """Checkpoint name (within the layer) and the memory it fills; q, k, v singly."""
        for kind, parameter in self.qkv.named_parameters():
            for name, piece in zip("qkv", parameter.data.chunk(3), strict=True):
                yield f"self_attn.{name}_proj.{kind}", piece
        for name, parameter in self.named_parameters():
            if not name.startswith("qkv."):
                prefix = "self_attn." if name.startswith("out_proj.") else ""
                yield prefix + name, parameter.data


class OptModel(nn.Module):
    """Token ids and positions to logits."""

    def __init__(self, config: OptConfig) -> None:
        super().__init__()
        self.config = config
        width, narrow = config.hidden_size, config.word_embed_proj_dim
        rows = config.max_position_embeddings + POSITION_OFFSET
        self.embed_tokens = nn.Embedding(config.vocab_size, narrow)
        self.embed_positions = nn.Embedding(rows, width)
        self.project_in: nn.Linear | None = None
        self.project_out: nn.Linear | None = None
        if config.has_projections:
            self.project_in = nn.Linear(narrow, width, bias=False)
            self.project_out = nn.Linear(width, narrow, bias=False)
        self.final_layer_norm: nn.LayerNorm | None = None
        if config.has_final_layer_norm:
            affine = config.layer_norm_elementwise_affine
            self.final_layer_norm = nn.LayerNorm(width, elementwise_affine=affine)
        self.layers = nn.ModuleList(
            DecoderLayer(config, n) for n in range(config.num_hidden_layers)
        )

    def forward(
        self, tokens: Tensor, positions: Tensor, attend: Attend, logit_rows: Tensor | None = None
    ) -> Tensor:
        """tokens, positions: [tokens] int64, positions from 0; logit_rows: [rows] or None for all.

        Returns logits [rows, vocab_size] fp32.
        """
        hidden = self.embed_tokens(tokens)
        if self.project_in is not None:
            hidden = self.project_in(hidden)
        hidden = hidden + self.embed_positions(positions + POSITION_OFFSET)
        for layer in self.layers:
            hidden = layer(hidden, attend)
        if logit_rows is not None:
            hidden = hidden.index_select(0, logit_rows)
        if self.final_layer_norm is not None:
            hidden = self.final_layer_norm(hidden)
        if self.project_out is not None:
            hidden = self.project_out(hidden)
        return functional.linear(hidden, self.embed_tokens.weight).float()

    def weights(self) -> dict[str, Tensor]:
        """Every checkpoint name (transformers') with the memory it fills; the head is tied."""
        found: dict[str, Tensor] = {}
        for number, layer in enumerate(self.layers):
            if isinstance(layer, DecoderLayer):
                found |= {f"layers.{number}.{name}": piece for name, piece in layer.weights()}
        for name, parameter in self.named_parameters():
            if not name.startswith("layers."):
                found[name] = parameter.data
        return {f"model.decoder.{name}": piece for name, piece in found.items()}


def empty_model(config: OptConfig, dtype: torch.dtype, device: str) -> OptModel:
    """A model with unset weights: memory is taken once, in its final dtype and place."""
    with torch.device("meta"):
        model = OptModel(config)
    return model.to(dtype).to_empty(device=device).requires_grad_(False).eval()


def initialise(model: OptModel, seed: int, std: float = 0.02) -> None:
    """Set weights for training: normal(0, std), residual outputs over sqrt(2 layers).

    Positions start at zero: in short runs each is met rarely, and noise there slows learning.
    """
    generator = torch.Generator().manual_seed(seed)
    narrowed = std / math.sqrt(2 * model.config.num_hidden_layers)
    for name, weight in model.weights().items():
        if name.endswith("layer_norm.weight"):
            weight.fill_(1.0)
        elif name.endswith("bias") or "embed_positions" in name:
            weight.zero_()
        else:
            residual = name.endswith(("out_proj.weight", "fc2.weight"))
            weight.normal_(0.0, narrowed if residual else std, generator=generator)
