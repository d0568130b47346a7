"""What letters that tell a decision say by default."""

from __future__ import annotations

from portal.access.letters.kinds.base import REQUEST, LetterKind
from portal.outbox.templates import LetterWords

_TERMS = REQUEST | {"modes": "download and hosted inference", "until": "Friday 31 December 2027"}

DECISIONS = {
    "approval": LetterKind(
        "Approved, open at once",
        LetterWords(
            "Your access is open",
            [
                "You have access to {repo}: {modes}, until {until}.",
                "It stands under {licence}, which you signed on {signed_on}.",
                "Make a token, and use the tools you already have; the page of your request has "
                "the commands.",
            ],
        ),
        _TERMS | {"licence": "Research Licence 1.2", "signed_on": "Friday 1 January 2027"},
        frozenset({"repo", "until"}),
    ),
    "approval_check": LetterKind(
        "Approved, after an extra check",
        LetterWords(
            "Approved, and an extra check comes first",
            [
                "We approved your request for {repo}: {modes}, until {until}. It needs an extra "
                "check by a person before it opens. {about} Nothing is decided by it.",
                "You have our answer by {due}. There is nothing for you to do.",
            ],
        ),
        _TERMS | {"about": "It is about rules on jurisdiction.", "due": "Friday 8 January 2027"},
        frozenset({"repo", "about", "due"}),
    ),
    "offer": LetterKind(
        "Approved, to be signed",
        LetterWords(
            "Access is offered to you",
            [
                "We approved your request for {repo}: {modes}, until {until}.",
                "{conditions}",
                "The access opens when you sign its terms, {licence}. The offer stands until "
                "{offer_until}.",
            ],
        ),
        _TERMS
        | {
            "conditions": "At most 3 members may work under this grant.",
            "licence": "Research Licence 1.3",
            "offer_until": "Sunday 31 January 2027",
        },
        frozenset({"repo", "offer_until", "conditions"}),
    ),
    "decline": LetterKind(
        "Declined",
        LetterWords(
            "We can’t give access on this request",
            [
                "We declined your request for {repo}. The reason: {reason}.",
                "{explanation}",
                "You may correct what stood in the way and ask again at any time.",
                "{appeal}",
            ],
        ),
        REQUEST
        | {
            "reason": "The purpose isn’t clear enough to judge",
            "explanation": "Say which question the model is to answer.",
            "appeal": "You may appeal once, until Tuesday 2 March 2027; people who didn’t decide "
            "this will.",
        },
        frozenset({"repo", "reason", "explanation"}),
    ),
    "reopened": LetterKind(
        "Taken up again",
        LetterWords(
            "We look at your request again",
            [
                "We took up your request for {repo} again. The reason:",
                "{explanation}",
                "{access}",
                "You have our answer by {due}.",
            ],
        ),
        REQUEST
        | {
            "explanation": "The safeguards you described have changed.",
            "access": "The access that was given on it has ended.",
            "due": "Friday 1 January 2027",
        },
        frozenset({"repo", "explanation", "access"}),
    ),
}
