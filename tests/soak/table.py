"""The table of faults: what people saw, and how soon each kind of act succeeded again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.soak.acts import Act

KINDS = ("page", "API", "request", "grant", "download", "completion", "upload")


@dataclass(frozen=True)
class Spell:
    """A fault's time, and the acts that began from its begin until all was well again."""

    name: str
    began: float
    ended: float
    acts: Sequence[Act]

    def recovery(self, kind: str) -> float | None:
        """Return the seconds from the fault's end to the first success of an act begun since."""
        after = [act.ended for act in self.acts if self._is_success_after(act, kind)]
        return min(after) - self.ended if after else None

    def _is_success_after(self, act: Act, kind: str) -> bool:
        return act.kind == kind and act.succeeded and act.began >= self.ended

    @property
    def statuses(self) -> str:
        """Count the answers that weren't a success, by status; 0 is a broken connection."""
        failed = (act for act in self.acts if not act.succeeded)
        counted = Counter(f"{act.status} {act.fault}".strip() for act in failed)
        return ", ".join(f"{number}× {status}" for status, number in sorted(counted.items()))

    @property
    def succeeded(self) -> int:
        return sum(act.succeeded for act in self.acts)

    @property
    def bad_answers(self) -> list[Act]:
        return [act for act in self.acts if act.fault in ("traceback", "500", "no Retry-After")]

    def row(self) -> str:
        times = [self.recovery(kind) for kind in KINDS]
        cells = [f"{time:.1f}" if time is not None else "never" for time in times]
        return f"| {self.name} | {self.succeeded} | {self.statuses or '–'} | {' | '.join(cells)} |"


def table(spells: Sequence[Spell]) -> str:
    heads = ("fault", "succeeded", "failed", *(f"{kind}, s" for kind in KINDS))
    rule = "| " + " | ".join("---" for _ in heads) + " |"
    return "\n".join([f"| {' | '.join(heads)} |", rule, *(spell.row() for spell in spells)])
