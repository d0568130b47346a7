"""Acts of one person, done at once: none waits for another in a circle."""

from __future__ import annotations

import pytest
from django.utils import timezone

from portal.accounts.tokens.authentication import Caller
from portal.delivery.services import mint_link
from tests.factories.accounts import make_token
from tests.portal.world import World, make_world
from tests.racing import ROUNDS, WON, race, racers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(tmp_path) -> World:
    return make_world(tmp_path / "weights")


def test_links_and_tokens_made_at_once_end_in_no_deadlock(world):
    """Both write events that name the person, and one of them locks the person's row."""
    caller, file = Caller(world.researcher, world.token), world.file()

    def ask() -> None:
        mint_link(caller=caller, file=file, now=timezone.now())

    def take_token() -> None:
        make_token(world.researcher, "download", now=timezone.now())

    for _ in range(ROUNDS):
        outcomes = race(racers(ask, take_token))
        assert set(outcomes) == {WON}, outcomes
