"""Scale float16's loss so that small gradients don't vanish, and follow what fits."""

from dataclasses import dataclass

FIRST = 2.0**16
GROWTH_STEPS = 2000  # without an overflow, before the scale is doubled
LEAST = 2.0**-14  # below it something else than the scale is wrong


@dataclass
class LossScale:
    """The factor of the loss: halved when gradients overflow, doubled after many that didn't."""

    value: float = FIRST
    fitting: int = 0
    is_dynamic: bool = True

    @classmethod
    def none(cls) -> "LossScale":
        """Make a scale of one that stays so, for dtypes of a wide range."""
        return cls(1.0, 0, is_dynamic=False)

    def overflowed(self) -> None:
        """Halve the scale."""
        self.value, self.fitting = self.value / 2, 0

    def fitted(self) -> None:
        """Count a step without overflow."""
        self.fitting += 1
        if self.is_dynamic and self.fitting >= GROWTH_STEPS:
            self.value, self.fitting = self.value * 2, 0
