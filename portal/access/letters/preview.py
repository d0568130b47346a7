"""Show the letter that an act on a case would send; what isn’t known yet stays open."""

from __future__ import annotations

from portal.access.letters.kinds import KINDS
from portal.access.letters.mailer import words_for
from portal.access.models import AccessRequest
from portal.formatting import whole_date
from portal.outbox.templates import LetterWords

# What the forms of a case's dialogs do, and the kind of letter that tells it.
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


def letters_before(case: AccessRequest) -> dict[str, LetterWords]:
    """Write each letter that a dialog of this case sends, in the words of its team."""
    return {
        act: words_for(kind, case.repo, case.reference, _open(kind) | _known(case, kind))
        for act, kind in LETTER_OF.items()
    }


def _known(case: AccessRequest, kind: str) -> dict[str, str]:
    """Tell what is certain beforehand: only an approval opens under the text that was signed."""
    known = {"applicant": case.applicant.display_name}
    if kind == "approval":
        signed = case.submissions.latest("number").acceptance
        known["licence"] = str(signed.licence_version)
        known["signed_on"] = whole_date(signed.accepted_at)
    return known


def _open(kind: str) -> dict[str, str]:
    return {name: STAND_INS.get(name, f"[{name}]") for name in KINDS[kind].samples}
