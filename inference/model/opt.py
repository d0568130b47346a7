"""The OPT decoder over packed tokens. Paper: arXiv 2205.01068, section 2.1.

It covers pre-norm (all sizes but one) and the 350M's post-norm with narrower embeddings; with or
without final norm, biases and affine norms. A model is one rank's part: ``Layout`` says which, and
``reduce`` sums over tensor ranks. The whole model is the part of a single rank.
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
Hook = Callable[[Site, int | None, Tensor], Tensor]


class DecoderLayer(nn.Module):
    """Attention and feed-forward. qkv is q, k and v of this rank's heads, in that order.

    The outputs of out_proj and fc2 are summed over tensor ranks, so only the first rank adds the
    bias.
    """

    def __init__(
        self, config: OptConfig, number: int, layout: Layout, reduce: Reduce | None
    ) -> None:
        super().__init__()
        width, bias = config.hidden_size, config.enable_bias
        heads, inner = layout.share(config.num_attention_heads), layout.share(config.ffn_dim)
        own = len(heads) * config.head_dim
        affine = config.layer_norm_elementwise_affine
        biased_sum = (
            bias and layout.tensor_rank == 0
        )  # else the sum would add the bias several times
        self.number = number
        self.heads = len(heads)
        self.head_dim = config.head_dim
        self.pre_norm = config.do_layer_norm_before
        self.hook: Hook | None = None
        self.activation = ACTIVATIONS[config.activation_function]
        self.reduce = reduce
        self.qkv = Linear(width, 3 * own, bias=bias)
        self.out_proj = Linear(own, width, bias=biased_sum)
        self.self_attn_layer_norm = nn.LayerNorm(width, elementwise_affine=affine)
        self.fc1 = Linear(width, len(inner), bias=bias)
        self.fc2 = Linear(len(inner), width, bias=biased_sum)
        self.final_layer_norm = nn.LayerNorm(width, elementwise_affine=affine)

    def forward(self, hidden: Tensor, attend: Attend) -> Tensor:
        """Run hidden states [tokens, hidden_size] through the layer."""
        hidden = self._hooked("input", hidden)
        if self.pre_norm:
            hidden = hidden + self._mix(self.self_attn_layer_norm(hidden), attend)
            return self._hooked("output", hidden + self._feed(self.final_layer_norm(hidden)))
        hidden = self.self_attn_layer_norm(hidden + self._mix(hidden, attend))
        return self._hooked("output", self.final_layer_norm(hidden + self._feed(hidden)))

    def _mix(self, hidden: Tensor, attend: Attend) -> Tensor:
        qkv = self.qkv(hidden).view(-1, 3, self.heads, self.head_dim)
        heads = self._hooked("heads", attend(self.number, *qkv.unbind(1)))
        return self._hooked("attention_output", self._sum(self.out_proj(heads.flatten(1))))

    def _feed(self, hidden: Tensor) -> Tensor:
        neurons = self._hooked("neurons", self.activation(self.fc1(hidden)))
        return self._hooked("mlp_output", self._sum(self.fc2(neurons)))

    def _hooked(self, site: Site, values: Tensor) -> Tensor:
        """Return the values to go on with: the same, unless this step looks inside."""
        return values if self.hook is None else self.hook(site, self.number, values)

    def _sum(self, partial: Tensor) -> Tensor:
        return partial if self.reduce is None else self.reduce(partial)


class OptModel(nn.Module):
    """One rank's part of an OPT decoder: token ids and positions to logits.

    A later pipeline stage starts from hidden states, an earlier one ends with them. layers: keyed
    by their numbers in the whole model.
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
        """Return this rank's logits [rows, own vocabulary] fp32.

        tokens, positions: [tokens] int64, positions from 0. logit_rows: [rows], or None for all.
        """
        return self.logits(self.decode(self.embed(tokens, positions), attend), logit_rows)

    def embed(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Return the first layer's input [tokens, hidden_size], on the first stage."""
        hidden = self.embed_tokens(tokens)
        if self.project_in is not None:
            hidden = self.project_in(hidden)
        embedded: Tensor = hidden + self.embed_positions(positions + POSITION_OFFSET)
        return embedded

    def decode(self, hidden: Tensor, attend: Attend) -> Tensor:
        """Run hidden states [tokens, hidden_size] through this stage's layers."""
        for layer in self.layers.values():
            hidden = layer(hidden, attend)
        return hidden

    def logits(self, hidden: Tensor, rows: Tensor | None = None) -> Tensor:
        """Return logits [rows, own vocabulary] fp32, on the last stage."""
        if rows is not None:
            hidden = hidden.index_select(0, rows)
        if self.final_layer_norm is not None:
            hidden = self.final_layer_norm(hidden)
        if self.project_out is not None:
            hidden = self.project_out(hidden)
        return self.embed_tokens.project(hidden)

    def weights(self) -> dict[str, Tensor]:
        """Return every weight's memory by its name in transformers' checkpoints, layers first."""
        modules = sorted(self.named_modules(), key=lambda named: not named[0].startswith("layers."))
        return {
            name: memory for path, module in modules for name, memory in weights_of(path, module)
        }


def weights_of(path: str, module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield the checkpoint names of a module's own parameters, and their memory.

    q, k and v are one matrix here and three in checkpoints. path: the module's in OptModel.
    """
    stem, _, last = f"model.decoder.{path}".rpartition(".")
    for kind, parameter in module.named_parameters(recurse=False):
        if last == "qkv":
            for letter, third in zip("qkv", parameter.data.chunk(3), strict=True):
                yield f"{stem}.self_attn.{letter}_proj.{kind}", third
        elif last == "out_proj":
            yield f"{stem}.self_attn.out_proj.{kind}", parameter.data
        else:
            yield f"{stem}.{last}.{kind}", parameter.data


def empty_model(config: OptConfig, dtype: torch.dtype, device: str) -> OptModel:
    """Make a whole model with unset weights, in memory of its final dtype and device."""
    model = meta_model(config, dtype)
    return model.to_empty(device=device)


def meta_model(
    config: OptConfig, dtype: torch.dtype, layout: Layout = WHOLE, reduce: Reduce | None = None
) -> OptModel:
    """Make a model of shapes alone, without memory."""
    with torch.device("meta"):
        model = OptModel(config, layout, reduce)
    return model.to(dtype).requires_grad_(False).eval()


def initialise(model: OptModel, seed: int, std: float = 0.02) -> None:
    """Set weights for training: normal(0, std), for residual outputs over sqrt(2 * layers).

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
