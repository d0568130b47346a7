"""Preview the letters that an act on a request would send; unknown facts have a stand-in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from portal.access.letters.kinds import KINDS
from portal.access.letters.mailer import language_of_letter, scope_of, words_for
from portal.access.models import AccessRequest, snapshots_of
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.quotas import defaults_of, quota_words
from portal.formatting import whole_date
from portal.outbox.templates import LetterWords, edited_among
from portal.text.languages import ENGLISH

# The act of each dialog on the page of a request, and the kind of letter that tells it.
LETTER_OF = {
    "approve": "approval",
    "offer": "offer",
    "ask": "question",
    "decline": "decline",
}
STAND_INS = {
    "question": "[your question]",
    "reason": "[the reason that you choose]",
    "explanation": "[your words]",
    "appeal": "[until when they may appeal]",
    "conditions": "[the conditions that you choose]",
    "licence": "[the licence in force]",
    "offer_until": "[until when they may sign]",
    "modes": "[what you give]",
    "until": "[the last day]",
}


@dataclass(frozen=True)
class LetterBefore:
    """A letter as its team reads it, in English; ``language`` is another in which it is sent."""

    words: LetterWords
    language: str


def letters_before(access_request: AccessRequest) -> dict[str, LetterBefore]:
    """Write the letter that each dialog on a request's page would send, in its team's words."""
    own = edited_among(scope_of(access_request.repo), LETTER_OF.values())
    return {act: _before(access_request, kind, own) for act, kind in LETTER_OF.items()}


def _before(
    access_request: AccessRequest, kind: str, own: Mapping[str, LetterWords]
) -> LetterBefore:
    facts = _stand_ins(kind) | _facts(access_request, kind)
    words = words_for(kind, access_request.repo, access_request.reference, facts, own)
    language = language_of_letter(kind, own, access_request.applicant)
    return LetterBefore(words, "" if language == ENGLISH else language)


def _facts(access_request: AccessRequest, kind: str) -> dict[str, str]:
    """Return the facts that are certain: only an approval opens under the text that was signed."""
    by_default = quota_words(defaults_of(settings_of(access_request.repo)))
    facts = {"applicant": access_request.applicant.display_name, "quotas": by_default}
    if kind == "approval":
        newest = snapshots_of(access_request)[-1]
        facts["licence"] = newest.texts_signed
        facts["signed_on"] = whole_date(newest.acceptance.accepted_at)
    return facts


def _stand_ins(kind: str) -> dict[str, str]:
    return {name: STAND_INS.get(name, f"[{name}]") for name in KINDS[kind].samples}
