"""What letters to the holder of a grant say by default."""

from __future__ import annotations

from portal.access.letters.kinds.base import ENDS, GRANT, HOLD, LetterKind
from portal.outbox.templates import LetterWords

_DAY = "Friday 1 January 2027"
_UNTIL = GRANT | {"until": "Friday 31 December 2027"}
_OPEN = _UNTIL | {
    "modes": "download and hosted inference",
    "terms": "It stands under Research Licence 1.2.",
    "conditions": "At most 3 members may work under this grant.",
}
_REASON = "The weights were passed on."

GRANTS = {
    "offered": LetterKind(
        "Offered without a request",
        LetterWords(
            "Access is offered to you",
            [
                "We offer you access to {repo}: {modes}, until {until}.",
                "{conditions}",
                "Read the licence and sign it by {offer_until}; that opens it at once.",
            ],
        ),
        _UNTIL
        | {
            "modes": _OPEN["modes"],
            "conditions": _OPEN["conditions"],
            "offer_until": "Sunday 31 January 2027",
        },
        frozenset({"repo", "offer_until", "conditions"}),
    ),
    "activated": LetterKind(
        "Signed and open",
        LetterWords(
            "Your access is open",
            [
                "{repo} is open to you: {modes}, until {until}. {terms}",
                "{conditions}",
                "The page of your grant has everything about it.",
            ],
        ),
        _OPEN,
        frozenset({"repo", "until", "conditions"}),
    ),
    "grant_check": LetterKind(
        "An extra check before it opens",
        LetterWords(
            "An extra check before your access opens",
            [
                "You signed for {repo}. It needs an extra check by a person first. {about} Nothing "
                "is decided by it, and your signature is kept.",
                "You have our answer by {due}. There is nothing for you to do.",
            ],
        ),
        GRANT | {"about": "It is about rules on jurisdiction.", "due": _DAY},
        frozenset({"repo", "about", "due"}),
    ),
    "standing_check": LetterKind(
        "A check of an access that stands",
        LetterWords(
            "A check of your access",
            [
                "A person checks your access to {repo}. {about} Nothing is decided by it.",
                "{meanwhile}",
                "You have our answer by {due}. There is nothing for you to do.",
            ],
        ),
        GRANT
        | {
            "about": "It is about rules on jurisdiction.",
            "meanwhile": "Your access goes on meanwhile.",
            "due": _DAY,
        },
        frozenset({"repo", "meanwhile", "due"}),
    ),
    "standing_check_done": LetterKind(
        "The check of an access is done",
        LetterWords(
            "The check of your access is done",
            ["The check of your access to {repo} is done, and it is open to you."],
        ),
        GRANT,
    ),
    "offer_declined": LetterKind(
        "The offer is declined",
        LetterWords(
            "You declined our offer",
            [
                "You declined the terms on which we offered {repo}, so nothing was opened. You may "
                "ask again at any time.",
            ],
        ),
        GRANT,
    ),
    "renewal_filed": LetterKind(
        "Receipt of a renewal",
        LetterWords(
            "We have your renewal",
            [
                "Your report on {repo} arrived. A person on our team reads it; you have our answer "
                "by {due}.",
            ],
        ),
        GRANT | {"due": _DAY},
        frozenset({"repo", "due"}),
    ),
    "renewed": LetterKind(
        "Renewed",
        LetterWords(
            "Your access is renewed",
            [
                "{repo} is open to you: {modes}, until {until}. {terms}",
                "{conditions}",
                "Thank you for your report.",
            ],
        ),
        _OPEN,
        frozenset({"repo", "until", "conditions"}),
    ),
    "renewal_declined": LetterKind(
        "Not renewed",
        LetterWords(
            "We can’t renew your access",
            [
                "We did not renew your access to {repo}. It stands until {until}, as before. The "
                "reason:",
                "{reason}",
                "You may correct what stood in the way and file again.",
            ],
        ),
        _UNTIL | {"reason": "The report leaves out what the outputs were used for."},
        frozenset({"repo", "until", "reason"}),
    ),
    "revocation": LetterKind(
        "Revoked",
        LetterWords(
            "Your access has ended",
            [
                "We ended your access to {repo} on {ended_on}. The reason:",
                "{reason}",
                f"Tokens and links no longer open it, and running jobs stop. {ENDS}",
            ],
        ),
        GRANT | {"ended_on": _DAY, "reason": _REASON},
        frozenset({"repo", "ended_on", "reason"}),
    ),
    "notice": LetterKind(
        "Ended by notice",
        LetterWords(
            "Your access ends by notice",
            [
                "We end your access to {repo} by notice, as its licence lets us: on {ends_on}. "
                "Until then it stands as you signed it. The reason:",
                "{reason}",
                f"{{go_on}} {ENDS}",
            ],
        ),
        GRANT
        | {
            "ends_on": _DAY,
            "reason": "The licence has a newer text.",
            "go_on": "You may ask for access anew at any time.",
        },
        frozenset({"repo", "ends_on", "reason", "go_on"}),
    ),
    "notice_withdrawn": LetterKind(
        "A notice is withdrawn",
        LetterWords(
            "Your access doesn’t end by notice",
            [
                "We gave notice that your access to {repo} ends on {was}. We take that back: it "
                "stands until {until}, as you signed it.",
            ],
        ),
        GRANT | {"was": _DAY, "until": "Friday 31 December 2027"},
        frozenset({"repo", "until"}),
    ),
    "closed": LetterKind(
        "Closed by its holder",
        LetterWords(
            "You closed your access",
            [
                "You closed your access to {repo} on {closed_on}, with this statement:",
                "{statement}",
                ENDS,
            ],
        ),
        GRANT | {"closed_on": _DAY, "statement": "All copies are deleted."},
        frozenset({"repo", "closed_on", "statement"}),
    ),
    "suspension": LetterKind(
        "Suspended",
        LetterWords(
            "Your access is suspended",
            [
                "We suspended access to {what} on {placed_on}{for_whom}. The reason:",
                "{reason}",
                "Nothing is taken away: tokens, links and jobs stop for now, and work again when "
                "it is lifted. Answer this letter if we are mistaken, or to ask how long it takes.",
            ],
        ),
        HOLD
        | {
            "what": "lab/model",
            "placed_on": _DAY,
            "for_whom": " for everybody at Example University",
            "reason": "We look into a report.",
        },
        frozenset({"what", "placed_on", "reason"}),
    ),
    "suspension_lifted": LetterKind(
        "The suspension is lifted",
        LetterWords(
            "The suspension is lifted",
            [
                "The suspension of access to {what} was lifted on {lifted_on}. What your grants "
                "open is open again.",
            ],
        ),
        HOLD | {"what": "lab/model", "lifted_on": _DAY},
        frozenset({"what"}),
    ),
}
