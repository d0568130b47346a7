"""The publisher's statement of the right to host weights; holding them doesn't give it."""

from __future__ import annotations

from dataclasses import dataclass

from portal.errors import FieldErrors, Invalid

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
        return {"by": "consent", "consent": self.written}

    @property
    def written(self) -> str:
        """The words about the consent; empty for the licensor's own statement."""
        return (self.consent or "").strip()


@dataclass(frozen=True)
class Consent:
    """A publisher's answer to what is asked before a revision is everybody's."""

    statement: HostingStatement | None = None
    changed_terms: bool = False
    """True: others may read the terms of this revision in place of those that they read before."""

    def __bool__(self) -> bool:
        return self.statement is not None or self.changed_terms


NO_CONSENT = Consent()


def consent_of(*, licensor: bool, consent: str | None, changed_terms: bool) -> Consent:
    """Return what somebody agreed to. Raise FieldErrors for both statements at once, Invalid."""
    return Consent(statement_of(licensor=licensor, consent=consent), changed_terms)


def statement_of(*, licensor: bool, consent: str | None) -> HostingStatement | None:
    """Return what somebody stated, None for nothing. Raise FieldErrors for both, Invalid."""
    if licensor and consent is not None:
        raise FieldErrors({"consent": "Say one of both: you are the licensor, or who consented."})
    if licensor:
        return HostingStatement()
    return None if consent is None else HostingStatement(consent)
