"""Sample ids from logits, and list logprobs.

A sample is the argmax of logits plus Gumbel noise (the Gumbel-max trick). The noise is a pure
function of (seed, sample, position, token), so neighbours in a batch never change a sample.
"""

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from inference.engine.logits import Logits, gumbel
from inference.engine.sampling_params import SamplingParams

MIN_TEMPERATURE = 1e-5
FIRST_CANDIDATES = 1024  # top-p looks at so many first; nearly always they hold its mass

LogprobEntry = tuple[int, float, int]  # id, logprob, rank


@dataclass(frozen=True, slots=True)
class RowSampling:
    """The sampling of one row's token: a few numbers, since each step sends them to other ranks.

    temperature: over 0, so that logits may be divided by it. key: seeds the row's noise.
    """

    greedy: bool
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    key: int

    @classmethod
    def of(cls, sampling: SamplingParams, seed: int, sample: int, position: int) -> "RowSampling":
        """Make the sampling of one sample's token at a position."""
        return cls(
            sampling.greedy,
            max(sampling.temperature, MIN_TEMPERATURE),
            sampling.top_k,
            sampling.top_p,
            sampling.min_p,
            _key(seed, sample, position),
        )


def _key(seed: int, sample: int, position: int) -> int:
    """Return a 64-bit hash of all three, signed."""
    packed = struct.pack("<qqq", seed, sample, position)
    return int.from_bytes(hashlib.blake2b(packed, digest_size=8).digest(), "little", signed=True)


def sample(logits: Logits, sampling: list[RowSampling]) -> list[int]:
    """Sample one id per row of logits."""
    tokens = [0] * len(sampling)
    # each method takes its rows in one call: the fewer kernels, the faster
    for method in (_argmax, _sample_all, _sample_filtered):
        rows = [
            n
            for n, row in enumerate(sampling)
            if _method_for(row, logits.sampled_vocab_size) is method
        ]
        if rows:
            sampled = method(_rows(logits, rows, len(sampling)), [sampling[row] for row in rows])
            for row, token in zip(rows, sampled.tolist(), strict=True):
                tokens[row] = token
    return tokens


def _method_for(row: RowSampling, vocab_size: int) -> Callable[[Logits, list[RowSampling]], Tensor]:
    if row.greedy:
        return _argmax
    filtered = 0 < row.top_k < vocab_size or row.top_p < 1 or row.min_p > 0
    return _sample_filtered if filtered else _sample_all


def _rows(logits: Logits, rows: list[int], total: int) -> Logits:
    return logits if len(rows) == total else logits.select(torch.tensor(rows))


def _argmax(logits: Logits, sampling: list[RowSampling]) -> Tensor:
    return logits.topk(1)[1][:, 0]


def _sample_all(logits: Logits, sampling: list[RowSampling]) -> Tensor:
    return logits.gumbel_argmax(*_noise(logits, sampling))


def _sample_filtered(logits: Logits, sampling: list[RowSampling]) -> Tensor:
    """Apply top-k, then top-p to what is left, then min-p, and sample. Ties go to low ids.

    The few likeliest tokens nearly always hold the mass that top-p asks for, so these are tried
    first; only rows that need more tokens are sampled again among as many as they may have.
    """
    vocab_size = logits.sampled_vocab_size
    limits = [min(row.top_k, vocab_size) if row.top_k > 0 else vocab_size for row in sampling]
    width = min(max(limits), FIRST_CANDIDATES)
    tokens, complete = _sample_top(logits, sampling, limits, width)
    incomplete = (~complete).nonzero()[:, 0]
    if len(incomplete):
        rows = incomplete.tolist()
        wider = [limits[row] for row in rows]
        again = [sampling[row] for row in rows]
        tokens[incomplete], _ = _sample_top(logits.select(incomplete), again, wider, max(wider))
    return tokens


def _sample_top(
    logits: Logits, sampling: list[RowSampling], limits: list[int], width: int
) -> tuple[Tensor, Tensor]:
    """Sample among the ``width`` likeliest tokens. limits: each row's top_k.

    Returns [rows] ids, and [rows] bool that tells where no other token could have been sampled.
    """
    temperatures, keys = _noise(logits, sampling)
    values, ids = logits.topk(width)
    scaled = values / temperatures[:, None]
    ranks = torch.arange(width, device=scaled.device)
    limit = torch.tensor(limits, device=scaled.device)
    scaled = scaled.masked_fill(ranks >= limit[:, None], -torch.inf)
    # top-p is a share of what top-k left: of these tokens, or of the whole vocabulary
    within = limit <= width
    log_mass = torch.where(within, scaled.logsumexp(dim=-1), logits.scaled_logsumexp(temperatures))
    top_p = torch.tensor([row.top_p for row in sampling], device=scaled.device)
    probabilities = (scaled - log_mass[:, None]).exp()
    before = probabilities.cumsum(dim=-1) - probabilities
    # the token that crosses top_p stays, and the likeliest always does
    cut = (before >= top_p[:, None]) & (ranks > 0) & (top_p < 1)[:, None]
    log_min_p = torch.tensor([row.min_p for row in sampling], device=scaled.device).log()
    cut |= scaled < scaled[:, :1] + log_min_p[:, None]
    noised = scaled.masked_fill(cut, -torch.inf) + gumbel(keys, ids)
    # the mass of a top-k wider than these tokens is unknown; that of the whole vocabulary isn't
    complete = within | (cut[:, -1] & (limit == logits.sampled_vocab_size))
    return ids.gather(-1, noised.argmax(dim=-1, keepdim=True))[:, 0], complete


def _noise(logits: Logits, sampling: list[RowSampling]) -> tuple[Tensor, Tensor]:
    """Return the rows' temperatures fp32 and noise keys int64: [rows] each."""
    return (
        torch.tensor([row.temperature for row in sampling], device=logits.device),
        torch.tensor([row.key for row in sampling], device=logits.device),
    )


def list_logprobs(logits: Logits, tokens: list[int], tops: list[int]) -> list[list[LogprobEntry]]:
    """List logprobs per row: the row's token first, then the ``top`` likeliest others in order.

    They are of the distribution before temperature, over the whole vocabulary.
    """
    ids = torch.tensor(tokens, device=logits.device)
    own, normalizer = logits.at(ids), logits.logsumexp()
    ranks = logits.count_above(own) + 1
    columns = ids.tolist(), (own - normalizer).tolist(), ranks.tolist()
    listed: list[list[LogprobEntry]] = [[entry] for entry in zip(*columns, strict=True)]
    if max(tops):
        values, top_ids = logits.topk(min(max(tops), logits.sampled_vocab_size))
        values = values - normalizer[:, None]
        for entries, row_ids, row, top in zip(
            listed, top_ids.tolist(), values.tolist(), tops, strict=True
        ):
            likeliest = zip(row_ids[:top], row[:top], range(1, top + 1), strict=False)
            entries.extend(entry for entry in likeliest if entry[0] != entries[0][0])
    return listed
