"""Logits to ids and logprobs.

A draw is the argmax of logits plus Gumbel noise (the Gumbel-max trick). The noise is a pure
function of (seed, sample, position, token), so neighbours in a batch never change a draw.
"""

import hashlib
import struct
from dataclasses import dataclass

import torch
from torch import Tensor

from inference.outputs import Logprob, TokenLogprobs
from inference.sampling import SamplingParams
from inference.tokenizer import Tokenizer

MIN_TEMPERATURE = 1e-5


@dataclass(frozen=True, slots=True)
class Draw:
    """What decides one row's draw: its parameters, and the key of its noise."""

    sampling: SamplingParams
    seed: int
    sample: int
    position: int

    @property
    def key(self) -> int:
        """A 64-bit hash of (seed, sample, position), signed."""
        packed = struct.pack("<qqq", self.seed, self.sample, self.position)
        return int.from_bytes(
            hashlib.blake2b(packed, digest_size=8).digest(), "little", signed=True
        )


def sample(logits: Tensor, draws: list[Draw]) -> Tensor:
    """logits: [rows, vocab] fp32, unwanted tokens at -inf. Returns ids [rows] int64."""
    best = logits.argmax(dim=-1)
    drawn = [n for n, draw in enumerate(draws) if not draw.sampling.greedy]
    if drawn:
        rows = torch.tensor(drawn, device=logits.device)
        best[rows] = _draw(logits[rows], [draws[n] for n in drawn])
    return best


def _draw(logits: Tensor, draws: list[Draw]) -> Tensor:
    column = {"device": logits.device, "dtype": torch.float32}
    temperatures = [max(draw.sampling.temperature, MIN_TEMPERATURE) for draw in draws]
    logits = logits / torch.tensor(temperatures, **column)[:, None]  # type: ignore[arg-type]
    if any(draw.sampling.top_k > 0 or draw.sampling.top_p < 1 for draw in draws):
        logits = _truncate(logits, draws)
    keys = torch.tensor([draw.key for draw in draws], device=logits.device)
    return (logits + gumbel(keys, logits.shape[-1])).argmax(dim=-1)


def _truncate(logits: Tensor, draws: list[Draw]) -> Tensor:
    """Top-k, then top-p of what is left; keeps the token that crosses p. Ties go to low ids."""
    vocab = logits.shape[-1]
    counts = [
        min(draw.sampling.top_k, vocab) if draw.sampling.top_k > 0 else vocab for draw in draws
    ]
    shares = [draw.sampling.top_p if draw.sampling.top_p < 1 else 2.0 for draw in draws]
    ordered, ids = logits.sort(dim=-1, descending=True, stable=True)
    ranks = torch.arange(vocab, device=logits.device)
    ordered = ordered.masked_fill(
        ranks >= torch.tensor(counts, device=logits.device)[:, None], -torch.inf
    )
    likely = ordered.softmax(dim=-1)
    before = likely.cumsum(dim=-1) - likely
    cut = (before >= torch.tensor(shares, device=logits.device)[:, None]) & (ranks > 0)
    return torch.empty_like(logits).scatter_(-1, ids, ordered.masked_fill(cut, -torch.inf))


def gumbel(keys: Tensor, vocab: int) -> Tensor:
    """keys: [rows] int64. Returns standard Gumbel noise [rows, vocab] fp32, by splitmix64."""
    lanes = torch.arange(1, vocab + 1, device=keys.device, dtype=torch.int64)
    state = keys[:, None] + lanes * -7046029254386353131
    state = (state ^ _shift(state, 30)) * -4658895280553007687
    state = (state ^ _shift(state, 27)) * -7723592293110705685
    state = state ^ _shift(state, 31)
    uniform = (_shift(state, 11).double() + 0.5) * 2.0**-53
    return (-(-uniform.log()).log()).float()


def _shift(state: Tensor, bits: int) -> Tensor:
    """Shift right as if unsigned."""
    return (state >> bits) & ((1 << (64 - bits)) - 1)


def mask_padding(logits: Tensor, vocab: int | None) -> Tensor:
    """Logits with rows of the vocabulary past the tokenizer's at -inf; never drawn or listed."""
    if vocab is None or vocab >= logits.shape[-1]:
        return logits
    logits = logits.clone()
    logits[:, vocab:] = -torch.inf
    return logits


def list_logprobs(
    logits: Tensor, chosen: list[int], top: int, vocab: int | None, tokenizer: Tokenizer | None
) -> list[TokenLogprobs]:
    """logits: [rows, vocab] fp32, untempered; chosen: the rows' tokens; top: alternatives each.

    Returns per row the chosen token's entry and the top ones', likeliest first after it.
    """
    logprobs = logits.log_softmax(dim=-1)
    ids = torch.tensor(chosen, device=logits.device)[:, None]
    own = logprobs.gather(1, ids)
    ranks = (logprobs > own).sum(dim=-1) + 1
    best = mask_padding(logprobs, vocab).topk(min(top, logits.shape[-1]), dim=-1)
    listed = zip(
        chosen, own[:, 0].tolist(), ranks.tolist(), best.indices.tolist(), best.values.tolist(),
        strict=True,
    )  # fmt: skip
    return [_entry(*row, tokenizer) for row in listed]


def _entry(
    chosen: int,
    logprob: float,
    rank: int,
    ids: list[int],
    values: list[float],
    tokenizer: Tokenizer | None,
) -> TokenLogprobs:
    def named(token: int, value: float, place: int) -> Logprob:
        return Logprob(value, place, tokenizer.name(token) if tokenizer else None)

    entry = {chosen: named(chosen, logprob, rank)}
    for place, (token, value) in enumerate(zip(ids, values, strict=True), start=1):
        if token != chosen and value != -torch.inf:
            entry[token] = named(token, value, place)
    return entry
