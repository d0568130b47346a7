"""The one rule on access: the conditions of a grant."""

from __future__ import annotations

import pytest

from portal.access.policy.conditions import Conditions, check_conditions
from portal.access.policy.policy import Action, Limits, Reason, may, may_read
from portal.access.policy.refusals import describe
from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import File
from portal.errors import FieldErrors
from tests.factories.access import make_grant
from tests.factories.catalog import make_repo, make_revision

pytestmark = pytest.mark.django_db


A = Action


class TestConditions:
    def bound(self, **conditions):
        grant = make_grant(make_repo())
        grant.conditions = Conditions(**conditions).stored()
        grant.save()
        return grant

    def test_no_logits_closes_the_inside_and_nothing_else(self, now):
        grant = self.bound(no_logits=True)
        refused = may(grant.person, A.CAPTURE, grant.repo, now)
        assert (refused.reason, refused.help_url) == (Reason.CONDITION, f"/grants/{grant.pk}")
        assert "generated text only" in describe(refused, grant.repo).line
        assert not may(grant.person, A.SCORE, grant.repo, now).allowed
        assert may(grant.person, A.INFER, grant.repo, now).allowed
        assert may(grant.person, A.DOWNLOAD, grant.repo, now).allowed

    def test_no_captures_leaves_the_log_probabilities(self, now):
        grant = self.bound(no_captures=True)
        refused = may(grant.person, A.CAPTURE, grant.repo, now)
        assert (refused.reason, refused.help_url) == (Reason.CONDITION, f"/grants/{grant.pk}")
        assert "no captures" in describe(refused, grant.repo).line
        for action in (A.SCORE, A.INFER, A.DOWNLOAD):
            assert may(grant.person, action, grant.repo, now).allowed

    def test_a_second_grant_without_it_opens_the_inside(self, now):
        grant = self.bound(no_logits=True)
        grant.pk, grant.decision, grant.conditions = None, None, {}
        grant.save(force_insert=True)
        assert may(grant.person, A.CAPTURE, grant.repo, now).allowed

    def test_only_the_allowed_files_are_read(self, now, tmp_path):
        grant = self.bound(files=("*.json",))
        revision = make_revision(grant.repo, tmp_path / "files")
        permissions = {
            file.path: may_read(Caller(grant.person), file, now)
            for file in File.objects.filter(revision=revision)
        }
        read = {path: permission.reason for path, permission in permissions.items()}
        assert read["config.json"] is None
        assert read["README.md"] is None  # read before every gate
        assert read["model-00001-of-00002.safetensors"] == Reason.CONDITION
        refused = permissions["model-00001-of-00002.safetensors"]
        assert "covers other files" in describe(refused, grant.repo).line
        for action in (A.INFER, A.CAPTURE):
            assert may(grant.person, action, grant.repo, now).limits.files is None

    def test_files_of_two_grants_add_up(self, now):
        grant = self.bound(files=("a*",))
        grant.pk, grant.decision = None, None
        grant.conditions = Conditions(files=("b*",)).stored()
        grant.save(force_insert=True)
        permission = may(grant.person, A.DOWNLOAD, grant.repo, now)
        assert permission.allowed
        assert set(permission.limits.files) == {"a*", "b*"}

    def test_a_grant_for_all_files_is_for_all(self, now):
        grant = self.bound(files=("a*",))
        grant.pk, grant.decision, grant.conditions = None, None, {}
        grant.save(force_insert=True)
        assert may(grant.person, A.DOWNLOAD, grant.repo, now).limits == Limits()

    def test_a_file_is_read_under_the_grants_that_are_for_it(self, now, tmp_path):
        grant = self.bound(files=("*.json",))
        narrow, person, repo = grant.pk, grant.person, grant.repo
        grant.pk, grant.decision, grant.conditions = None, None, {}
        grant.save(force_insert=True)
        files = File.objects.filter(revision=make_revision(repo, tmp_path / "files"))
        bases = {
            file.path: {basis.grant_id for basis in may_read(Caller(person), file, now).bases}
            for file in files
        }
        assert bases["config.json"] == {narrow, grant.pk}
        assert bases["model-00001-of-00002.safetensors"] == {grant.pk}
        assert bases["README.md"] == set()  # which needs none

    def test_what_is_stored_comes_back(self):
        for stored in (
            Conditions(),
            Conditions(no_logits=True, files=("*.json",), max_members=0),
            Conditions(no_captures=True),
        ):
            assert Conditions.of(stored.stored()) == stored

    def test_a_condition_that_nothing_enforces_is_an_error(self):
        with pytest.raises(TypeError):
            Conditions.of({"be_nice": True})

    def test_each_reads_as_a_sentence(self):
        words = Conditions(no_logits=True, files=("*.json",), max_members=3).words()
        assert len(words) == 3
        assert "*.json" in words[1]
        assert Conditions().words() == []
        assert Conditions(no_captures=True).words() == [
            "No captures: no hidden states, attention or interventions."
        ]
        assert len(Conditions(no_captures=True, no_logits=True).words()) == 1  # which says it all

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            (Conditions(files=()), "conditions.files"),
            (Conditions(files=(" ",)), "conditions.files"),
            (Conditions(files=("a",) * 51), "conditions.files"),
            (Conditions(max_members=-1), "conditions.max_members"),
            (Conditions(max_members=1001), "conditions.max_members"),
        ],
    )
    def test_what_cannot_be_enforced_is_named(self, given, field):
        with pytest.raises(FieldErrors) as caught:
            check_conditions(given)
        assert set(caught.value.errors) == {field}

    def test_what_can_is_let_pass(self):
        check_conditions(Conditions())
        check_conditions(Conditions(files=("a",) * 50, max_members=1000))
        check_conditions(Conditions(max_members=0))
