"""OPT for training: torch's own layers by transformers' names, with dropout and checkpointing.

Parallel styles, adapters and checkpoints all go by these names, so a weight is called
``model.decoder.`` and its name here. The engine's decoder (``inference.model.opt``) has fused
matrices, caches and hooks instead, and no gradients.
"""

import torch
from torch import Tensor, nn
from torch.distributed import ProcessGroup
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from inference.config import POSITION_OFFSET, OptConfig
from inference.model.activations import ACTIVATIONS
from inference.training.model.loss import TiedTable
from inference.training.settings import ModelSettings

PREFIX = "model.decoder."
Windows = tuple[int, int]  # their number, and the length of each


class SelfAttention(nn.Module):
    """Causal attention within windows, by this rank's heads."""

    def __init__(self, config: OptConfig, dropout: float) -> None:
        super().__init__()
        width, bias = config.hidden_size, config.enable_bias
        self.head_dim, self.dropout = config.head_dim, dropout
        self.q_proj = nn.Linear(width, width, bias=bias)
        self.k_proj = nn.Linear(width, width, bias=bias)
        self.v_proj = nn.Linear(width, width, bias=bias)
        self.out_proj = nn.Linear(width, width, bias=bias)

    def forward(self, hidden: Tensor, windows: Windows) -> Tensor:
        """Mix hidden states [tokens, hidden_size]."""
        query, key, value = (
            project(hidden).view(*windows, -1, self.head_dim).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        dropped = self.dropout if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(
            query, key, value, is_causal=True, dropout_p=dropped
        )
        projected: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2).flatten(0, 1))
        return projected


class TrainedLayer(nn.Module):
    """Attention and feed-forward, in either order of norms."""

    def __init__(self, config: OptConfig, settings: ModelSettings) -> None:
        super().__init__()
        width, bias = config.hidden_size, config.enable_bias
        affine = config.layer_norm_elementwise_affine
        self.pre_norm, self.dropout = config.do_layer_norm_before, settings.dropout
        self.recomputes = False
        self.activation = ACTIVATIONS[config.activation_function]
        self.self_attn = SelfAttention(config, settings.attention_dropout)
        self.self_attn_layer_norm = nn.LayerNorm(width, elementwise_affine=affine)
        self.fc1 = nn.Linear(width, config.ffn_dim, bias=bias)
        self.fc2 = nn.Linear(config.ffn_dim, width, bias=bias)
        self.final_layer_norm = nn.LayerNorm(width, elementwise_affine=affine)

    def forward(self, hidden: Tensor, windows: Windows) -> Tensor:
        """Run hidden states [tokens, hidden_size] through the layer."""
        if self.recomputes and torch.is_grad_enabled():
            again: Tensor = checkpoint(self._run, hidden, windows, use_reentrant=False)
            return again
        return self._run(hidden, windows)

    def _run(self, hidden: Tensor, windows: Windows) -> Tensor:
        if self.pre_norm:
            hidden = hidden + self._mix(self.self_attn_layer_norm(hidden), windows)
            return hidden + self._feed(self.final_layer_norm(hidden))
        hidden = self.self_attn_layer_norm(hidden + self._mix(hidden, windows))
        normed: Tensor = self.final_layer_norm(hidden + self._feed(hidden))
        return normed

    def _mix(self, hidden: Tensor, windows: Windows) -> Tensor:
        return self._dropped(self.self_attn(hidden, windows))

    def _feed(self, hidden: Tensor) -> Tensor:
        return self._dropped(self.fc2(self.activation(self.fc1(hidden))))

    def _dropped(self, values: Tensor) -> Tensor:
        return functional.dropout(values, self.dropout, self.training) if self.dropout else values


class TrainedOpt(nn.Module):
    """An OPT decoder that returns the loss of each token.

    vocab_group: the ranks that share the vocabulary; None where each has all of it.
    """

    def __init__(self, config: OptConfig, settings: ModelSettings) -> None:
        super().__init__()
        self.config = config
        width, narrow = config.hidden_size, config.word_embed_proj_dim
        affine = config.layer_norm_elementwise_affine
        self.vocab_group: ProcessGroup | None = None
        self.layers = nn.ModuleList(
            TrainedLayer(config, settings) for _ in range(config.num_hidden_layers)
        )
        self.embed_tokens = nn.Embedding(config.vocab_size, narrow)
        rows = config.max_position_embeddings + POSITION_OFFSET
        self.embed_positions = nn.Embedding(rows, width)
        self.project_in: nn.Linear | None = None
        self.project_out: nn.Linear | None = None
        self.final_layer_norm: nn.LayerNorm | None = None
        if config.has_projections:
            self.project_in = nn.Linear(narrow, width, bias=False)
            self.project_out = nn.Linear(width, narrow, bias=False)
        if config.has_final_layer_norm:
            self.final_layer_norm = nn.LayerNorm(width, elementwise_affine=affine)

    def forward(
        self, tokens: Tensor, targets: Tensor, positions: Tensor, windows: Windows
    ) -> Tensor:
        """Return each token's loss in nats [tokens] fp32; arguments are [tokens] int64."""
        table = TiedTable(self.embed_tokens, self.vocab_group)
        hidden = table.rows(tokens)
        if self.project_in is not None:
            hidden = self.project_in(hidden)
        hidden = hidden + self.embed_positions(positions + POSITION_OFFSET)
        for layer in self.layers:
            hidden = layer(hidden, windows)
        if self.final_layer_norm is not None:
            hidden = self.final_layer_norm(hidden)
        if self.project_out is not None:
            hidden = self.project_out(hidden)
        return table.losses(hidden, targets)
