"""The flags that evidence may raise, and the assessment that they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from portal.access.models import AccessRequest
from portal.accounts.models import Organization
from portal.formatting import counted


class FlagKind(StrEnum):
    """A kind of flag, in the order in which flags are shown."""

    ORGANIZATION = "other_organization"
    COUNTRY = "other_country"
    SECTOR = "other_sector"
    HOLD = "hold"
    ENDED = "access_ended"
    DECLINED = "declined_before"
    SCREENING = "screening"
    LOOKALIKE = "lookalike"
    OWN_MAILBOX = "reference_own_mailbox"
    FREE_MAIL = "reference_free_mail"
    ELSEWHERE = "reference_elsewhere"
    DENIED = "reference_denied"
    BOUNCED = "letters_bounce"


WORDS = {
    FlagKind.ORGANIZATION: "another organization",
    FlagKind.COUNTRY: "another country",
    FlagKind.SECTOR: "another sector",
    FlagKind.HOLD: "a hold",
    FlagKind.ENDED: "access ended by a lab",
    FlagKind.DECLINED: "declined before",
    FlagKind.SCREENING: "screening",
    FlagKind.LOOKALIKE: "looks like another request",
    FlagKind.OWN_MAILBOX: "reference is the applicant",
    FlagKind.FREE_MAIL: "reference by free mail",
    FlagKind.ELSEWHERE: "reference from elsewhere",
    FlagKind.DENIED: "a reference said no",
    FlagKind.BOUNCED: "letters don’t arrive",
}
ADVICE = {
    FlagKind.ORGANIZATION: "Ask which of them they work at, or vouch if you know that they do.",
    FlagKind.COUNTRY: "Ask where the work is done, and where the weights would be.",
    FlagKind.SECTOR: "Ask who the work is for.",
    FlagKind.HOLD: "Ask whoever placed it before you vote.",
    FlagKind.ENDED: "Ask what happened, and what has changed since.",
    FlagKind.DECLINED: "Ask what has changed since.",
    FlagKind.SCREENING: "Whoever administers the model clears it.",
    FlagKind.LOOKALIKE: "Compare the two: one person may be asking twice.",
    FlagKind.OWN_MAILBOX: "Their yes proves nothing. Ask for somebody else.",
    FlagKind.FREE_MAIL: "Their yes proves no workplace. Ask for an address at the organization.",
    FlagKind.ELSEWHERE: "Ask how they know it, or for somebody at the organization.",
    FlagKind.DENIED: "Ask the applicant, or vouch if you know better.",
    FlagKind.BOUNCED: "A question wouldn’t reach them. Wait until they name another address.",
}
SHOWN_AT_MOST = 3


class ClaimPart(StrEnum):
    """A part of what a request claims of its applicant, in the order in which they are shown."""

    ADDRESS = "address"
    ORGANIZATION = "organization"
    PLACE = "country and sector"
    SCREENING = "screening"


@dataclass(frozen=True)
class EvidenceFlag:
    """Something that a reviewer should look at; ``other`` is a request that it points to.

    ``settled`` says how it was settled: then it is history, and stands against nothing.
    """

    kind: FlagKind
    title: str
    detail: str = ""
    other: AccessRequest | None = None
    settled: str = ""

    @property
    def advice(self) -> str:
        return "" if self.settled else ADVICE[self.kind]


@dataclass(frozen=True)
class Assessment:
    """An account of what the evidence on a request comes to.

    ``organization``: the proved one that the request names, or else one that is proved.
    ``missing``: what isn't proved, in a sentence each. ``proved``: which parts of the claim are.
    """

    organization: Organization | None
    flags: tuple[EvidenceFlag, ...]
    missing: tuple[str, ...]
    proved: frozenset[ClaimPart] = frozenset()

    @property
    def claim(self) -> list[tuple[ClaimPart, bool]]:
        """Return each part of the claim, and whether it is proved."""
        return [(part, part in self.proved) for part in ClaimPart]

    @property
    def unproved(self) -> list[ClaimPart]:
        return [part for part in ClaimPart if part not in self.proved]

    @property
    def standing(self) -> tuple[EvidenceFlag, ...]:
        return tuple(flag for flag in self.flags if not flag.settled)

    @property
    def kinds(self) -> list[FlagKind]:
        """Return the kinds of the flags that stand, each once."""
        return list(dict.fromkeys(flag.kind for flag in self.standing))

    @property
    def is_clear(self) -> bool:
        """Tell whether all is proved, the claimed organization first, and no flag stands."""
        return not self.standing and not self.missing

    @property
    def in_short(self) -> str:
        """Name the first flags that stand and count them, as in "2 flags: a hold, screening"."""
        kinds = self.kinds
        if not kinds:
            return ""
        words = ", ".join(WORDS[kind] for kind in kinds[:SHOWN_AT_MOST])
        more = ", …" if len(kinds) > SHOWN_AT_MOST else ""
        return f"{counted(len(kinds), 'flag')}: {words}{more}"
