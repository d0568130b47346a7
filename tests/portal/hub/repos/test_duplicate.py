"""A model is copied within one's own namespaces, and its gate goes along."""

from __future__ import annotations

import pytest
from django.utils import timezone

from portal.access.gate.settings import save_gate
from portal.access.models import Grant
from portal.access.policy.gate_settings import settings_of
from portal.access.requests.form.questions import newest_form
from portal.accounts.services import let_publish
from portal.audit.models import AuditEvent
from portal.catalog.models import ModelRepo
from tests.factories.accounts import make_lab, make_token, make_user
from tests.factories.catalog import make_reviewer
from tests.factories.grants import make_hold
from tests.portal.hub.desk import file_line
from tests.portal.world import bearer


@pytest.fixture
def publisher(world):
    """Make somebody who publishes in the namespace of the gated model."""
    person = make_user()
    operator = make_user(superuser=True)
    now = timezone.now()
    let_publish(actor=operator, namespace=world.repo.namespace, user=person, now=now)
    return person


@pytest.fixture
def duplicate(world, publisher, client):
    _, secret = make_token(publisher, now=timezone.now())

    def call(target: str, **more):
        return client.post(
            world.api("/duplicate"),
            {"repository": target, **more},
            content_type="application/json",
            headers=bearer(secret),
        )

    return call


def files(repo: ModelRepo) -> dict[str, str]:
    revision = repo.refs.get(name="main").revision
    rows = revision.files.exclude(path__in=(".gitattributes", "SHA256SUMS", "model.sig"))
    return dict(rows.values_list("path", "blob_id"))


def test_the_copy_has_the_files_and_the_gate(world, publisher, duplicate):
    for _ in range(2):
        make_reviewer(world.repo)
    values = {"quorum": 2, "decision_days": 5}
    save_gate(actor=publisher, repo_id=world.repo.pk, values=values, now=timezone.now())
    target = f"{world.repo.namespace.name}/copy"
    response = duplicate(target)
    assert (response.status_code, response.json()["id"]) == (200, target)
    copy = ModelRepo.objects.get(name="copy")
    world.repo.refresh_from_db()
    assert copy.private
    assert files(copy) == files(world.repo)
    settings_kept = ("download_gate", "inference_gate", "licence", "decision_days", "family")
    assert [getattr(copy, name) for name in settings_kept] == [
        getattr(world.repo, name) for name in settings_kept
    ]
    assert settings_of(copy).quorum == 2
    assert set(copy.team.values_list("user", "role")) == set(
        world.repo.team.values_list("user", "role")
    )
    assert newest_form(copy) is None
    assert not copy.hosted
    assert copy.logbook.count() == world.repo.logbook.count()


def test_nobody_has_a_grant_on_the_copy(world, duplicate, client):
    target = f"{world.repo.namespace.name}/copy"
    duplicate(target, visibility="public")
    assert not Grant.objects.filter(repo__name="copy").exists()
    refused = client.get(f"/{target}/resolve/main/config.json", headers=world.bearer)
    assert (refused.status_code, refused["X-Error-Code"]) == (403, "GatedRepo")


def test_it_is_on_record(world, duplicate):
    duplicate(f"{world.repo.namespace.name}/copy")
    event = AuditEvent.objects.get(type="repo.duplicated")
    assert event.data["source"] == world.repo.full_name
    assert event.data["commit"] == world.revision.commit


def test_who_may_download_may_not_copy(world, client):
    """A grant on the weights is no right to offer them under another name."""
    content = {"repository": f"{world.researcher.username}/copy"}
    response = client.post(
        world.api("/duplicate"), content, content_type="application/json", headers=world.bearer
    )
    assert response.status_code == 403
    assert not ModelRepo.objects.filter(name="copy").exists()


def test_nobody_copies_into_a_namespace_of_others(world, duplicate):
    assert duplicate(f"{make_lab().name}/copy").status_code == 403
    assert duplicate("nobody-of-that-name/copy").status_code == 403
    assert not ModelRepo.objects.filter(name="copy").exists()


def test_what_a_hold_stops_is_not_copied(world, duplicate):
    """In another namespace the hold would not reach the copy."""
    make_hold(world.revision, world.repo, now=timezone.now())
    assert duplicate(f"{world.repo.namespace.name}/copy").status_code == 403
    assert not ModelRepo.objects.filter(name="copy").exists()


def test_a_name_that_is_taken_answers_as_a_new_repo_does(world, duplicate):
    response = duplicate(world.repo.full_name)
    assert response.status_code == 409
    assert response.json()["url"].endswith(world.repo.full_name)


def test_a_private_repo_without_a_gate_is_copied_as_it_is(desk):
    desk.commit(file_line("notes.txt", b"notes"))
    target = {"repository": f"{desk.lab.name}/second"}
    assert desk.api("post", "duplicate", target).status_code == 200
    copy = ModelRepo.objects.get(name="second")
    assert (copy.private, copy.download_gate) == (True, "open")
    assert "notes.txt" in files(copy)


@pytest.mark.parametrize("target", ["", "copy", "/copy", "lab/"])
def test_a_target_names_both_parts(desk, target):
    assert desk.api("post", "duplicate", {"repository": target}).status_code == 400
