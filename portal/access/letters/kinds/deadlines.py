"""What the letters that time itself causes say by default."""

from __future__ import annotations

from portal.access.letters.kinds.base import GRANT, REQUEST, LetterKind
from portal.outbox.templates import LetterWords

_DAY = "Friday 1 January 2027"
_QUESTION = "Which data do you measure on?"
_LATE = "You were to have our answer on {repo} by {due}. It is late, and the fault is ours."
_NOTHING_TO_DO = "There is nothing you need to do; your place in the queue stays."
_CLOSEOUT = (
    "What the licence asks of you after its end still holds. Delete the weights and all copies, "
    "and tell us so: a sentence is enough."
)

CLOCK = {
    "draft_reminder": LetterKind(
        "A draft will be removed",
        LetterWords(
            "Your draft will be removed",
            [
                "You began a request for {repo} and last saved it on {saved_on}. Nobody but you "
                "has read it.",
                "We keep drafts for 90 days. Save it again to keep it; otherwise it is removed in "
                "{days} days. Nothing else comes of that: you may ask at any time.",
            ],
        ),
        REQUEST | {"saved_on": _DAY, "days": "14"},
        frozenset({"repo", "days"}),
    ),
    "overdue": LetterKind(
        "Late",
        LetterWords(
            "Our answer is late",
            [
                _LATE,
                "From now on the people who administer its access team see to it. "
                f"{_NOTHING_TO_DO}",
            ],
        ),
        REQUEST | {"due": _DAY},
        frozenset({"repo", "due"}),
    ),
    "overdue_again": LetterKind(
        "Still late",
        LetterWords(
            "Our answer is still late",
            [
                _LATE,
                f"From now on those who answer for {{lab}} see to it. {_NOTHING_TO_DO}",
            ],
        ),
        REQUEST | {"due": _DAY, "lab": "Example Lab"},
        frozenset({"repo", "due"}),
    ),
    "question_reminder": LetterKind(
        "A question waits",
        LetterWords(
            "We wait for your answer",
            [
                "We asked you something about your request for {repo}:",
                "{question}",
                "Answer by {deadline}. Without an answer the request lapses; you could then take "
                "it up again for {days} days.",
            ],
        ),
        REQUEST | {"question": _QUESTION, "deadline": _DAY, "days": "30"},
        frozenset({"repo", "question", "deadline"}),
    ),
    "lapse": LetterKind(
        "A request has lapsed",
        LetterWords(
            "Your request has lapsed",
            [
                "We had no answer to our question about your request for {repo}, so it has lapsed. "
                "Nobody decided against you.",
                "Until {until} you can take it up again on its page, with your answer and all else "
                "as you left it. After that you may ask anew.",
            ],
        ),
        REQUEST | {"until": "Sunday 31 January 2027"},
        frozenset({"repo", "until"}),
    ),
    "offer_reminder": LetterKind(
        "An offer waits",
        LetterWords(
            "An offer waits for your signature",
            [
                "We offered you access to {repo}. It opens when you sign its terms.",
                "The offer stands until {offer_until}.",
            ],
        ),
        GRANT | {"offer_until": _DAY},
        frozenset({"repo", "offer_until"}),
    ),
    "offer_lapsed": LetterKind(
        "An offer has lapsed",
        LetterWords(
            "An offer has lapsed",
            [
                "Our offer of access to {repo} stood until {offer_until}, and wasn’t signed.",
                "Ask again: your answers are kept, and the team can offer it anew.",
            ],
        ),
        GRANT | {"offer_until": _DAY},
        frozenset({"repo", "offer_until"}),
    ),
    "grant_reminder": LetterKind(
        "Access ends soon",
        LetterWords(
            "Your access ends soon",
            [
                "Your access to {repo} ends on {ends_on}.",
                "If your work goes on, ask for its renewal now: say in a few lines what came of "
                "the use so far. The access goes on without a gap.",
                "If it is done, there is nothing you need to do before that day.",
            ],
        ),
        GRANT | {"ends_on": _DAY},
        frozenset({"repo", "ends_on"}),
    ),
    "grant_ended": LetterKind(
        "Access has ended",
        LetterWords(
            "Your access has ended",
            [
                "Your access to {repo} ended on {ended_on}, as agreed. Tokens and links no longer "
                "open it.",
                _CLOSEOUT,
            ],
        ),
        GRANT | {"ended_on": _DAY},
        frozenset({"repo", "ended_on"}),
    ),
    "closeout_reminder": LetterKind(
        "The closing statement is missing",
        LetterWords(
            "Your statement is missing",
            [
                "Your access to {repo} ended on {ended_on}, and we have no word from you that the "
                "copies are gone.",
                _CLOSEOUT,
            ],
        ),
        GRANT | {"ended_on": _DAY},
        frozenset({"repo", "ended_on"}),
    ),
    "renewal_overdue": LetterKind(
        "A renewal is late",
        LetterWords(
            "Our answer on your renewal is late",
            [
                "You were to have our answer on the renewal of {reference} by {due}. It is late, "
                "and the fault is ours.",
                "From now on the people who administer the access team see to it.",
            ],
        ),
        GRANT | {"due": _DAY},
        frozenset({"reference", "due"}),
    ),
}
