"""A model that joins a collection later, and one that leaves it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.applicant.submission import submit_request
from portal.access.errors import NotSigned
from portal.access.grants.audit.check import check_grants
from portal.access.grants.collections.adding import add_model, grants_to_extend
from portal.access.grants.collections.ending import end_coverage
from portal.access.models import Acceptance, Grant
from portal.access.policy.policy import Action, Reason, may
from portal.access.requests.drafts import start_draft
from portal.audit.models import AuditEvent
from portal.catalog.collections.changes import change_collection, create_collection, remove_model
from portal.catalog.errors import CollectionTaken, MayNotPublish
from portal.catalog.models import CollectionMember
from portal.errors import FieldErrors
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_draft, make_grant, make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo
from tests.factories.collections import make_family
from tests.factories.grants import make_hold, make_newer_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def actor():
    return make_user(superuser=True)


def another(collection, gate="review", name="opt-new"):
    return make_repo(name, namespace=collection.namespace, gate=gate)


def can(person, repo, now):
    return may(person, Action.DOWNLOAD, repo, now).allowed


def letters(person, kind):
    return OutboxMessage.objects.filter(recipient=person, kind=kind).count()


def test_extend_opens_it_to_those_who_have_access(actor, now):
    collection, repos = make_family("review", "review", on_add="extend")
    grant = make_grant(repos[0], now=now)
    repo = another(collection)
    assert [each.pk for each in grants_to_extend(collection, repo, now)] == [grant.pk]
    added = add_model(actor=actor, collection_id=collection.pk, model=repo.name, now=now)

    assert added.extended == 1
    assert can(grant.person, repo, now)
    assert letters(grant.person, "extended") == 1
    events = AuditEvent.objects.filter(type="grant.extended", target_id=str(grant.pk))
    assert events.get().data["repo"] == repo.pk
    assert not check_grants(now).differences
    again = add_model(actor=actor, collection_id=collection.pk, model=repo.name, now=now)
    assert again.extended == 0
    assert CollectionMember.objects.filter(repo=repo).count() == 1


def test_extending_is_never_wider_than_the_grant(actor, now):
    collection, repos = make_family("review", on_add="extend")
    hosted = make_grant(repos[0], modes=["inference"], now=now)
    repo = another(collection)
    add_model(actor=actor, collection_id=collection.pk, model=repo.name, now=now)
    assert not can(hosted.person, repo, now)
    assert may(hosted.person, Action.INFER, repo, now).allowed


def test_who_is_held_or_signed_another_text_is_not_extended(actor, now):
    collection, repos = make_family("review", on_add="extend")
    held, older = make_grant(repos[0], now=now), make_grant(repos[0], now=now)
    make_newer_text(now=now)
    newer = make_grant(repos[0], now=now)
    repo = another(collection)
    make_hold(held.person, now=now)
    added = add_model(actor=actor, collection_id=collection.pk, model=repo.name, now=now)
    assert added.extended == 1
    assert [can(grant.person, repo, now) for grant in (held, older, newer)] == [False, False, True]


def test_a_signature_alone_opens_nothing_that_people_decide_on(actor, now):
    collection, repos = make_family("licence", on_add="extend")
    grant = make_grant(repos[0], now=now)
    reviewed, licensed = another(collection), another(collection, "licence", "opt-licensed")
    for repo in (reviewed, licensed):
        add_model(actor=actor, collection_id=collection.pk, model=repo.name, now=now)
    assert not can(grant.person, reviewed, now)
    assert can(grant.person, licensed, now)


def test_ask_leaves_it_to_the_holder_and_takes_no_new_signature(actor, now):
    collection, repos = make_family("review", on_add="ask")
    grant = make_grant(repos[0], now=now)
    repo = another(collection)
    assert (
        add_model(actor=actor, collection_id=collection.pk, model=repo.name, now=now).extended == 0
    )
    assert not can(grant.person, repo, now)

    draft = start_draft(applicant=grant.person, repo_id=repo.pk, now=now)
    assert draft.draft["models"] == [repo.full_name]
    assert draft.draft["purpose"]
    sent = submit_request(applicant=grant.person, request_id=draft.pk, now=now)
    assert sent.submissions.get().acceptance == grant.acceptance
    assert Acceptance.objects.filter(person=grant.person).count() == 1


def test_a_newer_text_is_signed_anew(actor, now):
    collection, repos = make_family("review", on_add="ask")
    grant = make_grant(repos[0], now=now)
    repo = another(collection)
    add_model(actor=actor, collection_id=collection.pk, model=repo.name, now=now)
    make_newer_text(now=now)
    draft = make_draft(repo, grant.person, now=now)
    with pytest.raises(NotSigned):
        submit_request(applicant=grant.person, request_id=draft.pk, now=now)


def test_leaving_ends_nothing_and_is_no_longer_offered(actor, now):
    collection, repos = make_family("review", "review")
    grant = make_grant(repos[0], now=now)
    waiting = make_request(repos[1], now=now)
    remove_model(actor=actor, collection_id=collection.pk, repo_id=repos[0].pk, now=now)
    assert can(grant.person, repos[0], now)
    assert list(waiting.chosen.all()) == repos
    draft = start_draft(applicant=make_user(), repo_id=repos[1].pk, now=now)
    assert draft.draft["models"] == [repos[1].full_name]
    alone = start_draft(applicant=make_user(), repo_id=repos[0].pk, now=now)
    assert (alone.repo, alone.collection) == (repos[0], None)


def test_the_lead_stays_and_is_a_member(actor, now):
    collection, repos = make_family("review", "review")
    with pytest.raises(FieldErrors):
        remove_model(actor=actor, collection_id=collection.pk, repo_id=repos[1].pk, now=now)
    stranger = another(collection)
    with pytest.raises(FieldErrors):
        change_collection(actor=actor, collection_id=collection.pk, lead=stranger.name, now=now)
    changed = change_collection(
        actor=actor, collection_id=collection.pk, lead=repos[0].name, now=now
    )
    assert changed.lead == repos[0]
    assert AuditEvent.objects.filter(type="collection.changed").count() == 1


def test_a_model_is_in_one_collection_at_a_time(actor, now):
    collection, repos = make_family("review")
    with pytest.raises(CollectionTaken):
        create_collection(
            actor=actor,
            namespace=collection.namespace.name,
            slug="second",
            title="Second",
            lead=repos[0].name,
            now=now,
        )


def test_only_who_publishes_there_changes_a_collection(now):
    collection, repos = make_family("review", "review")
    with pytest.raises(MayNotPublish):
        remove_model(actor=make_user(), collection_id=collection.pk, repo_id=repos[0].pk, now=now)
    with pytest.raises(MayNotPublish):
        add_model(actor=make_user(), collection_id=collection.pk, model="opt-1", now=now)


def test_one_model_can_be_closed_while_the_others_stay_open(actor, now):
    collection, repos = make_family("review", "review", on_add="extend")
    grant = make_grant(repos[0], now=now)
    end_coverage(
        actor=actor, grant_id=grant.pk, repo_id=repos[0].pk, reason="For evaluation.", now=now
    )
    assert not can(grant.person, repos[0], now)
    assert may(grant.person, Action.DOWNLOAD, repos[0], now).reason == Reason.REVOKED
    assert can(grant.person, repos[1], now)
    assert letters(grant.person, "coverage_ended") == 1
    assert not check_grants(now).differences
    # What the lab closed, a model that joins again doesn't open.
    remove_model(actor=actor, collection_id=collection.pk, repo_id=repos[0].pk, now=now)
    add_model(actor=actor, collection_id=collection.pk, model=repos[0].name, now=now)
    assert not can(grant.person, repos[0], now)


def test_the_record_tells_of_coverage_that_it_did_not_give(now):
    _, repos = make_family("review", "review")
    grant = make_grant(repos[0], now=now - timedelta(days=1))
    Grant.objects.get(pk=grant.pk).coverage.filter(repo=repos[0]).update(
        conditions={"no_logits": True}
    )
    assert [row.key for row in check_grants(now).differences] == [grant.pk]
