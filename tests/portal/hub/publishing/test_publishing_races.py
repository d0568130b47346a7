"""Several publishers at the same moment: one is first, and the others are told."""

from __future__ import annotations

from functools import partial

import pytest
from django.test import Client
from django.utils import timezone

from portal.catalog.models import ModelRepo, Revision
from portal.catalog.services.commits import Add, commit_changes
from portal.catalog.services.companion_files import store_bytes
from portal.catalog.services.refs import create_branch
from portal.catalog.services.renaming import move_repo
from portal.hub.services.repos import start_repo
from tests.portal.hub.desk import Desk, make_desk
from tests.racing import WON, race

pytestmark = pytest.mark.django_db(transaction=True)
RACERS = 8


@pytest.fixture
def desk() -> Desk:
    return make_desk(Client())


def test_one_commit_on_a_parent(desk):
    """With the parent named, whoever comes later is told that the branch has moved on."""
    repo, parent = desk.repo, desk.head.commit
    acts = [
        partial(
            commit_changes,
            actor=desk.publisher,
            repo_id=repo.pk,
            branch="main",
            changes=[Add(store_bytes(f"{number}.txt", b"%d" % number))],
            title="A race",
            now=timezone.now(),
            parent=parent,
        )
        for number in range(RACERS)
    ]
    assert race(acts) == {WON: 1, "412 stale_parent": RACERS - 1}
    assert Revision.in_history.filter(repo=repo).count() == 2


def test_without_a_parent_every_commit_builds_on_the_last(desk):
    repo = desk.repo
    acts = [
        partial(
            commit_changes,
            actor=desk.publisher,
            repo_id=repo.pk,
            branch="main",
            changes=[Add(store_bytes(f"{number}.txt", b"%d" % number))],
            title="A race",
            now=timezone.now(),
        )
        for number in range(RACERS)
    ]
    assert race(acts) == {WON: RACERS}
    assert len([path for path in desk.paths() if path.endswith(".txt")]) == RACERS


def test_one_repo_of_a_name(desk):
    make = partial(start_repo, actor=desk.publisher, namespace=desk.lab.name, now=timezone.now())
    acts = [partial(make, name=name, private=True) for name in ("raced", "RACED") * (RACERS // 2)]
    assert race(acts) == {WON: 1, "409 repo_exists": RACERS - 1}


def test_one_mover_to_a_name(desk):
    names = [desk.create(f"model-{number}").json()["id"] for number in range(4)]
    acts = [
        partial(
            move_repo,
            actor=desk.publisher,
            repo_id=ModelRepo.objects.named(name).get().pk,
            namespace=desk.lab.name,
            name="goal",
            now=timezone.now(),
        )
        for name in names
    ]
    assert race(acts) == {WON: 1, "409 repo_exists": 3}


def test_one_branch_of_a_name(desk):
    act = partial(
        create_branch,
        actor=desk.publisher,
        repo_id=desk.repo.pk,
        name="next",
        start="main",
        now=timezone.now(),
    )
    assert race([act] * RACERS) == {WON: 1, "409 ref_exists": RACERS - 1}
