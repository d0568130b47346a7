"""Models are made, set, renamed and deleted by a token that may publish."""

from __future__ import annotations

import pytest

from portal.accounts.models import Scope
from portal.audit.models import AuditEvent
from portal.catalog.models import Licence, ModelRepo
from tests.factories.access import make_grant
from tests.factories.accounts import make_lab, make_user
from tests.factories.catalog import make_licence, make_repo, make_reviewer
from tests.portal.api.api_calls import by_token, fields_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def publisher():
    return make_user()


@pytest.fixture
def lab(publisher):
    return make_lab("lab", publisher=publisher)


@pytest.fixture
def api(publisher, lab):
    return by_token(publisher, Scope.PUBLISH)


def test_a_model_is_made_private_and_open_unless_it_is_said_otherwise(api):
    make_licence()
    made = api.post("models", namespace="lab", name="opt", summary="A small OPT.")
    assert made.status_code == 201
    assert (made.json()["private"], made.json()["download_gate"]) == (True, "open")
    gated = {"licence": "noncommercial", "download_gate": "review", "private": False}
    assert api.post("models", namespace="lab", name="gated", **gated).json()["licence"]
    assert ModelRepo.objects.get(name="gated").revisions.count() == 1
    assert ModelRepo.objects.get(name="gated").team.count() == 1


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"namespace": "nowhere"}, "namespace"),
        ({"name": "o--t"}, "name"),
        ({"licence": "none-such"}, "licence"),
        ({"download_gate": "review"}, "licence"),
        ({"download_gate": "shut"}, "download_gate"),
        ({"parameters": 0}, "parameters"),
        ({"colour": 1}, "colour"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_made(api, changed, field):
    refused = api.post("models", **{"namespace": "lab", "name": "opt", **changed})
    assert 400 <= refused.status_code < 500
    assert fields_of(refused) == {field}
    assert not ModelRepo.objects.exists()


def test_settings_are_read_and_changed_singly(api, lab):
    repo = make_repo("opt", namespace=lab)
    path = f"models/{repo.full_name}/settings"
    changed = api.patch(path, summary="Another one.", hosted=True, why_gated="So that…")
    assert changed.json()["summary"] == "Another one."
    assert api.get(path).json() == changed.json()
    assert fields_of(api.patch(path, licence=None)) == {"licence"}
    event = AuditEvent.objects.filter(type="repo.configured").get()
    assert set(event.data["changed"]) == {"summary", "hosted", "why_gated"}


def test_dry_runs_list_what_is_affected_and_change_nothing(api, lab):
    repo = make_repo("opt", namespace=lab)
    make_grant(repo)
    tried = api.post(f"models/{repo.full_name}/delete", dry_run=True).json()
    assert [(effect["subject"], effect["count"]) for effect in tried["effects"]] == [("grants", 1)]
    assert fields_of(api.post(f"models/{repo.full_name}/delete")) == {"confirm"}
    renamed = api.post(f"models/{repo.full_name}/rename", name="new", dry_run=True).json()
    assert (renamed["name"], renamed["dry_run"]) == ("lab/new", True)
    assert ModelRepo.objects.named("lab/opt").exists()
    assert fields_of(api.post(f"models/{repo.full_name}/rename", name="opt")) == {"name"}
    api.post(f"models/{repo.full_name}/rename", name="new")
    api.post("models/lab/new/delete", confirm="lab/new")
    types = ("repo.moved", "repo.deleted")
    assert AuditEvent.objects.filter(type__in=types).count() == 2


def test_who_may_not_publish_is_told_of_no_settings(lab):
    repo = make_repo("opt", namespace=lab)
    stranger = make_reviewer(repo)
    api = by_token(make_user(superuser=True), Scope.PUBLISH, repo_ids=[make_repo().pk])
    assert api.get(f"models/{repo.full_name}/settings").status_code == 403  # for other models
    assert api.post("models", namespace="lab", name="new").status_code == 403
    narrow = by_token(stranger, Scope.REVIEW)
    assert narrow.get(f"models/{repo.full_name}/settings").status_code == 403


LICENCE = {
    "slug": "research",
    "name": "Research Licence",
    "namespace": "lab",
    "version": "1.0",
    "kind": "material",
    "text": "You may study it.",
    "attribution": "Under the Research Licence.",
    "terms": {"may": ["Study it"], "attestations": []},
}


def test_a_licence_is_previewed_then_published_by_a_labs_token(api, lab, publisher):
    tried = api.post("licences", **LICENCE, dry_run=True)
    assert (tried.status_code, tried.json()["effects"]) == (200, [])
    assert not Licence.objects.exists()
    assert api.post("licences", **LICENCE).status_code == 201
    assert api.get("licences").json()["results"][0]["namespace"] == "lab"
    repo = make_repo("opt", namespace=lab)
    configured = {"licence": "research"}
    assert api.patch(f"models/{repo.full_name}/settings", **configured).status_code == 200
    changed = {**LICENCE, "version": "1.1", "text": "You may share it.", "dry_run": True}
    tried = api.post("licences", **changed).json()
    assert [effect["subject"] for effect in tried["effects"]] == ["models"]
    assert (tried["changes"]["older"], tried["changes"]["newer"]) == ("1.0", "1.1")
    assert fields_of(api.post("licences", **{**changed, "namespace": "else"})) == {"namespace"}
    stranger = by_token(make_publisher(), Scope.PUBLISH)
    assert stranger.post("licences", **changed).status_code == 403


def make_publisher():
    stranger = make_user()
    make_lab(publisher=stranger)
    return stranger
