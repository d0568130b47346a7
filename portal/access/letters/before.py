"""Show the letter that an act on a case would send; what isn’t known yet stays open."""

from __future__ import annotations

from portal.access.letters.common import words_for
from portal.access.letters.kinds import KINDS
from portal.access.models import AccessRequest
from portal.access.refusals import whole_date
from portal.outbox.templates import LetterWords

# The dialog of a case, and the kind of letter that its form sends.
LETTER_OF = {"approve": "approval", "ask": "question", "decline": "decline"}
STAND_INS = {
    "question": "[your question]",
    "reason": "[the reason that you choose]",
    "explanation": "[your words]",
    "appeal": "[until when they may appeal]",
    "modes": "[what you give]",
    "until": "[the last day]",
}


def letters_before(case: AccessRequest) -> dict[str, LetterWords]:
    """Write each letter that a dialog of this case sends, in the words of its team."""
    signed = case.submissions.latest("number").acceptance
    known = {
        "applicant": case.applicant.display_name,
        "licence": str(signed.licence_version),
        "signed_on": whole_date(signed.accepted_at),
    }
    return {
        dialog: words_for(kind, case.repo, case.reference, _open(kind) | known)
        for dialog, kind in LETTER_OF.items()
    }


def _open(kind: str) -> dict[str, str]:
    return {name: STAND_INS.get(name, f"[{name}]") for name in KINDS[kind].samples}
