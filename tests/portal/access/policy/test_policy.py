"""The one rule: who may do what, why not, and that list and check agree."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser

from portal.access.models import Grant
from portal.access.policy.policy import Action, Reason, may, may_through
from portal.access.policy.refusals import CATALOGUE, describe
from portal.access.review.asking import ask_question
from portal.access.review.decisions.deciding import decline_request
from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import ModelRepo, TeamMember
from tests.factories.access import make_draft, make_grant, make_request
from tests.factories.accounts import make_lab, make_token, make_user
from tests.factories.catalog import make_repo, make_reviewer

pytestmark = pytest.mark.django_db

ROLES = [
    "anonymous",
    "researcher",
    "applicant",
    "licensee",
    "reviewer",
    "other_reviewer",
    "administrator",
    "publisher",
    "other_publisher",
    "operator",
]
A = Action
ALLOWED = {
    # action: who may, on a repo behind the review gate
    A.SEE: set(ROLES),
    A.DOWNLOAD: {"licensee", "administrator", "publisher", "operator"},
    A.INFER: {"licensee", "administrator", "publisher", "operator"},
    A.SCORE: {"licensee", "administrator", "publisher", "operator"},
    A.CAPTURE: {"licensee", "administrator", "publisher", "operator"},
    A.PUBLISH: {"publisher", "operator"},
    A.REVIEW: {"reviewer", "administrator"},
    A.ADMINISTER: {"administrator", "publisher", "operator"},
}


def people(repo):
    publisher = repo.namespace.roles.exclude(user__is_superuser=True).get().user
    outsider = make_user()
    make_lab(publisher=outsider)
    applicant = make_user()
    make_request(repo, applicant)
    return {
        "anonymous": AnonymousUser(),
        "researcher": make_user(),
        "applicant": applicant,
        "licensee": make_grant(repo).person,
        "reviewer": make_reviewer(repo),
        "other_reviewer": make_reviewer(make_repo()),
        "administrator": make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR),
        "publisher": publisher,
        "other_publisher": outsider,
        "operator": make_user(superuser=True),
    }


def test_the_matrix_of_roles_and_actions(now):
    repo = make_repo()
    everyone = people(repo)
    assert list(everyone) == ROLES
    reasons = {
        action: {
            role for role, person in everyone.items() if may(person, action, repo, now).allowed
        }
        for action in Action
    }
    assert reasons == ALLOWED


@pytest.mark.parametrize(
    ("gate", "action", "anonymous", "researcher"),
    [
        ("open", A.DOWNLOAD, True, True),
        ("open", A.INFER, False, True),
        ("licence", A.DOWNLOAD, False, False),
        ("licence", A.INFER, False, False),
    ],
)
def test_the_other_gates(gate, action, anonymous, researcher, now):
    repo = make_repo(gate=gate)
    assert may(None, action, repo, now).allowed == anonymous
    assert may(make_user(), action, repo, now).allowed == researcher


class TestWhyNot:
    @pytest.fixture
    def repo(self):
        return make_repo()

    def reason(self, person, repo, now, action=A.DOWNLOAD):
        return may(person, action, repo, now).reason

    def test_nobody(self, repo, now):
        assert self.reason(None, repo, now) == Reason.NO_TOKEN

    def test_no_request(self, repo, now):
        assert self.reason(make_user(), repo, now) == Reason.NO_REQUEST

    def test_a_draft_is_no_request(self, repo, now):
        person = make_user()
        make_draft(repo, person)
        assert self.reason(person, repo, now) == Reason.NO_REQUEST

    def test_pending_says_when_the_answer_is_due(self, repo, now):
        request = make_request(repo)
        permission = may(request.applicant, A.DOWNLOAD, repo, now)
        assert (permission.reason, permission.since) == (Reason.PENDING, request.due_at)

    def test_a_question(self, repo, now):
        request = make_request(repo)
        ask_question(reviewer=make_reviewer(repo), request_id=request.pk, text="?", now=now)
        assert self.reason(request.applicant, repo, now) == Reason.QUESTION

    def test_declined(self, repo, now):
        request = make_request(repo)
        decline_request(
            reviewer=make_reviewer(repo),
            request_id=request.pk,
            reason_code="commercial",
            reason_text="It sells.",
            now=now,
        )
        assert self.reason(request.applicant, repo, now) == Reason.DECLINED

    def test_expired_to_the_second(self, repo, now):
        grant = make_grant(repo, days=30)
        last = grant.expires_at - timedelta(seconds=1)
        assert may(grant.person, A.DOWNLOAD, repo, last).allowed
        assert self.reason(grant.person, repo, grant.expires_at) == Reason.EXPIRED

    def test_where_a_signature_is_enough_no_request_stands_in_the_way(self, now):
        repo = make_repo(gate="licence", inference_gate="review")
        person = make_draft(repo, make_user(), now=now).applicant
        permission = may(person, A.DOWNLOAD, repo, now)
        assert (permission.reason, "/sign/" in permission.help_url) == (Reason.SIGN, True)
        signer = make_request(repo, make_user(), now=now).applicant
        assert may(signer, A.DOWNLOAD, repo, now).allowed
        assert self.reason(signer, repo, now, A.INFER) == Reason.PENDING

    def test_a_grant_of_the_other_mode(self, repo, now):
        person = make_grant(repo, modes=["inference"]).person
        assert may(person, A.INFER, repo, now).allowed
        assert self.reason(person, repo, now) == Reason.MODE

    def test_a_notice_that_has_not_run_out_yet_ended_nothing(self, repo, now):
        grant = make_grant(repo, modes=["inference"])
        Grant.objects.filter(pk=grant.pk).update(ends_by_notice_at=now + timedelta(days=1))
        assert self.reason(grant.person, repo, now) == Reason.MODE

    def test_the_licence_gate_wants_a_signature(self, now):
        assert self.reason(make_user(), make_repo(gate="licence"), now) == Reason.SIGN

    def test_a_closed_account_is_nobody(self, repo, now):
        person = make_grant(repo).person
        person.is_active = False
        person.save()
        assert self.reason(person, repo, now) == Reason.NO_TOKEN


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_words_for_page_and_client(reason, now):
    from portal.access.policy.policy import Permission

    refusal = describe(Permission(allowed=False, reason=reason, since=now), make_repo())
    assert refusal.heading
    assert refusal.act_label
    assert refusal.line.isascii()
    assert refusal.act_url in refusal.line
    assert set(CATALOGUE) == set(Reason)


class TestPrivateRepos:
    def test_only_its_own_people_know_of_it(self, now):
        repo = make_repo(private=True)
        everyone = people(repo)
        insiders = {"reviewer", "administrator", "publisher", "operator"}
        for role, person in everyone.items():
            permission = may(person, A.SEE, repo, now)
            assert permission.allowed == (role in insiders), role
            assert permission.allowed or permission.reason == Reason.NOT_FOUND

    def test_list_and_check_agree(self, now):
        repos = [make_repo(private=private) for private in (True, False)]
        everyone = people(repos[0])
        for person in everyone.values():
            listed = set(ModelRepo.objects.visible_to(person))
            assert {
                repo for repo in ModelRepo.objects.all() if may(person, A.SEE, repo, now).allowed
            } == listed


class TestDeletedRepos:
    @pytest.fixture
    def deleted(self, now):
        repo = make_repo()
        grant = make_grant(repo)
        ModelRepo.objects.filter(pk=repo.pk).update(deleted_at=now)
        repo.refresh_from_db()
        return repo, grant.person

    @pytest.mark.parametrize("action", [A.SEE, A.DOWNLOAD, A.INFER, A.CAPTURE, A.PUBLISH])
    def test_nothing_of_it_is_there_any_more(self, deleted, action, now):
        repo, holder = deleted
        for person in (holder, make_user(superuser=True)):
            assert may(person, action, repo, now).reason == Reason.NOT_FOUND

    def test_its_team_still_reads_its_records(self, deleted, now):
        repo, holder = deleted
        administrator = make_reviewer(repo, role="administrator")
        for action in (A.REVIEW, A.ADMINISTER):
            assert may(administrator, action, repo, now).allowed
            assert may(holder, action, repo, now).reason == Reason.NOT_TEAM


class TestTokens:
    @pytest.fixture
    def grant(self):
        return make_grant(make_repo())

    def test_one_with_the_scope_may_what_its_owner_may(self, grant, now):
        token, _ = make_token(grant.person, "download")
        assert may_through(token, A.DOWNLOAD, grant.repo, now).allowed

    def test_one_without_may_not(self, grant, now):
        token, _ = make_token(grant.person, "infer")
        permission = may_through(token, A.DOWNLOAD, grant.repo, now)
        assert permission.reason == Reason.SCOPE

    def test_one_for_other_repos_may_not(self, grant, now):
        token, _ = make_token(grant.person, "download", repo_ids=[make_repo().pk])
        assert may_through(token, A.DOWNLOAD, grant.repo, now).reason == Reason.SCOPE

    def test_one_for_some_repos_shows_no_other_private_ones(self):
        owner = make_user(superuser=True)
        mine, other, public = make_repo(private=True), make_repo(private=True), make_repo()
        token, _ = make_token(owner, "publish", repo_ids=[mine.pk])
        seen = set(ModelRepo.objects.visible_through(Caller(owner, token)))
        assert {mine, public} <= seen
        assert other not in seen
        assert other in ModelRepo.objects.visible_through(Caller(owner))

    def test_it_never_widens(self, now):
        token, _ = make_token(make_user())
        permission = may_through(token, A.DOWNLOAD, make_repo(), now)
        assert permission.reason == Reason.NO_REQUEST

    def test_it_never_narrows_what_is_open_to_all(self, now):
        token, _ = make_token(make_user(), "infer", repo_ids=[])
        assert may_through(token, A.DOWNLOAD, make_repo(gate="open"), now).allowed


def test_a_gated_verdict_costs_few_queries(now, django_assert_max_num_queries):
    grant = make_grant(make_repo())
    repo = ModelRepo.objects.with_names().get(pk=grant.repo_id)
    with django_assert_max_num_queries(1):
        assert may(grant.person, A.DOWNLOAD, repo, now).allowed
    assert Grant.objects.count() == 1
