"""By what right weights are hosted here: whoever may hold them may not therefore host them."""

from __future__ import annotations

from dataclasses import dataclass

from portal.errors import Invalid

LONGEST = 2000


@dataclass(frozen=True)
class HostingStatement:
    """What the publisher states: to be the licensor, or to have their written consent."""

    consent: str | None = None
    """Who gave it, when, and where it is kept; None states that the publisher is the licensor."""

    def __post_init__(self) -> None:
        if self.consent is None:
            return
        if not self.consent.strip() or len(self.consent) > LONGEST or "\0" in self.consent:
            raise Invalid(
                f"Say who gave the consent, when, and where it is kept, in at most {LONGEST:,} "
                "characters.",
                field="consent",
            )

    def as_data(self) -> dict[str, str]:
        if self.consent is None:
            return {"by": "licensor"}
        return {"by": "consent", "consent": self.consent.strip()}
