"""What narrows a grant: holds, conditions, notice; and what opens without one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.conditions import Conditions, check_conditions
from portal.access.models import AccessRequest, GateSettings, Grant, Hold, Membership, Screening
from portal.access.policy import Action, Limits, Reason, may, may_read, may_through
from portal.access.services.review import ask_question
from portal.accounts.authentication import Caller
from portal.accounts.models import Affiliation, Organization
from portal.catalog.models import File, ModelRepo
from portal.errors import FieldErrors
from tests.factories.access import make_draft, make_grant, make_request
from tests.factories.accounts import LONG_AGO, make_token, make_user
from tests.factories.catalog import make_folder, make_repo, make_reviewer, make_revision

pytestmark = pytest.mark.django_db
A = Action
USES = (A.DOWNLOAD, A.INFER, A.CAPTURE)


def make_organization(person=None, *, ends_at=None):
    organization = Organization.objects.create(name="Example University", created_at=LONG_AGO)
    if person:
        affiliate(person, organization, ends_at=ends_at)
    return organization


def affiliate(person, organization, *, ends_at=None):
    Affiliation.objects.create(
        person=person,
        organization=organization,
        method="email",
        evidence="university.example",
        proved_at=LONG_AGO,
        expires_at=ends_at or LONG_AGO + timedelta(days=3650),
    )


def hold(now, **held):
    scope = next(name for name in ("person", "organization", "revision") if name in held)
    placed_by = make_user(superuser=True)
    return Hold.objects.create(
        scope=scope, reason="A leak.", placed_by=placed_by, placed_at=now, **held
    )


class TestHolds:
    @pytest.fixture
    def grant(self):
        return make_grant(make_repo())

    @pytest.mark.parametrize("action", USES)
    def test_one_on_the_person_stops_every_use(self, grant, action, now):
        placed = hold(now, person=grant.person, repo=grant.repo)
        verdict = may(grant.person, action, grant.repo, now)
        assert (verdict.reason, verdict.since) == (Reason.SUSPENDED, placed.placed_at)

    def test_two_at_once_stop_as_one_does(self, grant, now):
        hold(now, person=grant.person, repo=grant.repo)
        hold(now, organization=make_organization(grant.person))
        assert may(grant.person, A.DOWNLOAD, grant.repo, now).reason == Reason.SUSPENDED

    def test_it_stops_nobody_else(self, grant, now):
        hold(now, person=make_user(), repo=grant.repo)
        assert may(grant.person, A.DOWNLOAD, grant.repo, now).allowed

    def test_one_on_another_repo_stops_nothing_here(self, grant, now):
        hold(now, person=grant.person, repo=make_repo())
        assert may(grant.person, A.DOWNLOAD, grant.repo, now).allowed

    def test_one_without_a_repo_stops_everywhere(self, grant, now):
        hold(now, person=grant.person)
        assert may(grant.person, A.DOWNLOAD, grant.repo, now).reason == Reason.SUSPENDED
        opened = may(grant.person, A.DOWNLOAD, make_repo(gate="open"), now)
        assert opened.reason == Reason.SUSPENDED

    def test_it_binds_the_token_of_the_person_too(self, grant, now):
        hold(now, person=grant.person)
        token, _ = make_token(grant.person)
        for repo in (grant.repo, make_repo(gate="open")):
            assert may_through(token, A.DOWNLOAD, repo, now).reason == Reason.SUSPENDED

    def test_lifted_it_stops_nothing(self, grant, now):
        placed = hold(now, person=grant.person)
        placed.lifted_at = now
        placed.save()
        assert may(grant.person, A.DOWNLOAD, grant.repo, now).allowed

    def test_it_stops_those_who_need_no_grant(self, now):
        repo = make_repo()
        administrator = make_reviewer(repo, role="administrator")
        assert may(administrator, A.DOWNLOAD, repo, now).allowed
        hold(now, person=administrator)
        assert may(administrator, A.DOWNLOAD, repo, now).reason == Reason.SUSPENDED

    def test_it_leaves_a_page_to_be_seen(self, grant, now):
        hold(now, person=grant.person)
        assert may(grant.person, A.SEE, grant.repo, now).allowed

    def test_one_on_an_organization_stops_its_people(self, grant, now):
        organization = make_organization(grant.person)
        hold(now, organization=organization)
        other = make_grant(grant.repo).person
        assert may(grant.person, A.DOWNLOAD, grant.repo, now).reason == Reason.SUSPENDED
        assert may(other, A.DOWNLOAD, grant.repo, now).allowed

    def test_but_not_those_who_have_left_it(self, grant, now):
        organization = make_organization(grant.person, ends_at=now)
        hold(now, organization=organization)
        assert may(grant.person, A.DOWNLOAD, grant.repo, now).allowed

    def test_one_on_a_revision_stops_it_for_all_and_no_other(self, grant, now, tmp_path):
        first = make_revision(grant.repo, tmp_path / "first")
        other = make_folder(tmp_path / "second", **{"README.md": "# Another\n"})
        second = make_revision(grant.repo, other)
        hold(now, revision=first, repo=grant.repo)
        assert may(grant.person, A.DOWNLOAD, first, now).reason == Reason.SUSPENDED
        assert may(grant.person, A.DOWNLOAD, second, now).allowed
        assert may(grant.person, A.DOWNLOAD, grant.repo, now).allowed

    def test_also_for_nobody_on_the_open_gate(self, now, tmp_path):
        repo = make_repo(gate="open")
        revision = make_revision(repo, tmp_path / "files")
        assert may(None, A.DOWNLOAD, revision, now).allowed
        hold(now, revision=revision, repo=repo)
        assert may(None, A.DOWNLOAD, revision, now).reason == Reason.SUSPENDED
        assert may(None, A.DOWNLOAD, repo, now).allowed


class TestConditions:
    def bound(self, **conditions):
        grant = make_grant(make_repo())
        grant.conditions = Conditions(**conditions).stored()
        grant.save()
        return grant

    def test_no_logits_closes_the_inside_and_nothing_else(self, now):
        grant = self.bound(no_logits=True)
        assert may(grant.person, A.CAPTURE, grant.repo, now).reason == Reason.CONDITION
        assert may(grant.person, A.INFER, grant.repo, now).allowed
        assert may(grant.person, A.DOWNLOAD, grant.repo, now).allowed

    def test_a_second_grant_without_it_opens_the_inside(self, now):
        grant = self.bound(no_logits=True)
        grant.pk, grant.decision, grant.conditions = None, None, {}
        grant.save(force_insert=True)
        assert may(grant.person, A.CAPTURE, grant.repo, now).allowed

    def test_only_the_allowed_files_are_read(self, now, tmp_path):
        grant = self.bound(files=("*.json",))
        revision = make_revision(grant.repo, tmp_path / "files")
        read = {
            file.path: may_read(Caller(grant.person), file, now).reason
            for file in File.objects.filter(revision=revision)
        }
        assert read["config.json"] is None
        assert read["README.md"] is None  # read before every gate
        assert read["model-00001-of-00002.safetensors"] == Reason.CONDITION
        for other in (A.INFER, A.CAPTURE):
            assert may(grant.person, other, grant.repo, now).limits.files is None

    def test_files_of_two_grants_add_up(self, now):
        grant = self.bound(files=("a*",))
        grant.pk, grant.decision = None, None
        grant.conditions = Conditions(files=("b*",)).stored()
        grant.save(force_insert=True)
        verdict = may(grant.person, A.DOWNLOAD, grant.repo, now)
        assert verdict.allowed
        assert set(verdict.limits.files) == {"a*", "b*"}

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
            file.path: {each.grant_id for each in may_read(Caller(person), file, now).bases}
            for file in files
        }
        assert bases["config.json"] == {narrow, grant.pk}
        assert bases["model-00001-of-00002.safetensors"] == {grant.pk}
        assert bases["README.md"] == set()  # which needs none

    def test_what_is_stored_comes_back(self):
        for given in (
            Conditions(),
            Conditions(no_logits=True, files=("*.json",), max_members=0),
        ):
            assert Conditions.of(given.stored()) == given

    def test_a_condition_that_nothing_enforces_is_an_error(self):
        with pytest.raises(TypeError):
            Conditions.of({"be_nice": True})

    def test_each_reads_as_a_sentence(self):
        words = Conditions(no_logits=True, files=("*.json",), max_members=3).words()
        assert len(words) == 3
        assert "*.json" in words[1]
        assert Conditions().words() == []

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            (Conditions(files=()), "files"),
            (Conditions(files=(" ",)), "files"),
            (Conditions(files=("a",) * 51), "files"),
            (Conditions(max_members=-1), "max_members"),
            (Conditions(max_members=1001), "max_members"),
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


class TestTheInterval:
    @pytest.mark.parametrize(
        ("changed", "allowed"),
        [
            ({"starts_at": timedelta(0)}, True),
            ({"starts_at": timedelta(microseconds=1)}, False),
            ({"expires_at": timedelta(0)}, False),
            ({"expires_at": timedelta(microseconds=1)}, True),
            ({"ends_by_notice_at": timedelta(0)}, False),
            ({"ends_by_notice_at": timedelta(microseconds=1)}, True),
        ],
    )
    def test_to_the_microsecond(self, changed, allowed, now):
        grant = make_grant(make_repo(), now=now - timedelta(days=9))
        moved = {name: now + by for name, by in changed.items()}
        Grant.objects.filter(pk=grant.pk).update(**moved)
        assert may(grant.person, A.DOWNLOAD, grant.repo, now).allowed is allowed


class TestMembers:
    def joined(self, grant, **changed):
        person = make_user()
        Membership.objects.create(
            grant=grant,
            email=person.email,
            invited_by=grant.person,
            invited_at=LONG_AGO,
            **{
                "person": person,
                "acceptance": grant.acceptance,
                "joined_at": LONG_AGO,
                **changed,
            },
        )
        return person

    def test_who_signed_may_what_the_holder_may(self, now):
        grant = make_grant(make_repo())
        assert may(self.joined(grant), A.DOWNLOAD, grant.repo, now).allowed

    def test_who_did_not_sign_may_not(self, now):
        grant = make_grant(make_repo())
        person = self.joined(grant, acceptance=None, joined_at=None)
        assert may(person, A.DOWNLOAD, grant.repo, now).reason == Reason.NO_REQUEST

    def test_who_left_may_not(self, now):
        grant = make_grant(make_repo())
        person = self.joined(grant, ended_at=now)
        assert not may(person, A.DOWNLOAD, grant.repo, now).allowed

    def test_a_member_has_the_conditions_of_the_grant(self, now):
        grant = make_grant(make_repo())
        Grant.objects.filter(pk=grant.pk).update(conditions={"no_logits": True})
        person = self.joined(grant)
        assert may(person, A.CAPTURE, grant.repo, now).reason == Reason.CONDITION

    def test_the_holders_grant_is_not_the_members_own(self):
        grant = make_grant(make_repo())
        person = self.joined(grant)
        assert not Grant.objects.to(person, grant.repo).exists()
        assert list(Grant.objects.usable_by(person, grant.repo)) == [grant]


class TestWhileYouWait:
    @pytest.fixture
    def repo(self):
        repo = make_repo()
        GateSettings.objects.create(repo=repo, waiting_tokens_per_day=500)
        return repo

    def waiting(self, repo, *, outcome="clear"):
        request = make_request(repo)
        make_organization(request.applicant)
        submission = request.submissions.latest("number")
        Screening.objects.update_or_create(
            submission=submission,
            defaults={"list_version": "0" * 64, "outcome": outcome, "screened_at": LONG_AGO},
        )
        return request

    def test_a_little_inference_is_open(self, repo, now):
        verdict = may(self.waiting(repo).applicant, A.INFER, repo, now)
        assert verdict.allowed
        assert verdict.limits.tokens_per_day == 500

    @pytest.mark.parametrize("action", [A.DOWNLOAD, A.CAPTURE])
    def test_nothing_else_is(self, repo, action, now):
        verdict = may(self.waiting(repo).applicant, action, repo, now)
        assert verdict.reason == Reason.PENDING

    def test_only_where_the_repo_offers_it(self, repo, now):
        GateSettings.objects.update(waiting_tokens_per_day=0)
        person = self.waiting(repo).applicant
        assert may(person, A.INFER, repo, now).reason == Reason.PENDING

    def test_only_on_the_review_gate(self, now):
        repo = make_repo(inference_gate="licence")
        GateSettings.objects.create(repo=repo, waiting_tokens_per_day=500)
        person = self.waiting(repo).applicant
        assert may(person, A.INFER, repo, now).reason == Reason.SIGN

    def test_not_for_who_proved_no_affiliation(self, repo, now):
        person = self.waiting(repo).applicant
        Affiliation.objects.all().update(expires_at=now)
        assert may(person, A.INFER, repo, now).reason == Reason.PENDING

    @pytest.mark.parametrize("outcome", ["hit", "failed"])
    def test_not_before_screening_is_clear(self, repo, outcome, now):
        person = self.waiting(repo, outcome=outcome).applicant
        assert may(person, A.INFER, repo, now).reason == Reason.PENDING

    def test_a_hit_that_a_person_cleared_is_clear(self, repo, now):
        person = self.waiting(repo, outcome="hit").applicant
        Screening.objects.update(
            disposed_at=now, disposed_by=make_user(superuser=True), disposition="Another person."
        )
        assert may(person, A.INFER, repo, now).allowed

    def test_only_the_newest_snapshot_counts(self, repo, now):
        request = self.waiting(repo)
        newest = request.submissions.latest("number")
        newest.pk, newest.number = None, newest.number + 1
        newest.save(force_insert=True)
        Screening.objects.create(
            submission=newest, list_version="0" * 64, outcome="hit", screened_at=now
        )
        assert not may(request.applicant, A.INFER, repo, now).allowed

    def test_a_question_stops_it_not(self, repo, now):
        request = self.waiting(repo)
        reviewer = make_reviewer(repo)
        ask_question(reviewer=reviewer, request_id=request.pk, text="Which?", now=now)
        assert may(request.applicant, A.INFER, repo, now).allowed

    @pytest.mark.parametrize("state", ["held", "declined", "withdrawn", "lapsed"])
    def test_every_other_state_does(self, repo, state, now):
        request = self.waiting(repo)
        AccessRequest.objects.filter(pk=request.pk).update(state=state, closed_at=now)
        assert not may(request.applicant, A.INFER, repo, now).allowed

    def test_a_draft_is_not_waiting(self, repo, now):
        draft = make_draft(repo, make_user())
        make_organization(draft.applicant)
        assert may(draft.applicant, A.INFER, repo, now).reason == Reason.NO_REQUEST

    def test_what_the_lab_ended_does_not_open_by_asking_anew(self, repo, now):
        person = make_user()
        grant = make_grant(repo, person)
        Grant.objects.filter(pk=grant.pk).update(revoked_at=now, revoked_by=make_user())
        make_request(repo, person)
        make_organization(person)
        assert may(person, A.INFER, repo, now).reason == Reason.PENDING

    def test_a_hold_does(self, repo, now):
        person = self.waiting(repo).applicant
        hold(now, person=person)
        assert may(person, A.INFER, repo, now).reason == Reason.SUSPENDED


def test_what_was_ended_says_how(now):
    repo = make_repo()
    grant = make_grant(repo, now=now - timedelta(days=9))
    for changed, reason in (
        ({"closed_at": now, "closeout": "Deleted."}, Reason.CLOSED),
        ({"closed_at": None, "closeout": "", "ends_by_notice_at": now}, Reason.REVOKED),
        ({"ends_by_notice_at": now + timedelta(1), "expires_at": now}, Reason.EXPIRED),
    ):
        Grant.objects.filter(pk=grant.pk).update(**changed)
        verdict = may(grant.person, A.DOWNLOAD, repo, now)
        assert (verdict.reason, verdict.since) == (reason, now)


def test_a_lapsed_request_says_so(now):
    request = make_request(make_repo())
    AccessRequest.objects.filter(pk=request.pk).update(state="lapsed", closed_at=now)
    verdict = may(request.applicant, A.DOWNLOAD, request.repo, now)
    assert (verdict.reason, verdict.since) == (Reason.LAPSED, now)


def test_holds_cost_a_query_only_where_there_may_be_one(now, django_assert_num_queries):
    grant = make_grant(make_repo())
    repo = ModelRepo.objects.with_names().get(pk=grant.repo_id)
    with django_assert_num_queries(1):
        assert may(grant.person, A.DOWNLOAD, repo, now).allowed
    hold(now, person=grant.person)
    with django_assert_num_queries(2):
        assert not may(grant.person, A.DOWNLOAD, repo, now).allowed
