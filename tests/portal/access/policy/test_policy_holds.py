"""The one rule on access: what is held back."""

from __future__ import annotations

import pytest

from portal.access.policy.policy import Action, Reason, may, may_through
from portal.catalog.models import ModelRepo
from tests.factories.access import make_grant
from tests.factories.accounts import make_token, make_user
from tests.factories.affiliations import affiliate
from tests.factories.catalog import (
    make_folder,
    make_repo,
    make_reviewer,
    make_revision,
    other_weights,
)
from tests.factories.grants import make_hold

pytestmark = pytest.mark.django_db


A = Action
USES = (A.DOWNLOAD, A.INFER, A.CAPTURE)


class TestHolds:
    @pytest.fixture
    def grant(self):
        return make_grant(make_repo())

    @pytest.mark.parametrize("action", USES)
    def test_one_on_the_person_stops_every_use(self, grant, action, now):
        placed = make_hold(grant.person, grant.repo, now=now)
        permission = may(grant.person, action, grant.repo, now)
        assert (permission.reason, permission.since) == (Reason.SUSPENDED, placed.placed_at)

    def test_two_at_once_stop_as_one_does(self, grant, now):
        make_hold(grant.person, grant.repo, now=now)
        make_hold(affiliate(grant.person), now=now)
        assert may(grant.person, A.DOWNLOAD, grant.repo, now).reason == Reason.SUSPENDED

    def test_it_stops_nobody_else(self, grant, now):
        make_hold(make_user(), grant.repo, now=now)
        assert may(grant.person, A.DOWNLOAD, grant.repo, now).allowed

    def test_one_on_another_repo_stops_nothing_here(self, grant, now):
        make_hold(grant.person, make_repo(), now=now)
        assert may(grant.person, A.DOWNLOAD, grant.repo, now).allowed

    def test_one_without_a_repo_stops_everywhere(self, grant, now):
        make_hold(grant.person, now=now)
        assert may(grant.person, A.DOWNLOAD, grant.repo, now).reason == Reason.SUSPENDED
        opened = may(grant.person, A.DOWNLOAD, make_repo(gate="open"), now)
        assert opened.reason == Reason.SUSPENDED

    def test_it_binds_the_token_of_the_person_too(self, grant, now):
        make_hold(grant.person, now=now)
        token, _ = make_token(grant.person)
        for repo in (grant.repo, make_repo(gate="open")):
            assert may_through(token, A.DOWNLOAD, repo, now).reason == Reason.SUSPENDED

    def test_lifted_it_stops_nothing(self, grant, now):
        placed = make_hold(grant.person, now=now)
        placed.lifted_at = now
        placed.save()
        assert may(grant.person, A.DOWNLOAD, grant.repo, now).allowed

    def test_it_stops_those_who_need_no_grant(self, now):
        repo = make_repo()
        administrator = make_reviewer(repo, role="administrator")
        assert may(administrator, A.DOWNLOAD, repo, now).allowed
        make_hold(administrator, now=now)
        assert may(administrator, A.DOWNLOAD, repo, now).reason == Reason.SUSPENDED

    def test_it_leaves_a_page_to_be_seen(self, grant, now):
        make_hold(grant.person, now=now)
        assert may(grant.person, A.SEE, grant.repo, now).allowed

    def test_one_on_an_organization_stops_its_people(self, grant, now):
        organization = affiliate(grant.person)
        make_hold(organization, now=now)
        another_person = make_grant(grant.repo).person
        assert may(grant.person, A.DOWNLOAD, grant.repo, now).reason == Reason.SUSPENDED
        assert may(another_person, A.DOWNLOAD, grant.repo, now).allowed

    def test_but_not_those_who_have_left_it(self, grant, now):
        organization = affiliate(grant.person, expires_at=now)
        make_hold(organization, now=now)
        assert may(grant.person, A.DOWNLOAD, grant.repo, now).allowed

    def test_one_on_a_revision_stops_it_for_all_and_no_other(self, grant, now, tmp_path):
        first = make_revision(grant.repo, tmp_path / "first")
        another_folder = make_folder(tmp_path / "second", **other_weights())
        second = make_revision(grant.repo, another_folder)
        make_hold(first, grant.repo, now=now)
        assert may(grant.person, A.DOWNLOAD, first, now).reason == Reason.SUSPENDED
        assert may(grant.person, A.DOWNLOAD, second, now).allowed
        assert may(grant.person, A.DOWNLOAD, grant.repo, now).allowed

    def test_also_for_nobody_on_the_open_gate(self, now, tmp_path):
        repo = make_repo(gate="open")
        revision = make_revision(repo, tmp_path / "files")
        assert may(None, A.DOWNLOAD, revision, now).allowed
        make_hold(revision, repo, now=now)
        assert may(None, A.DOWNLOAD, revision, now).reason == Reason.SUSPENDED
        assert may(None, A.DOWNLOAD, repo, now).allowed


def test_holds_cost_a_query_only_where_there_may_be_one(now, django_assert_num_queries):
    grant = make_grant(make_repo())
    repo = ModelRepo.objects.with_names().get(pk=grant.repo_id)
    with django_assert_num_queries(1):
        assert may(grant.person, A.DOWNLOAD, repo, now).allowed
    make_hold(grant.person, now=now)
    with django_assert_num_queries(2):
        assert not may(grant.person, A.DOWNLOAD, repo, now).allowed
