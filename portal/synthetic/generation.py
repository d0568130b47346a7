"""Generate a year: people, requests, decisions, grants and their use, all in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from django.contrib.auth.hashers import make_password
from django.db import connection, transaction

from portal.access.evidence.refreshing import refresh_evidence
from portal.access.gate.settings import save_gate
from portal.access.grants.licence_gate import sign_for_grant
from portal.access.models import AccessRequest
from portal.access.people.operators import take_operator
from portal.access.reminders.tick import TIMERS, tick
from portal.access.screening.lists import add_entry
from portal.accounts.models import Namespace, User
from portal.accounts.services import create_lab
from portal.audit.heads import publish_heads
from portal.catalog.services.repos import configure_repo
from portal.errors import Conflict
from portal.jobs import hosting
from portal.outbox.models import OutboxMessage
from portal.synthetic import models
from portal.synthetic.agenda import Act, Agenda
from portal.synthetic.cases import FATES, SyntheticCase
from portal.synthetic.figures import figures
from portal.synthetic.people import (
    DOMAIN,
    make_organization,
    make_person,
    place,
    real_people,
    seat_team,
)
from portal.synthetic.signing import sign
from portal.synthetic.use import SyntheticUse
from portal.synthetic.world import SyntheticWorld, working_time

DEADLINES = {name: timer for name, timer in TIMERS.items() if name not in ("evidence", "digest")}
ORGANIZATIONS = 24
UNPROVED_EVERY, HELD_EVERY, SIGNED_EVERY = 7, 40, 10
UNDO_MINUTES = 1
# Cases that are under way at the end, however few there are: days before it, and the fate.
UNDER_WAY = (
    (0.5, "held"),
    (1.0, "approved"),
    (1.5, "approved"),
    (3.0, "draft"),
    (7.0, "silent"),
    (9.0, "asked"),
    (19.0, "late"),
    (30.0, "appealing"),
)


@transaction.atomic
def generate(
    *,
    requests: int,
    days: int,
    seed: int,
    until: datetime,
    password: str,
    beside_real_people: bool,
    on_day: Callable[[], object],
) -> dict[str, int]:
    """Fill the installation with ``days`` of work that end at ``until``; return what it then has.

    Raise Conflict where it has real people, unless that is meant, or synthetic ones already.
    """
    _require_room(beside_real_people=beside_real_people)
    world = _found(seed, until - timedelta(days=days), until)
    _plan_cases(world, requests)
    for day in range(days):
        at = world.begins + timedelta(days=day, hours=20)
        world.agenda.add(at, lambda now: _end_day(now, on_day))
    world.agenda.run()
    _finish(world, password)
    return figures() | {"refused acts": world.refused.total()}


def _require_room(*, beside_real_people: bool) -> None:
    if Namespace.objects.filter(name=models.LAB).exists():
        raise Conflict("This installation has synthetic data already. Generate into an empty one.")
    if (count := real_people()) and not beside_real_people:
        raise Conflict(
            f"This installation has {count} people who aren’t synthetic. The record can’t be "
            "cleaned of what would be generated. Use another installation."
        )


def _found(seed: int, begins: datetime, ends: datetime) -> SyntheticWorld:
    """Make the lab with its models and its team, before the first case."""
    operator = make_person("operator", 1, "lab", begins, is_superuser=True)
    create_lab(actor=operator, name=models.LAB, title="Synthetic Lab", now=begins)
    repos = models.make_models(operator, begins)
    gated = [repos[name] for name in models.GATED]
    heads, reviewers = seat_team(operator, gated, begins)
    for repo in gated:
        values = {"undo_minutes": UNDO_MINUTES}
        save_gate(actor=heads[0], repo_id=repo.pk, values=values, now=begins)
    for number in range(ORGANIZATIONS):
        make_organization(number, begins)
    return SyntheticWorld(
        seed=seed,
        begins=begins,
        ends=ends,
        agenda=Agenda(ends),
        operator=operator,
        heads=heads,
        reviewers=reviewers,
        gated=gated,
        licensed=repos[models.LICENSED],
    )


def _plan_cases(world: SyntheticWorld, requests: int) -> None:
    """Spread the cases over the time; the last of them are under way when it ends."""
    span = (world.ends - world.begins) / timedelta(days=1)
    for number in range(1, requests + 1):
        draws = world.draws("filing", number)
        late = requests - number
        if late < len(UNDER_WAY):
            ago, fate = UNDER_WAY[late]
            at = max(world.begins, world.ends - timedelta(days=ago))
        else:
            at = working_time(draws, world.begins, (1, max(1, span - 1)))
            fate = _fate(draws, number)
        world.agenda.add(at, _arrival(world, number, fate))


def _fate(draws: Random, number: int) -> str:
    """Choose which way an ordinary case goes: mostly by chance, some by its number."""
    if number % SIGNED_EVERY == 0:
        return "signed"
    (fate,) = draws.choices(list(FATES), list(FATES.values()))
    return "held" if number % HELD_EVERY == 1 else fate


def _arrival(world: SyntheticWorld, number: int, fate: str) -> Act:
    """Return the act by which an applicant signs up, and asks or signs a few minutes later."""

    def arrive(now: datetime) -> None:
        draws = world.draws("person", number)
        known = place(draws.randrange(ORGANIZATIONS))
        where = known if number % UNPROVED_EVERY else f"unknown-{number:04}"
        applicant = make_person("applicant", number, where, now)
        soon = now + timedelta(minutes=10)
        if fate == "signed":
            world.agenda.add(soon, lambda at: _sign(world, number, applicant, at))
            return
        if fate == "held":
            _list(world, applicant, now)
        case = SyntheticCase(world, number, applicant, draws.choice(world.gated), fate)
        world.agenda.add(soon, case.file)

    return arrive


def _list(world: SyntheticWorld, applicant: User, now: datetime) -> None:
    """Put a name on the screening lists, so that its case is held and looked at."""
    note = "Synthetic, to show what the lists do."
    add_entry(actor=world.operator, kind="person", value=applicant.name, note=note, now=now)


def _sign(world: SyntheticWorld, number: int, person: User, now: datetime) -> None:
    """Sign at the gate that a signature alone opens."""
    repo = world.licensed
    signature = sign(person, repo, now)
    arguments = {"person": person, "repo_id": repo.pk, "signature": signature}
    grant = world.attempt(sign_for_grant, now=now, **arguments)
    if grant is not None:
        SyntheticUse(world, number, person, grant).begin(now)


def _end_day(now: datetime, on_day: Callable[[], object]) -> None:
    """Apply the day's deadlines, and mark the letters as sent that a mail worker would have sent.

    What the queue shows of the evidence is brought up to date once, at the end, and nobody gets a
    digest: both take longer than all else of a day.
    """
    tick(now, DEADLINES)
    _send(now)
    on_day()


def _send(now: datetime) -> None:
    due = OutboxMessage.objects.filter(
        state=OutboxMessage.State.QUEUED, due_at__lte=now, address__iendswith=DOMAIN
    )
    due.filter(is_secret=True).update(text="", html="")
    due.update(state=OutboxMessage.State.SENT, sent_at=now, attempts=1)


def _finish(world: SyntheticWorld, password: str) -> None:
    undecided = AccessRequest.objects.filter(state__in=AccessRequest.UNDECIDED_STATES)
    refresh_evidence(undecided, world.ends)
    _send(world.ends + timedelta(days=1))
    for repo in (*world.gated, world.licensed):
        # No worker can load weights that are drawn by chance, and one would be missed for good.
        hosting.stop_beating(repo.full_name)
        configure_repo(actor=world.operator, repo_id=repo.pk, now=world.ends, hosted=False)
    if password:
        team = [person.pk for person in (*world.heads, *world.reviewers)]
        User.objects.filter(pk__in=team).update(password=make_password(password))
    if User.objects.operators().exclude(pk=world.operator.pk).exists():
        taken = {"actor": world.operator, "username": world.operator.username}
        world.attempt(take_operator, now=world.ends, **taken)
    publish_heads(world.ends)
    # Hints of work that is done, tens of thousands of them: beat hints again at what isn't.
    connection.run_on_commit.clear()
