"""Logits to ids and logprobs.

A draw is the argmax of logits plus Gumbel noise (the Gumbel-max trick). The noise is a pure
function of (seed, sample, position, token), so neighbours in a batch never change a draw.
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

Entry = list[tuple[int, float, int]]  # id, logprob, rank


@dataclass(frozen=True, slots=True)
class Draw:
    """The parameters of one row's draw: a few numbers, since each step sends them to other ranks.

    temperature: over 0, so that logits may be divided by it. key: of the noise.
    """

    greedy: bool
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    key: int

    @classmethod
    def of(cls, sampling: SamplingParams, seed: int, sample: int, position: int) -> "Draw":
        """Make the draw of one sample's token at a position."""
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


def sample(logits: Logits, draws: list[Draw]) -> list[int]:
    """One id per row of logits."""
    tokens = [0] * len(draws)
    for choose in (_argmax, _draw_from_all, _draw_from_some):
        rows = [n for n, draw in enumerate(draws) if _way(draw, logits.drawable) is choose]
        if rows:
            chosen = choose(_rows(logits, rows, len(draws)), [draws[row] for row in rows])
            for row, token in zip(rows, chosen.tolist(), strict=True):
                tokens[row] = token
    return tokens


def _way(draw: Draw, drawable: int) -> Callable[[Logits, list[Draw]], Tensor]:
    if draw.greedy:
        return _argmax
    some = 0 < draw.top_k < drawable or draw.top_p < 1 or draw.min_p > 0
    return _draw_from_some if some else _draw_from_all


def _rows(logits: Logits, rows: list[int], of: int) -> Logits:
    return logits if len(rows) == of else logits.select(torch.tensor(rows))


def _argmax(logits: Logits, draws: list[Draw]) -> Tensor:
    return logits.best(1)[1][:, 0]


def _draw_from_all(logits: Logits, draws: list[Draw]) -> Tensor:
    return logits.noised_best(*_noise(logits, draws))


def _draw_from_some(logits: Logits, draws: list[Draw]) -> Tensor:
    """Top-k, then top-p of what is left, then min-p; keeps the token that crosses p.

    Ties go to low ids.
    """
    limits = [
        min(draw.top_k, logits.drawable) if draw.top_k > 0 else logits.drawable for draw in draws
    ]
    width = min(max(limits), FIRST_CANDIDATES)
    tokens, sure = _draw_from_best(logits, draws, limits, width)
    spread = (~sure).nonzero()[:, 0]  # rows that need more tokens; the others shall not pay for it
    if len(spread):
        rows = spread.tolist()
        wider = [limits[row] for row in rows]
        again = [draws[row] for row in rows]
        tokens[spread], _ = _draw_from_best(logits.select(spread), again, wider, max(wider))
    return tokens


def _draw_from_best(
    logits: Logits, draws: list[Draw], limits: list[int], width: int
) -> tuple[Tensor, Tensor]:
    """Draw among the width best [rows]; also tell where no token past them could be drawn."""
    temperatures, keys = _noise(logits, draws)
    values, ids = logits.best(width)
    scaled = values / temperatures[:, None]
    ranks = torch.arange(width, device=scaled.device)
    limit = torch.tensor(limits, device=scaled.device)
    scaled = scaled.masked_fill(ranks >= limit[:, None], -torch.inf)
    limited = limit <= width
    mass = torch.where(limited, scaled.logsumexp(dim=-1), logits.mass(temperatures))
    shares = torch.tensor([draw.top_p for draw in draws], device=scaled.device)
    likely = (scaled - mass[:, None]).exp()
    before = likely.cumsum(dim=-1) - likely
    cut = (before >= shares[:, None]) & (ranks > 0) & (shares < 1)[:, None]
    least = torch.tensor([draw.min_p for draw in draws], device=scaled.device).log()
    cut |= scaled < scaled[:, :1] + least[:, None]
    noised = scaled.masked_fill(cut, -torch.inf) + gumbel(keys, ids)
    known = limited | (cut[:, -1] & (limit == logits.drawable))  # else the mass was not top-k's
    return ids.gather(-1, noised.argmax(dim=-1, keepdim=True))[:, 0], known


def _noise(logits: Logits, draws: list[Draw]) -> tuple[Tensor, Tensor]:
    """Temperatures fp32 and keys int64 of the rows: [rows] each."""
    return (
        torch.tensor([draw.temperature for draw in draws], device=logits.device),
        torch.tensor([draw.key for draw in draws], device=logits.device),
    )


def list_logprobs(logits: Logits, chosen: list[int], tops: list[int]) -> list[Entry]:
    """Per row the chosen token's entry, then those of the row's top best, likeliest first.

    Of the distribution before temperature, over the whole vocabulary.
    """
    ids = torch.tensor(chosen, device=logits.device)
    own, normalizer = logits.at(ids), logits.normalizer()
    ranks = logits.above(own) + 1
    found = [[first] for first in _triples(ids, own - normalizer, ranks)]
    if max(tops):
        values, best = logits.best(min(max(tops), logits.drawable))
        values = values - normalizer[:, None]
        for entry, row_ids, row, top in zip(
            found, best.tolist(), values.tolist(), tops, strict=True
        ):
            others = zip(row_ids[:top], row[:top], range(1, top + 1), strict=False)
            entry.extend(each for each in others if each[0] != entry[0][0])
    return found


def _triples(ids: Tensor, logprobs: Tensor, ranks: Tensor) -> list[tuple[int, float, int]]:
    return list(zip(ids.tolist(), logprobs.tolist(), ranks.tolist(), strict=True))
