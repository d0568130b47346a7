"""What letters on the way of a request say by default."""

from __future__ import annotations

from portal.access.letters.kinds.base import REQUEST, LetterKind
from portal.outbox.templates import LetterWords

_DUE = REQUEST | {"due": "Friday 1 January 2027"}

REQUESTS = {
    "receipt": LetterKind(
        "Receipt",
        LetterWords(
            "We have your request",
            [
                "Your request for {repo} arrived. Its reference is {reference}.",
                "A person on our team reads it. You have our answer by {due}.",
                "{record}",
            ],
        ),
        _DUE | {"record": "What our record was at the time, as a line to keep."},
        frozenset({"repo", "reference", "due", "record"}),
    ),
    "extra_check": LetterKind(
        "An extra check",
        LetterWords(
            "An extra check, and a new date",
            [
                "Your request for {repo} needs an extra check by a person. {about} Nothing is "
                "decided by it.",
                "You have our answer by {due}. There is nothing for you to do.",
            ],
        ),
        _DUE | {"about": "It is about rules on jurisdiction."},
        frozenset({"repo", "about", "due"}),
    ),
    "check_done": LetterKind(
        "The extra check is done",
        LetterWords(
            "The extra check is done",
            [
                "The extra check of your request for {repo} is done, and the reviewers have it.",
                "You have our answer by {due}.",
            ],
        ),
        _DUE,
        frozenset({"repo", "due"}),
    ),
    "question": LetterKind(
        "Question",
        LetterWords(
            "A question about your request",
            [
                "We read your request, and need to know one thing before we can decide:",
                "{question}",
                "The clock stands until you answer.",
            ],
        ),
        REQUEST | {"question": "Which data do you measure on?"},
        frozenset({"question"}),
    ),
    "resumed": LetterKind(
        "Taken up after a lapse",
        LetterWords(
            "We look at your request again",
            [
                "Your request for {repo} goes on from where it stood.",
                "You have our answer by {due}.",
            ],
        ),
        _DUE,
        frozenset({"repo", "due"}),
    ),
    "appeal": LetterKind(
        "Receipt of an appeal",
        LetterWords(
            "We have your appeal",
            [
                "Your appeal about {repo} arrived. People who didn’t take the decision look at "
                "your request anew.",
                "You have our answer by {due}.",
            ],
        ),
        _DUE,
        frozenset({"repo", "due"}),
    ),
    "withdrawal": LetterKind(
        "Withdrawn",
        LetterWords(
            "You withdrew your request",
            [
                "Your request for {repo} is withdrawn, as you asked. Nobody decides on it any "
                "more.",
                "You may ask again at any time.",
            ],
        ),
        REQUEST,
    ),
}
