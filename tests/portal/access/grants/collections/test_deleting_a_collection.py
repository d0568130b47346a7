"""Deleting a collection ends no grant and no request; its models are asked for by themselves."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from portal.access.applicant.submission import submit_request
from portal.access.models import AccessRequest, Grant
from portal.access.policy.policy import Action, may
from portal.access.requests.drafts import start_draft
from portal.access.review.decisions.deciding import approve_request
from portal.audit.models import AuditEvent
from portal.catalog.collections.changes import change_collection
from portal.catalog.collections.deleting import delete_collection
from portal.catalog.errors import CollectionNotFound, MayNotPublish
from portal.catalog.models import Collection
from tests.factories.access import make_draft, make_grant, make_request, make_signature
from tests.factories.accounts import make_user
from tests.factories.catalog import make_reviewer
from tests.factories.collections import make_collection, make_family
from tests.factories.grants import make_renewal

pytestmark = pytest.mark.django_db


def delete(collection, now, actor=None):
    actor = actor or make_user(superuser=True)
    return delete_collection(actor=actor, collection_id=collection.pk, now=now)


def opened(person, repos, now):
    return [repo.name for repo in repos if may(person, Action.DOWNLOAD, repo, now).allowed]


def test_grants_go_on_and_are_renewed(now):
    collection, repos = make_family("review", "review")
    grant = make_grant(repos[0], now=now)
    delete(collection, now)
    assert opened(grant.person, repos, now) == ["opt-1", "opt-2"]
    make_renewal(grant, now + timedelta(days=340))
    assert opened(grant.person, repos, now + timedelta(days=400)) == ["opt-1", "opt-2"]


def test_a_request_that_waits_is_decided_as_it_stands(now):
    collection, repos = make_family("review", "review")
    access_request = make_request(repos[0], now=now)
    delete(collection, now)
    approve_request(
        reviewer=make_reviewer(repos[1]),
        request_id=access_request.pk,
        modes=["download"],
        expires_at=now + timedelta(days=30),
        now=now,
    )
    assert opened(access_request.applicant, repos, now) == ["opt-1", "opt-2"]


def test_a_draft_that_was_begun_is_submitted_for_the_same_models(now):
    collection, repos = make_family("review", "review")
    person = make_user()
    draft = make_draft(repos[0], person, now=now)
    delete(collection, now)
    signature = make_signature(person, repos[0], now=now)
    submit_request(applicant=person, request_id=draft.pk, signatures=[signature], now=now)
    assert set(draft.chosen.all()) == set(repos)


def test_models_are_asked_for_by_themselves_and_join_another_collection_of_the_name(now):
    collection, repos = make_family("review", "review")
    delete(collection, now)
    draft = start_draft(applicant=make_user(), repo_id=repos[0].pk, now=now)
    assert (draft.repo, draft.collection) == (repos[0], None)
    again = make_collection(repos)
    assert (again.slug, again.pk == collection.pk) == (collection.slug, False)


def test_it_is_one_event_and_not_done_twice_nor_by_others(now):
    collection, repos = make_family("review", "review")
    with pytest.raises(MayNotPublish):
        delete(collection, now, actor=make_user())
    delete(collection, now)
    event = AuditEvent.objects.get(type="collection.deleted")
    assert event.data["repos"] == [repo.pk for repo in repos]
    with pytest.raises(CollectionNotFound):
        delete(collection, now)
    actor = make_user(superuser=True)
    with pytest.raises(CollectionNotFound):
        change_collection(actor=actor, collection_id=collection.pk, title="New", now=now)
    assert AuditEvent.objects.filter(type="collection.deleted").count() == 1


def test_the_page_says_what_it_affects_and_then_leads_nowhere(client):
    publisher = make_user()
    collection, repos = make_family("review", "review", publisher=publisher)
    grant = make_grant(repos[0], now=timezone.now())
    make_request(repos[0], now=timezone.now())
    make_draft(repos[0], make_user(), now=timezone.now())
    client.force_login(publisher)
    names = [collection.namespace.name, collection.slug]
    address = reverse("site:lab_collection_delete", args=names)
    assert address in client.get(reverse("site:lab_collection", args=names)).text
    page = client.get(address).text
    for words in ("1 grant or offer through it", "1 request waiting", "1 draft"):
        assert words in page
    assert client.post(address)["Location"] == reverse("site:lab_collections", args=names[:1])
    assert client.get(collection.path).status_code == 404
    assert client.get(address).status_code == 404
    client.force_login(grant.person)
    shown = client.get(reverse("access:grant", args=[grant.pk])).text
    assert "OPT family" in shown
    assert f'href="{collection.path}"' not in shown


def test_a_program_and_a_command_delete_it(client):
    publisher = make_user()
    collection, repos = make_family("review", "review", publisher=publisher)
    make_grant(repos[0], now=timezone.now())
    client.force_login(publisher)
    address = f"/api/v1/labs/{collection.namespace.name}/collections/{collection.slug}/"
    effects = client.get(address).json()["effects_of_deleting"]
    assert [(effect["subject"], effect["count"]) for effect in effects] == [("grants", 1)]
    assert client.delete(address).status_code == 204
    assert client.delete(address).status_code == 404

    again = make_collection(repos)
    acting = ["--as", publisher.username]
    tried = StringIO()
    call_command("collection", "delete", again.full_name, "--dry-run", *acting, stdout=tried)
    assert "nothing is changed" in tried.getvalue()
    assert Collection.objects.standing().count() == 1
    call_command("collection", "delete", again.full_name, *acting, stdout=StringIO())
    assert not Collection.objects.standing().exists()
    assert Grant.objects.count() == 1
    assert not AccessRequest.objects.undecided().exists()
