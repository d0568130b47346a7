"""One applicant's way through the gate, each step at a time that is drawn for it."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from portal.access.applicant.submission import submit_request
from portal.access.models import AccessRequest
from portal.access.requests.answering import answer_question
from portal.access.requests.appeals import appeal_request
from portal.access.requests.drafts import save_draft, start_draft
from portal.access.requests.form.questions import requestable_modes
from portal.access.requests.routing import withdraw_request
from portal.access.review.asking import ask_question
from portal.access.review.assignment import claim_request
from portal.access.review.decisions.deciding import approve_request, decline_request
from portal.access.review.notes import write_note
from portal.access.review.screening_clearance import dispose_screening
from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.synthetic import texts
from portal.synthetic.agenda import Act
from portal.synthetic.people import COUNTRIES, SECTORS
from portal.synthetic.signing import sign
from portal.synthetic.use import SyntheticUse
from portal.synthetic.world import SyntheticWorld

# How many of a hundred cases go which way.
FATES = {
    "approved": 52,
    "declined": 13,
    "asked": 12,
    "appealed": 6,
    "late": 5,
    "withdrawn": 5,
    "silent": 4,
    "draft": 3,
}
GRANT_DAYS = (60, 90, 180, 365)


class SyntheticCase:
    """An applicant, their request, and what becomes of it."""

    def __init__(
        self, world: SyntheticWorld, number: int, applicant: User, repo: ModelRepo, fate: str
    ) -> None:
        self._world, self._number, self._repo, self._fate = world, number, repo, fate
        self._applicant, self._key = applicant, 0
        self._draws: random.Random = world.draws("case", number)
        self._reviewer = self._draws.choice(world.reviewers)

    def file(self, now: datetime) -> None:
        """Fill in the form, and send it unless the case stays a draft."""
        draft = self._world.attempt(
            start_draft, applicant=self._applicant, repo_id=self._repo.pk, now=now
        )
        if draft is None:
            return
        self._key = draft.pk
        own = {"applicant": self._applicant, "request_id": draft.pk, "now": now}
        self._world.attempt(save_draft, answers=self._answers(), **own)
        if self._fate == "draft":
            return
        entity = str(self._answers()["organization"]) if self._draws.random() < 0.2 else ""
        signature = sign(self._applicant, self._repo, now, entity=entity)
        sent: AccessRequest | None = self._world.attempt(
            submit_request, signatures=[signature], **own
        )
        if sent is not None and sent.state == AccessRequest.State.HELD:
            self._then(self._clear, now, (2, 6))
        elif sent is not None:
            self._go_on(now)

    def _go_on(self, now: datetime) -> None:
        """Plan the steps that this case's fate takes, from its filing on."""
        if self._fate == "withdrawn":
            self._then(self._withdraw, now, (1, 6))
        elif self._fate in ("asked", "silent"):
            self._then(self._ask, now, (1, 5))
        else:
            if self._draws.random() < 0.6:
                self._then(self._claim, now, (0, 2))
            days = (20.0, 32.0) if self._fate == "late" else (2.0, 12.0)
            is_refused = self._fate in ("declined", "appealed", "appealing")
            self._then(self._decline if is_refused else self._approve, now, days)

    def _answers(self) -> dict[str, object]:
        organizations = self._applicant.affiliations.select_related("organization")
        proved = organizations.first()
        place = proved.organization if proved else None
        draws = self._world.draws("answers", self._number)
        return {
            "name": self._applicant.name,
            "organization": place.name if place else f"Synthetic Institute {self._number:04}",
            "country": str(place.country) if place else draws.choice(COUNTRIES),
            "sector": str(place.sector) if place else draws.choice(SECTORS),
            "purpose": texts.purpose(draws, self._number),
            "outputs": draws.choice(texts.OUTPUTS),
            "compute": draws.choice(texts.COMPUTE),
            "modes": [str(mode) for mode in requestable_modes(self._repo)],
        }

    def _clear(self, now: datetime) -> None:
        head = self._draws.choice(self._world.heads)
        if self._world.attempt(
            dispose_screening, actor=head, request_id=self._key, text=texts.CLEARED, now=now
        ):
            self._go_on(now)

    def _claim(self, now: datetime) -> None:
        self._world.attempt(claim_request, reviewer=self._reviewer, request_id=self._key, now=now)
        if self._draws.random() < 0.4:
            own = {"author": self._reviewer, "request_id": self._key}
            self._world.attempt(write_note, text=texts.NOTE, now=now + timedelta(minutes=20), **own)

    def _ask(self, now: datetime) -> None:
        text = self._draws.choice(texts.QUESTIONS)
        own = {"reviewer": self._reviewer, "request_id": self._key}
        self._world.attempt(ask_question, text=text, now=now, **own)
        if self._fate == "asked":
            self._then(self._answer, now, (1, 8))

    def _answer(self, now: datetime) -> None:
        answer = self._draws.choice(texts.ANSWERS)
        own = {"applicant": self._applicant, "request_id": self._key}
        self._world.attempt(answer_question, answer=answer, now=now, **own)
        self._then(self._approve, now, (1, 6))

    def _withdraw(self, now: datetime) -> None:
        self._world.attempt(
            withdraw_request, applicant=self._applicant, request_id=self._key, now=now
        )

    def _decline(self, now: datetime) -> None:
        code = self._draws.choice(list(texts.REASONS))
        self._world.attempt(
            decline_request,
            reviewer=self._reviewer,
            request_id=self._key,
            reason_code=code,
            reason_text=texts.REASONS[code],
            is_undoable=False,
            now=now,
        )
        if self._fate in ("appealed", "appealing"):
            self._then(self._appeal, now, (2, 12))

    def _appeal(self, now: datetime) -> None:
        """Appeal. Somebody else than who declined decides on it, unless it is left waiting."""
        own = {"applicant": self._applicant, "request_id": self._key}
        self._world.attempt(appeal_request, text=texts.APPEAL, now=now, **own)
        if self._fate == "appealing":
            return
        others = [reviewer for reviewer in self._world.reviewers if reviewer != self._reviewer]
        self._reviewer, self._fate = self._draws.choice(others), "declined"
        is_granted = self._draws.random() < 0.5
        self._then(self._approve if is_granted else self._decline, now, (3, 14))

    def _approve(self, now: datetime) -> None:
        """Approve for some months; the holder then uses it."""
        grant = self._world.attempt(
            approve_request,
            reviewer=self._reviewer,
            request_id=self._key,
            modes=[str(mode) for mode in requestable_modes(self._repo)],
            expires_at=now + timedelta(days=self._draws.choice(GRANT_DAYS)),
            is_undoable=False,
            now=now,
        )
        if grant is not None:
            SyntheticUse(self._world, self._number, self._applicant, grant).begin(now)

    def _then(self, act: Act, after: datetime, days: tuple[float, float]) -> None:
        self._world.later(self._draws, act, after, days)
