"""All that keeps weights from being the model's, gathered to be told at once."""

from dataclasses import dataclass, field

from inference.errors import WeightMismatch


@dataclass
class Faults:
    """Lists of sentences and names by kind, as WeightMismatch has them."""

    absent: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    misshapen: list[str] = field(default_factory=list)
    disagreeing: list[str] = field(default_factory=list)

    def require_none(self) -> None:
        """Raise WeightMismatch with all of them, if there is any."""
        if self.absent or self.extra or self.misshapen or self.disagreeing:
            raise WeightMismatch(self.absent, self.extra, self.misshapen, self.disagreeing)
