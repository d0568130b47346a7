"""The OPT decoder over packed tokens. Paper: arXiv 2205.01068, section 2.1.

Pre-norm (all sizes but one) and the 350M's post-norm with narrower embeddings; with or without
final norm, biases and affine norms. One rank's part of it: ``Layout`` says which, and sums over
tensor ranks are the caller's ``reduce``. The whole model is the part of the only rank.
"""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from inference.config import POSITION_OFFSET, OptConfig
from inference.interp.spec import Site
from inference.model.activations import ACTIVATIONS
from inference.model.attention import Attend
from inference.model.layout import WHOLE, Layout
from inference.model.linear import Linear, VocabTable

Reduce = Callable[[Tensor], Tensor]
Tap = Callable[[Site, int | None, Tensor], Tensor]


class DecoderLayer(nn.Module):
    """Attention and feed-forward. qkv is q, k and v of this rank's heads, in that order.

    Each rank's out_proj and fc2 give a summand; the bias belongs to the first rank's alone.
    """

    def __init__(
        self, config: OptConfig, number: int, layout: Layout, reduce: Reduce | None
    ) -> None:
        super().__init__()
        width, bias = config.hidden_size, config.enable_bias
        heads, inner = layout.share(config.num_attention_heads), layout.share(config.ffn_dim)
        own = len(heads) * config.head_dim
        affine = config.layer_norm_elementwise_affine
        biased_sum = bias and layout.tensor_rank == 0
        self.number = number
        self.heads = len(heads)
        self.head_dim = config.head_dim
        self.pre_norm = config.do_layer_norm_before
        self.tap: Tap | None = None
        self.activation = ACTIVATIONS[config.activation_function]
        self.reduce = reduce
        self.qkv = Linear(width, 3 * own, bias=bias)
        self.out_proj = Linear(own, width, bias=biased_sum)
        self.self_attn_layer_norm = nn.LayerNorm(width, elementwise_affine=affine)
        self.fc1 = Linear(width, len(inner), bias=bias)
        self.fc2 = Linear(len(inner), width, bias=biased_sum)
        self.final_layer_norm = nn.LayerNorm(width, elementwise_affine=affine)

    def forward(self, hidden: Tensor, attend: Attend) -> Tensor:
        """hidden: [tokens, hidden_size], and so is the result."""
        hidden = self._show("input", hidden)
        if self.pre_norm:
            hidden = hidden + self._mix(self.self_attn_layer_norm(hidden), attend)
            return self._show("output", hidden + self._feed(self.final_layer_norm(hidden)))
        hidden = self.self_attn_layer_norm(hidden + self._mix(hidden, attend))
        return self._show("output", self.final_layer_norm(hidden + self._feed(hidden)))

    def _mix(self, hidden: Tensor, attend: Attend) -> Tensor:
        qkv = self.qkv(hidden).view(-1, 3, self.heads, self.head_dim)
        heads = self._show("heads", attend(self.number, *qkv.unbind(1)))
        return self._show("attention_output", self._sum(self.out_proj(heads.flatten(1))))

    def _feed(self, hidden: Tensor) -> Tensor:
        neurons = self._show("neurons", self.activation(self.fc1(hidden)))
        return self._show("mlp_output", self._sum(self.fc2(neurons)))

    def _show(self, site: Site, there: Tensor) -> Tensor:
        """What shall stand at the site: the same, unless this step looks inside."""
        return there if self.tap is None else self.tap(site, self.number, there)

    def _sum(self, partial: Tensor) -> Tensor:
        return partial if self.reduce is None else self.reduce(partial)


class OptModel(nn.Module):
    """Token ids and positions to logits; on later stages from hidden states, on earlier to them.

    layers: by their numbers in the whole model.
    """

    def __init__(
        self, config: OptConfig, layout: Layout = WHOLE, reduce: Reduce | None = None
    ) -> None:
        super().__init__()
        self.config, self.layout = config, layout
        width, narrow = config.hidden_size, config.word_embed_proj_dim
        affine = config.layer_norm_elementwise_affine
        own = layout.share(config.vocab_size)
        first, last = layout.is_first_stage, layout.is_last_stage
        if first or last:
            self.embed_tokens = VocabTable(len(own), narrow, first=own.start, reduce=reduce)
        self.project_in: Linear | None = None
        self.project_out: Linear | None = None
        self.final_layer_norm: nn.LayerNorm | None = None
        if first:
            rows = config.max_position_embeddings + POSITION_OFFSET
            self.embed_positions = nn.Embedding(rows, width)
        if first and config.has_projections:
            self.project_in = Linear(narrow, width, bias=False)
        if last and config.has_projections:
            self.project_out = Linear(width, narrow, bias=False)
        if last and config.has_final_layer_norm:
            self.final_layer_norm = nn.LayerNorm(width, elementwise_affine=affine)
        self.layers = nn.ModuleDict(
            {
                str(number): DecoderLayer(config, number, layout, reduce)
                for number in layout.layers(config.num_hidden_layers)
            }
        )

    def forward(
        self, tokens: Tensor, positions: Tensor, attend: Attend, logit_rows: Tensor | None = None
    ) -> Tensor:
        """tokens, positions: [tokens] int64, positions from 0; logit_rows: [rows] or None for all.

        Returns this rank's logits [rows, own vocabulary] fp32.
        """
        return self.logits(self.decode(self.embed(tokens, positions), attend), logit_rows)

    def embed(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """The first stage's beginning: [tokens, hidden_size]."""
        hidden = self.embed_tokens(tokens)
        if self.project_in is not None:
            hidden = self.project_in(hidden)
        embedded: Tensor = hidden + self.embed_positions(positions + POSITION_OFFSET)
        return embedded

    def decode(self, hidden: Tensor, attend: Attend) -> Tensor:
        """This stage's layers. hidden: [tokens, hidden_size], and so is the result."""
        for layer in self.layers.values():
            hidden = layer(hidden, attend)
        return hidden

    def logits(self, hidden: Tensor, rows: Tensor | None = None) -> Tensor:
        """The last stage's end: [rows, own vocabulary] fp32."""
        if rows is not None:
            hidden = hidden.index_select(0, rows)
        if self.final_layer_norm is not None:
            hidden = self.final_layer_norm(hidden)
        if self.project_out is not None:
            hidden = self.project_out(hidden)
        return self.embed_tokens.project(hidden)

    def weights(self) -> dict[str, Tensor]:
        """Every checkpoint name (transformers') with the memory it fills, layers first."""
        modules = sorted(self.named_modules(), key=lambda each: not each[0].startswith("layers."))
        return {
            name: memory for path, module in modules for name, memory in weights_of(path, module)
        }


def weights_of(path: str, module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Checkpoint names of a module's own parameters, and their memory; q, k and v singly.

    path: the module's in OptModel.
    """
    stem, _, last = f"model.decoder.{path}".rpartition(".")
    for kind, parameter in module.named_parameters(recurse=False):
        if last == "qkv":
            for letter, piece in zip("qkv", parameter.data.chunk(3), strict=True):
                yield f"{stem}.self_attn.{letter}_proj.{kind}", piece
        elif last == "out_proj":
            yield f"{stem}.self_attn.out_proj.{kind}", parameter.data
        else:
            yield f"{stem}.{last}.{kind}", parameter.data


def empty_model(config: OptConfig, dtype: torch.dtype, device: str) -> OptModel:
    """The whole model with unset weights: memory is taken once, in its final dtype and place."""
    model = meta_model(config, dtype)
    return model.to_empty(device=device)


def meta_model(
    config: OptConfig, dtype: torch.dtype, layout: Layout = WHOLE, reduce: Reduce | None = None
) -> OptModel:
    """A model of shapes alone, without memory."""
    with torch.device("meta"):
        model = OptModel(config, layout, reduce)
    return model.to(dtype).requires_grad_(False).eval()


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
