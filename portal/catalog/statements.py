"""The publisher's statement of the right to host weights; holding them doesn't give it."""

from __future__ import annotations

from dataclasses import dataclass

from portal.errors import Invalid

LONGEST = 2000


@dataclass(frozen=True)
class HostingStatement:
    """A publisher's statement that they are the licensor, or have the licensor's consent."""

    consent: str | None = None
    """Says who gave the consent, when, and where it is kept; None: the publisher is licensor."""

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
