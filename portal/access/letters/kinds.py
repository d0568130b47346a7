"""The kinds of letters, whose email templates a team can edit, as their page groups them.

The default words are files, ``templates/access/letters/<kind>.txt``: a subject and paragraphs with
``{facts}`` in braces. Here stands what those words may use: the facts of each kind, each with a
sample for the preview, and which of them a letter must not leave out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from portal.outbox.templates import LetterWords, words_in

FIXED = frozenset(
    {
        "assignment",
        "check_team",
        "digest",
        "hold_reminder",
        "overdue_owners",
        "overdue_team",
        "renewal_overdue_owners",
        "renewal_overdue_team",
        "stranded",
        "team_answer",
        "team_appeal",
        "team_held",
        "team_renewal",
        "team_request",
        "team_vote",
        "team_vote_voided",
        "unreachable",
    }
)
"""The kinds that go to the team itself and are always sent in the default words."""


def default_words(kind: str) -> LetterWords:
    return words_in(f"access/letters/{kind}.txt")


@dataclass(frozen=True)
class LetterKind:
    """A kind of letter: its label, the facts that can stand in it, and those that must."""

    slug: str
    label: str
    samples: Mapping[str, str]
    required: frozenset[str]

    @property
    def words(self) -> LetterWords:
        return default_words(self.slug)


# Facts of every letter about a request, a grant or a hold, each with a sample.
_HOLD = {"repo": "lab/model", "reference": "0417"}
_REQUEST = _HOLD | {"applicant": "Researcher Name"}
_GRANT = _HOLD | {"holder": "Researcher Name"}
_DAY = "Friday 1 January 2027"
_NEXT_MONTH = "Sunday 31 January 2027"
_SAMPLES = {
    "about": "It is about rules on jurisdiction.",
    "access": "The access that you had has ended.",
    "address": "member@university.example",
    "appeal": "You can appeal once, until Tuesday 2 March 2027; people who did not "
    "decide this will review it.",
    "closed_on": _DAY,
    "conditions": "At most 3 members may work under this grant.",
    "deadline": _DAY,
    "due": _DAY,
    "ended_on": _DAY,
    "ends_on": _DAY,
    "entity": "Example University",
    "for_whom": " for everybody at Example University",
    "go_on": "You can ask for access again at any time.",
    "lab": "Example Lab",
    "licence": "Research Licence 1.2",
    "lifted_on": _DAY,
    "meanwhile": "Your access goes on meanwhile.",
    "member": "Member Name",
    "model": "lab/model-66b",
    "modes": "download and hosted inference",
    "offer_until": _NEXT_MONTH,
    "placed_on": _DAY,
    "question": "Which data do you measure on?",
    "quotas": "Hosted use, for each person: 200,000 tokens a day and 8 jobs at a time.",
    "reason": "The project is over.",
    "record": "Record head of 2027-01-01: 4711 5f2b91c0a7d3e846… Keep this line.",
    "saved_on": _DAY,
    "signed_on": _DAY,
    "statement": "All copies are deleted.",
    "terms": "It is governed by Research Licence 1.2.",
    "until": "Friday 31 December 2027",
    "was": _DAY,
    "what": "lab/model",
}


def _kind(
    slug: str, label: str, about: Mapping[str, str], facts: str, **own_samples: str
) -> LetterKind:
    """Describe a kind. A star ends each of ``facts`` that the letter must not leave out."""
    names = facts.replace("*", "").split()
    samples = {fact: own_samples.get(fact, _SAMPLES.get(fact, "")) for fact in names}
    required = frozenset(fact[:-1] for fact in facts.split() if fact.endswith("*"))
    return LetterKind(slug, label, {**samples, **about}, required)


def _group(*kinds: LetterKind) -> dict[str, LetterKind]:
    return {kind.slug: kind for kind in kinds}


GROUPS: dict[str, dict[str, LetterKind]] = {
    "On the way of a request": _group(
        _kind("receipt", "Receipt", _REQUEST, "repo* reference* due* record*"),
        _kind("extra_check", "An extra check", _REQUEST, "repo* due* about*"),
        _kind("check_done", "The extra check is done", _REQUEST, "repo* due*"),
        _kind("question", "Question", _REQUEST, "question*"),
        _kind("resumed", "Taken up after a lapse", _REQUEST, "repo* due*"),
        _kind("appeal", "Receipt of an appeal", _REQUEST, "repo* due*"),
        _kind("withdrawal", "Withdrawn", _REQUEST, "repo*"),
    ),
    "Decisions": _group(
        _kind(
            "approval",
            "Approved, open at once",
            _REQUEST,
            "repo* modes until* licence signed_on quotas",
        ),
        _kind(
            "approval_check",
            "Approved, after an extra check",
            _REQUEST,
            "repo* modes until about* due*",
            due="Friday 8 January 2027",
        ),
        _kind(
            "offer",
            "Approved, to be signed",
            _REQUEST,
            "repo* modes until conditions* licence offer_until* quotas",
            licence="Research Licence 1.3",
        ),
        _kind(
            "decline",
            "Declined",
            _REQUEST,
            "repo* reason* explanation* appeal",
            reason="The purpose isn’t clear enough to judge",
            explanation="Say which question the model is to answer.",
        ),
        _kind(
            "decline_unspecified",
            "Declined, for no reason of the list",
            _REQUEST,
            "repo* explanation appeal",
            explanation="Say which question the model is to answer.",
        ),
        _kind(
            "reopened",
            "Taken up again",
            _REQUEST,
            "repo* explanation* access* due",
            explanation="The safeguards you described have changed.",
        ),
    ),
    "Grants and their members": _group(
        _kind(
            "offered",
            "Offered without a request",
            _GRANT,
            "repo* until modes conditions* offer_until*",
        ),
        _kind("activated", "Signed and open", _GRANT, "repo* until* modes terms conditions*"),
        _kind("grant_check", "An extra check before it opens", _GRANT, "repo* about* due*"),
        _kind(
            "standing_check",
            "A check of an access that stands",
            _GRANT,
            "repo* about meanwhile* due*",
        ),
        _kind("standing_check_done", "The check of an access is done", _GRANT, "repo*"),
        _kind("offer_declined", "The offer is declined", _GRANT, "repo*"),
        _kind("renewal_filed", "Receipt of a renewal", _GRANT, "repo* due*"),
        _kind("renewed", "Renewed", _GRANT, "repo* until* modes terms conditions*"),
        _kind(
            "renewal_declined",
            "Not renewed",
            _GRANT,
            "repo* until* reason*",
            reason="The report leaves out what the outputs were used for.",
        ),
        _kind(
            "revocation",
            "Revoked",
            _GRANT,
            "repo* ended_on* reason*",
            reason="The weights were passed on.",
        ),
        _kind("extended", "Opened to one more model", _GRANT, "repo* model* until* conditions"),
        _kind(
            "coverage_ended",
            "Ended for one model",
            _GRANT,
            "repo* model* ended_on* reason*",
            reason="This model is for evaluation alone.",
        ),
        _kind(
            "quotas_changed", "Quotas of hosted use are changed", _GRANT, "repo* quotas* reason*"
        ),
        _kind(
            "notice",
            "Ended by notice",
            _GRANT,
            "repo* ends_on* reason* go_on*",
            reason="The licence has a newer text.",
        ),
        _kind("notice_withdrawn", "A notice is withdrawn", _GRANT, "repo* was until*"),
        _kind("closed", "Closed by its holder", _GRANT, "repo* closed_on* statement*"),
        _kind(
            "suspension",
            "Suspended",
            _HOLD,
            "what* placed_on* for_whom reason*",
            reason="We look into a report.",
        ),
        _kind("suspension_lifted", "The suspension is lifted", _HOLD, "what* lifted_on"),
        _kind("invitation", "Invitation of a member", _GRANT, "repo* holder* until entity"),
        _kind("member_extra_check", "A member’s extra check", _GRANT, "repo* about*"),
        _kind("joined", "A member joined: to the member", _GRANT, "repo* until*"),
        _kind("joined_holder", "A member joined: to the holder", _GRANT, "repo* member address*"),
        _kind(
            "membership_ended",
            "A membership ended: to the member",
            _GRANT,
            "repo* ended_on* reason*",
        ),
        _kind(
            "membership_ended_holder",
            "A membership ended: to the holder",
            _GRANT,
            "repo* ended_on* reason* address*",
        ),
        _kind("invitation_ended", "An invitation is taken back", _GRANT, "repo* reason*"),
    ),
    "Reminders, delays and ends": _group(
        _kind(
            "draft_reminder", "A draft will be removed", _REQUEST, "repo* saved_on days*", days="14"
        ),
        _kind("overdue", "Late", _REQUEST, "repo* due*"),
        _kind("overdue_again", "Still late", _REQUEST, "repo* due* lab"),
        _kind(
            "question_reminder",
            "A question waits",
            _REQUEST,
            "repo* question* deadline* days",
            days="30",
        ),
        _kind("lapse", "A request has lapsed", _REQUEST, "repo* until*", until=_NEXT_MONTH),
        _kind("offer_reminder", "An offer waits", _GRANT, "repo* offer_until*", offer_until=_DAY),
        _kind(
            "offer_lapsed", "An offer has lapsed", _GRANT, "repo* offer_until*", offer_until=_DAY
        ),
        _kind("grant_reminder", "Access ends soon", _GRANT, "repo* ends_on*"),
        _kind("grant_ended", "Access has ended", _GRANT, "repo* ended_on*"),
        _kind("closeout_reminder", "The closing statement is missing", _GRANT, "repo* ended_on*"),
        _kind("renewal_overdue", "A renewal is late", _GRANT, "reference* due*"),
    ),
}
KINDS = {slug: kind for group in GROUPS.values() for slug, kind in group.items()}
