"""The life of a grant: tokens, downloads, jobs, members, and how it ends."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from portal.access.grants.ending.closeout import close_grant
from portal.access.grants.ending.revocation import revoke_grant
from portal.access.grants.members.joining import join_as_member
from portal.access.grants.members.membership import invite_member
from portal.access.grants.renewals import decide_renewal, renew_grant
from portal.access.holds.holds import lift_hold, place_hold
from portal.access.lifecycle import ends_at
from portal.access.models import Grant, Renewal
from portal.accounts.models import AccessToken, Scope, User
from portal.accounts.services import issue_token, revoke_token
from portal.accounts.tokens.authentication import Caller
from portal.synthetic import texts
from portal.synthetic.agenda import Act
from portal.synthetic.consuming import download_once, prompt_once
from portal.synthetic.people import make_person
from portal.synthetic.signing import sign
from portal.synthetic.world import SyntheticWorld

# How many of a hundred grants go which way; the others end by their time alone.
ENDS = {"lasts": 55, "renewed": 25, "closed": 8, "revoked": 7, "held": 5}
MOST_DOWNLOADS, MOST_JOBS = 4, 4
TOKEN_DAYS = (30, 90, 365)
RENEWED_BEFORE = timedelta(days=20)


class SyntheticUse:
    """A holder and their grant."""

    def __init__(self, world: SyntheticWorld, number: int, holder: User, grant: Grant) -> None:
        self._world, self._number, self._holder, self._grant = world, number, holder, grant
        self._draws: random.Random = world.draws("use", number, grant.parent_id is not None)
        self._token: AccessToken | None = None

    def begin(self, now: datetime) -> None:
        """Plan how the grant is used, and how it ends."""
        months = (ends_at(self._grant) - now) / timedelta(days=1)
        self._then(self._make_token, now, (0.05, 2))
        for _ in range(self._draws.randint(1, MOST_DOWNLOADS)):
            self._then(self._download, now, (2, months))
        for _ in range(self._draws.randint(0, MOST_JOBS)):
            self._then(self._prompt, now, (2, months))
        if self._is_of_organization and self._draws.random() < 0.5:
            self._then(self._invite, now, (2, 20))
        (end,) = self._draws.choices(list(ENDS), list(ENDS.values()))
        if end == "renewed":
            self._world.agenda.add(ends_at(self._grant) - RENEWED_BEFORE, self._renew)
        elif end != "lasts":
            acts = {"closed": self._close, "revoked": self._revoke, "held": self._hold}
            self._then(acts[end], now, (10, months))

    @property
    def _is_of_organization(self) -> bool:
        signed = self._grant.acceptance
        return signed is not None and signed.capacity == "entity"

    def _make_token(self, now: datetime) -> None:
        made = self._world.attempt(
            issue_token,
            owner=self._holder,
            name=f"workstation {self._number}",
            scopes=[str(Scope.DOWNLOAD), str(Scope.INFER)],
            days=self._draws.choice(TOKEN_DAYS),
            now=now,
        )
        self._token = made[0] if made else None
        if self._token is not None and self._draws.random() < 0.1:
            self._then(self._end_token, now, (5, 40))

    def _end_token(self, now: datetime) -> None:
        if self._token is not None:
            own = {"owner": self._holder, "token_id": self._token.pk}
            self._world.attempt(revoke_token, now=now, **own)

    def _download(self, now: datetime) -> None:
        self._world.attempt(download_once, caller=self._caller(now), grant=self._grant, now=now)

    def _prompt(self, now: datetime) -> None:
        tokens = [self._draws.randrange(4, 500) for _ in range(self._draws.randint(3, 40))]
        own = {"caller": self._caller(now), "repo": self._grant.repo}
        self._world.attempt(prompt_once, tokens=tokens, now=now, **own)

    def _caller(self, now: datetime) -> Caller:
        """Call by the token where it still holds, and else in person, as by a browser."""
        usable = AccessToken.objects.usable_at(now)
        token = usable.filter(pk=self._token.pk).first() if self._token else None
        return Caller(self._holder, token)

    def _invite(self, now: datetime) -> None:
        """Invite a colleague, who signs for themselves a while later."""
        place = self._holder.email.rpartition("@")[2].partition(".")[0]
        member = make_person("member", self._number, place, now)
        own = {"holder": self._holder, "grant_id": self._grant.pk, "email": member.email}
        membership = self._world.attempt(invite_member, now=now, **own)
        if membership is not None and self._draws.random() < 0.8:
            self._then(lambda at: self._join(member, membership.pk, at), now, (0.1, 6))

    def _join(self, member: User, membership_id: int, now: datetime) -> None:
        signature = sign(member, self._grant.repo, now)
        own = {"person": member, "membership_id": membership_id}
        self._world.attempt(join_as_member, signature=signature, now=now, **own)

    def _renew(self, now: datetime) -> None:
        entity = self._grant.acceptance.entity if self._grant.acceptance else ""
        renewal = self._world.attempt(
            renew_grant,
            holder=self._holder,
            grant_id=self._grant.pk,
            report=texts.REPORT,
            publications="",
            signature=sign(self._holder, self._grant.repo, now, entity=entity),
            now=now,
        )
        if renewal is not None and renewal.decided_at is None:
            self._then(lambda at: self._decide(renewal, at), now, (2, 12))

    def _decide(self, renewal: Renewal, now: datetime) -> None:
        is_granted = self._draws.random() < 0.85
        self._world.attempt(
            decide_renewal,
            actor=self._draws.choice(self._world.reviewers),
            renewal_id=renewal.pk,
            granted=is_granted,
            reason="" if is_granted else texts.REASONS["purpose_unclear"],
            now=now,
        )

    def _close(self, now: datetime) -> None:
        own = {"holder": self._holder, "grant_id": self._grant.pk, "statement": texts.CLOSING}
        self._world.attempt(close_grant, deleted_copies=True, now=now, **own)

    def _revoke(self, now: datetime) -> None:
        own = {"actor": self._draws.choice(self._world.heads), "grant_id": self._grant.pk}
        self._world.attempt(revoke_grant, reason=texts.REVOKED, now=now, **own)

    def _hold(self, now: datetime) -> None:
        """Stop the holder at once; both heads lift it some days later."""
        hold = self._world.attempt(
            place_hold,
            actor=self._world.heads[0],
            scope="person",
            subject_id=self._holder.pk,
            repo_id=self._grant.repo_id,
            reason=texts.HELD,
            now=now,
        )
        for head in self._world.heads if hold is not None else ():
            self._then(self._lifting(head, hold.pk), now, (2, 9))

    def _lifting(self, head: User, hold_id: int) -> Act:
        return lambda now: self._world.attempt(
            lift_hold, actor=head, hold_id=hold_id, reason=texts.CLEARED, now=now
        )

    def _then(self, act: Act, after: datetime, days: tuple[float, float]) -> None:
        self._world.later(self._draws, act, after, days)
