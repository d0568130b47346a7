"""Collections over the API, from making one to a narrowed approval; and by command."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from portal.access.models import Grant
from portal.access.policy.policy import Action, may
from portal.audit.models import AuditEvent
from portal.catalog.models import Collection
from tests.factories.access import make_grant, make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.collections import make_family

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def publisher(client):
    person = make_user()
    client.force_login(person)
    return person


def send(client, method, address, **body):
    call = getattr(client, method)
    return call(f"{API}{address}", body, content_type="application/json")


def test_a_lab_makes_fills_orders_and_empties_one(client, publisher):
    family, _ = make_family("review", publisher=publisher)
    lab = family.namespace
    for name in ("alpha", "beta"):
        make_repo(name, namespace=lab)
    place = f"/labs/{lab.name}/collections"
    made = send(client, "post", f"{place}/", slug="greek", title="Greek", lead="alpha")
    assert made.status_code == 201
    assert [model["name"] for model in made.json()["models"]] == [f"{lab.name}/alpha"]
    tried = send(client, "post", f"{place}/greek/models/", model="beta", dry_run=True)
    assert tried.json() == {"model": f"{lab.name}/beta", "extended": 0, "dry_run": True}
    send(client, "post", f"{place}/greek/models/", model="beta")
    send(client, "patch", f"{place}/greek/", models=["beta", "alpha"], lead="beta")
    shown = client.get(f"{API}/collections/{lab.name}/greek/").json()
    assert [model["name"] for model in shown["models"]] == [f"{lab.name}/beta", f"{lab.name}/alpha"]
    assert client.delete(f"{API}{place}/greek/models/alpha/").status_code == 204
    assert AuditEvent.objects.filter(type__startswith="collection.").count() >= 6


@pytest.mark.parametrize(
    ("changed", "status", "field"),
    [
        ({"slug": "opt"}, 409, "slug"),
        ({"slug": "a--b"}, 400, "slug"),
        ({"lead": "nobody"}, 400, "lead"),
        ({"models": ["nobody"]}, 400, "models"),
        ({"models": ["opt-1"]}, 409, "models"),
        ({"on_add": "maybe"}, 400, "on_add"),
    ],
)
def test_a_wrong_one_names_its_field(client, publisher, changed, status, field):
    family, _ = make_family("review", publisher=publisher)
    make_repo("alpha", namespace=family.namespace)
    body = {"slug": "greek", "title": "Greek", "lead": "alpha", **changed}
    answer = send(client, "post", f"/labs/{family.namespace.name}/collections/", **body)
    assert answer.status_code == status
    assert field in answer.text
    assert Collection.objects.count() == 1


def test_a_reviewer_gives_some_models_narrowed(client):
    collection, repos = make_family("review", "review", "review")
    request = make_request(repos[0], now=timezone.now())
    client.force_login(make_reviewer(collection.lead))
    terms = {"modes": ["download"], "until": "2027-12-31"}
    address = f"/queue/{request.pk}/approve/"
    unknown = send(client, "post", address, **terms, models=[{"model": "lab/stranger"}])
    assert unknown.status_code == 400
    assert "models" in unknown.text
    given = [
        {"model": repos[0].full_name, "conditions": {"no_logits": True}},
        {"model": repos[1].full_name},
    ]
    assert send(client, "post", address, **terms, models=given).status_code == 200
    grant = Grant.objects.get()
    conditions = dict(grant.coverage.values_list("repo__name", "conditions"))
    assert conditions == {"opt-1": {"no_logits": True}, "opt-2": {}}


def test_a_holder_sees_the_models_and_the_team_ends_one(client):
    collection, repos = make_family("review", "review")
    grant = make_grant(repos[0], now=timezone.now())
    client.force_login(grant.person)
    shown = client.get(f"{API}/grants/{grant.pk}/").json()
    assert shown["collection"] == collection.full_name
    assert [model["repo"] for model in shown["models"]] == [repo.full_name for repo in repos]
    client.force_login(make_user(superuser=True))
    ended = send(
        client, "post", f"/grants/{grant.pk}/end-model/", model=repos[0].full_name, reason="Done."
    )
    assert ended.status_code == 200
    assert not may(grant.person, Action.DOWNLOAD, repos[0], timezone.now()).allowed
    last = send(
        client, "post", f"/grants/{grant.pk}/end-model/", model=repos[1].full_name, reason="Done."
    )
    assert last.status_code == 409


def test_the_command_makes_and_fills_one(capsys):
    family, _ = make_family("review")
    lab, operator = family.namespace, make_user(superuser=True)
    for name in ("alpha", "beta"):
        make_repo(name, namespace=lab)
    acting, name = ["--as", operator.username], f"{lab.name}/greek"
    call_command("collection", "create", name, *acting, "--title", "Greek", "--lead", "alpha")
    call_command("collection", "add", name, *acting, "beta")
    call_command("collection", "order", name, *acting, "beta", "alpha")
    call_command("collection", "set", name, *acting, "--on-add", "extend", "--lead", "beta")
    call_command("collection", "remove", name, *acting, "alpha")
    capsys.readouterr()
    call_command("collection", "show", name)
    facts = json.loads(capsys.readouterr().out)
    assert facts["models"] == [f"{lab.name}/beta"]
    assert facts["on_add"] == "extend"
    with pytest.raises(CommandError, match="lead"):
        call_command("collection", "remove", name, *acting, "beta")
