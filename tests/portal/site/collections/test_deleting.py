"""Deleting or moving a model of a collection: the lead stays, any other leaves, each is counted."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from portal.access.gate.effects import effects_of_deleting
from portal.access.review.decisions.deciding import approve_request
from portal.accounts.models import Scope
from portal.catalog.collections.reading import members_of
from tests.factories.access import make_request
from tests.factories.accounts import make_lab, make_user
from tests.factories.catalog import make_reviewer
from tests.factories.collections import make_family
from tests.portal.api.api_calls import by_token

pytestmark = pytest.mark.django_db
LEADS = "Choose another lead of the collection"


@pytest.fixture
def publisher():
    return make_user("ada")


def address(name, repo):
    return reverse(f"site:{name}", args=[repo.namespace.name, repo.name])


def test_a_lead_is_refused_on_the_page_before_its_name_is_typed(client, publisher):
    _, (_, lead) = make_family("review", "review", publisher=publisher)
    client.force_login(publisher)
    shown = client.get(address("model_delete", lead)).text
    assert "Choose another lead" in shown
    assert 'name="confirm"' not in shown
    client.post(address("model_delete", lead), {"confirm": lead.full_name})
    elsewhere = make_lab("other", publisher=publisher)
    form = {"namespace": elsewhere.name, "new_name": "opt"}
    moved = client.post(address("model_rename", lead), form)
    assert moved.status_code == 422
    assert LEADS in moved.context["form"].errors["namespace"][0]
    lead.refresh_from_db()
    assert (lead.deleted_at, lead.namespace) == (None, lead.namespace)
    form = {"namespace": lead.namespace.name, "new_name": "opt-new"}
    assert client.post(address("model_rename", lead), form).status_code == 302


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_lead_is_refused_by_the_api_and_the_command(publisher, dry_run):
    _, (_, lead) = make_family("review", "review", publisher=publisher)
    api, confirm = by_token(publisher, Scope.PUBLISH), "" if dry_run else lead.full_name
    answer = api.post(f"models/{lead.full_name}/delete", dry_run=dry_run, confirm=confirm)
    assert answer.status_code == 409
    assert LEADS in answer.text
    options = ["--dry-run"] if dry_run else []
    with pytest.raises(CommandError, match=LEADS):
        call_command("model", "delete", lead.full_name, "--as=ada", *options, stdout=io.StringIO())


def test_another_member_leaves_and_is_offered_nowhere(client, publisher):
    collection, (gone, lead) = make_family("review", "review", publisher=publisher)
    client.force_login(publisher)
    assert (
        client.post(address("model_delete", gone), {"confirm": gone.full_name}).status_code == 302
    )
    assert gone.collection_members.get().left_at is not None
    assert members_of(collection, publisher) == [lead]
    settings = reverse("site:lab_collection", args=[collection.namespace.name, collection.slug])
    assert client.get(settings).context["form"].fields["lead"].choices[1:] == [("opt-2", "opt-2")]
    assert [member.repo for member in client.get(settings).context["members"]] == [lead]
    form = {"title": "OPT", "lead": lead.name, "on_add": "ask"}
    assert client.post(settings, form).status_code == 302


def test_what_covers_the_model_is_counted_and_what_only_names_the_lead_is_not():
    _, (small, lead) = make_family("review", "review")
    now = timezone.now()
    asked = make_request(small, now=now, models=[small.full_name])
    approve_request(
        reviewer=make_reviewer(lead),
        request_id=asked.pk,
        modes=["download"],
        expires_at=now + timedelta(days=30),
        is_undoable=False,
        now=now,
    )
    make_request(lead, now=now, models=[small.full_name])
    counts = [
        {effect.subject: effect.count for effect in effects_of_deleting(repo, now)}
        for repo in (small, lead)
    ]
    assert counts == [{"grants": 1, "waiting_requests": 1}, {}]
