"""What letters to the members of a grant, and to its holder about them, say by default."""

from __future__ import annotations

from portal.access.letters.kinds.base import GRANT, LetterKind
from portal.outbox.templates import LetterWords

_UNTIL = GRANT | {"until": "Friday 31 December 2027"}
_ENDED = GRANT | {"ended_on": "Friday 1 January 2027", "reason": "The project is over."}
_ADDRESS = {"address": "member@university.example"}

MEMBERS = {
    "invitation": LetterKind(
        "Invitation of a member",
        LetterWords(
            "You are invited to work with {repo}",
            [
                "{holder} invites you to work with {repo} under the licence that they signed for "
                "{entity}.",
                "Sign in, or make an account, with this very address, and confirm it. Then read "
                "the licence and sign it for yourself: each member is bound in person.",
                "The grant stands until {until}.",
            ],
        ),
        _UNTIL | {"entity": "Example University"},
        frozenset({"repo", "holder"}),
    ),
    "member_extra_check": LetterKind(
        "A member’s extra check",
        LetterWords(
            "An extra check before you join",
            [
                "You signed to work with {repo} under the grant of {holder}. It needs an extra "
                "check by a person first. {about} Nothing is decided by it.",
                "We write to you once it is done. There is nothing for you to do.",
            ],
        ),
        GRANT | {"about": "It is about rules on jurisdiction."},
        frozenset({"repo", "about"}),
    ),
    "joined": LetterKind(
        "A member joined: to the member",
        LetterWords(
            "You are a member",
            ["You signed, and {repo} is open to you under the grant of {holder}, until {until}."],
        ),
        _UNTIL,
        frozenset({"repo", "until"}),
    ),
    "joined_holder": LetterKind(
        "A member joined: to the holder",
        LetterWords(
            "A member joined your grant",
            ["{member} ({address}) signed, and works under your grant of {repo} now."],
        ),
        GRANT | {"member": "Member Name"} | _ADDRESS,
        frozenset({"repo", "address"}),
    ),
    "membership_ended": LetterKind(
        "A membership ended: to the member",
        LetterWords(
            "Your membership has ended",
            [
                "Your membership in the grant of {holder} on {repo} ended on {ended_on}. The "
                "reason: {reason}",
                "Tokens that reach the model have ended with it. What the licence asks of you "
                "after the end still holds.",
            ],
        ),
        _ENDED,
        frozenset({"repo", "ended_on", "reason"}),
    ),
    "membership_ended_holder": LetterKind(
        "A membership ended: to the holder",
        LetterWords(
            "A membership in your grant has ended",
            [
                "The membership of {address} in your grant of {repo} ended on {ended_on}. The "
                "reason: {reason}",
            ],
        ),
        _ENDED | _ADDRESS,
        frozenset({"repo", "address", "ended_on", "reason"}),
    ),
    "invitation_ended": LetterKind(
        "An invitation is taken back",
        LetterWords(
            "Your invitation to {repo} is taken back",
            ["The invitation to {repo} no longer stands. The reason: {reason}"],
        ),
        GRANT | {"reason": "The project is over."},
        frozenset({"repo", "reason"}),
    ),
}
