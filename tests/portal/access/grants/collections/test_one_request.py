"""A family of models asks once: one request, one signature, one decision."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.errors import AlreadyGranted
from portal.access.grants.offers import accept_offer
from portal.access.models import Acceptance, AccessRequest, Coverage, Decision, Grant
from portal.access.policy.conditions import Conditions
from portal.access.policy.covered import opened_words
from portal.access.policy.policy import Action, Reason, may, may_read
from portal.access.requests.drafts import start_draft
from portal.access.requests.narrowing import Narrowing
from portal.access.review.decisions.deciding import approve_request
from portal.accounts.tokens.authentication import Caller
from portal.errors import FieldErrors
from tests.factories.access import make_draft, make_request, make_signature
from tests.factories.accounts import make_token, make_user
from tests.factories.catalog import make_repo, make_reviewer, make_revision
from tests.factories.collections import make_family

pytestmark = pytest.mark.django_db
BOTH = ["download", "inference"]


def approve(access_request, now, **terms):
    return approve_request(
        reviewer=make_reviewer(access_request.repo),
        request_id=access_request.pk,
        now=now,
        **{"modes": BOTH, "expires_at": now + timedelta(days=90), **terms},
    )


def opened(person, repos, now):
    return [repo.name for repo in repos if may(person, Action.DOWNLOAD, repo, now).allowed]


def test_nine_sizes_take_one_request_one_signature_and_one_decision(now):
    """Review of features, S2: nine sizes were nine requests and nine signatures."""
    _, repos = make_family(*["review"] * 9)
    person = make_user()
    access_request = make_request(repos[0], person, now=now)
    approve(access_request, now)

    assert opened(person, repos, now) == [repo.name for repo in repos]
    assert AccessRequest.objects.filter(applicant=person).count() == 1
    assert Acceptance.objects.filter(person=person).count() == 1
    assert Decision.objects.count() == Grant.objects.count() == 1


def test_a_request_begun_at_any_model_is_one_of_the_lead_for_all(now):
    collection, repos = make_family("review", "licence", "open", "review")
    person = make_user()
    draft = start_draft(applicant=person, repo_id=repos[0].pk, now=now)
    assert (draft.repo, draft.collection) == (collection.lead, collection)
    assert draft.draft["models"] == [repos[0].full_name, repos[3].full_name]
    assert start_draft(applicant=person, repo_id=repos[3].pk, now=now) == draft


def test_a_chosen_part_opens_only_that(now):
    _, repos = make_family("review", "review", "review")
    person = make_user()
    chosen = [repos[0].full_name, repos[2].full_name]
    access_request = make_request(repos[1], person, now=now, models=chosen)
    approve(access_request, now)
    assert opened(person, repos, now) == ["opt-1", "opt-3"]
    assert access_request.submissions.get().answers["models"] == chosen
    assert may(person, Action.DOWNLOAD, repos[1], now).reason == Reason.NO_REQUEST


def test_the_reviewer_gives_some_of_the_chosen(now):
    _, repos = make_family("review", "review")
    access_request = make_request(repos[0], now=now)
    approve(access_request, now, models={repos[1].pk: Narrowing()})
    assert opened(access_request.applicant, repos, now) == ["opt-2"]


def test_the_lead_itself_need_not_be_among_the_chosen(now):
    collection, repos = make_family("review", "review")
    person = make_user()
    access_request = make_request(repos[0], person, now=now, models=[repos[0].full_name])
    grant = approve(access_request, now)
    assert grant.repo == collection.lead
    assert opened(person, repos, now) == ["opt-1"]
    assert opened_words(grant) == f"{repos[0].full_name} is open"


def test_conditions_of_one_model_narrow_that_model_alone(now, tmp_path):
    _, repos = make_family("review", "review")
    for number, repo in enumerate(repos):
        make_revision(repo, tmp_path / str(number))
    access_request = make_request(repos[0], now=now)
    narrowed = Narrowing(("download",), Conditions(files=("config.json",), no_logits=True))
    grant = approve(access_request, now, models={repos[0].pk: narrowed, repos[1].pk: Narrowing()})
    # What was added is signed first, as any condition is.
    person = grant.person
    signature = make_signature(person, grant.repo, now=now)
    assert not opened(person, repos, now)
    accept_offer(person=person, grant_id=grant.pk, signature=signature, now=now)

    def readable(repo):
        files = repo.revisions.get().files.filter(path__in=("config.json", "tokenizer.json"))
        return [file.path for file in files if may_read(Caller(person), file, now).allowed]

    assert readable(repos[0]) == ["config.json"]
    assert len(readable(repos[1])) == 2
    assert may(person, Action.INFER, repos[0], now).reason == Reason.MODE
    assert may(person, Action.CAPTURE, repos[1], now).allowed


@pytest.mark.parametrize(
    ("models", "field"),
    [("none", "models"), ("stranger", "models"), ("wider", "models.{}.conditions.files")],
)
def test_terms_that_cannot_be_given_name_their_field(models, field, now):
    _, repos = make_family("review", "review")
    access_request = make_request(repos[0], now=now)
    wider = Narrowing(conditions=Conditions(files=("*.bin",)))
    terms = {
        "stranger": {make_repo().pk: Narrowing()},
        "wider": {repos[0].pk: wider},
    }.get(models, {})
    with pytest.raises(FieldErrors) as raised:
        approve(access_request, now, models=terms, conditions=Conditions(files=("*.json",)))
    assert list(raised.value.errors) == [field.format(repos[0].pk)]
    assert not Coverage.objects.exists()


def test_an_answer_that_names_no_model_of_the_collection_is_refused(now):
    _, repos = make_family("review", "review")
    stranger = make_repo()
    for named in ([], [stranger.full_name], "opt-1", [repos[0].full_name, stranger.full_name]):
        with pytest.raises(FieldErrors) as raised:
            make_request(repos[0], now=now, models=named)
        assert list(raised.value.errors) == ["answers.models"]


def test_who_has_all_has_nothing_to_ask(now):
    _, repos = make_family("review", "review")
    access_request = make_request(repos[0], now=now)
    approve(access_request, now)
    with pytest.raises(AlreadyGranted):
        make_draft(repos[1], access_request.applicant, now=now)


def test_one_grant_opens_several_models_to_the_hub_client(client, now, tmp_path):
    _, repos = make_family("review", "review", "review")
    for number, repo in enumerate(repos):
        make_revision(repo, tmp_path / str(number))
    person = make_user()
    chosen = [repos[0].full_name, repos[1].full_name]
    access_request = make_request(repos[0], person, now=now, models=chosen)
    approve(access_request, now)
    _, secret = make_token(person, "download", now=now)

    def statuses(repo):
        address = f"/{repo.full_name}/resolve/main/config.json"
        headers = {"Authorization": f"Bearer {secret}"}
        return [
            getattr(client, verb)(address, headers=headers).status_code for verb in ("head", "get")
        ]

    assert [statuses(repo) for repo in repos] == [[200, 302], [200, 302], [403, 403]]
