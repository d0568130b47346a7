"""Gather the faults of weights, so that one error names all of them."""

from dataclasses import dataclass, field

from inference.errors import WeightMismatch


@dataclass
class Faults:
    """The lists of names and sentences that WeightMismatch takes."""

    absent: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    misshapen: list[str] = field(default_factory=list)
    disagreeing: list[str] = field(default_factory=list)

    def require_none(self) -> None:
        """Raise WeightMismatch with all faults, if there are any."""
        if self.absent or self.extra or self.misshapen or self.disagreeing:
            raise WeightMismatch(self.absent, self.extra, self.misshapen, self.disagreeing)
