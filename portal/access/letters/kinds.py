"""The letters that a team may put into its own words: what each says by default, and its facts.

A fact is given with a sample, for the preview. ``required`` may not be left out of a letter.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from portal.outbox.templates import LetterWords

ALWAYS = {
    "repo": "lab/model",
    "reference": "0417",
    "applicant": "Researcher Name",
}


@dataclass(frozen=True)
class LetterKind:
    label: str
    words: LetterWords
    facts: dict[str, str] = field(default_factory=dict)
    required: frozenset[str] = frozenset()

    @property
    def samples(self) -> dict[str, str]:
        return {**ALWAYS, **self.facts}


_TERMS = {"modes": "download and hosted inference", "until": "Friday 31 December 2027"}

KINDS = {
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
        {
            "due": "Friday 1 January 2027",
            "record": "What our record was at the time, as a line to keep.",
        },
        frozenset({"repo", "reference", "due", "record"}),
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
        {"question": "Which data do you measure on?"},
        frozenset({"question"}),
    ),
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
        {**_TERMS, "licence": "Research Licence 1.2", "signed_on": "Friday 1 January 2027"},
        frozenset({"repo", "until"}),
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
        {
            **_TERMS,
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
        {
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
        {
            "explanation": "The safeguards you described have changed.",
            "access": "The access that was given on it has ended.",
            "due": "Friday 1 January 2027",
        },
        frozenset({"repo", "explanation", "access"}),
    ),
}
