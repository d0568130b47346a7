"""Addresses that clients print and people paste lead to the pages that they mean."""

from __future__ import annotations

import pytest
from django.utils import timezone

from portal.catalog.models import ModelRepo, Ref
from tests.factories.accounts import make_lab, make_user
from tests.factories.catalog import make_repo
from tests.portal.world import make_world


@pytest.fixture
def world(db, tmp_path):
    return make_world(tmp_path / "in")


@pytest.fixture
def page(world) -> str:
    return f"/{world.repo.full_name}"


@pytest.mark.parametrize(
    ("rest", "query"),
    [
        ("tree/main", "revision=main"),
        ("tree/main/", "revision=main"),
        ("tree/main/.", "revision=main"),
        ("tree/main/configs", "revision=main&path=configs"),
        ("tree/main/configs/deep/", "revision=main&path=configs%2Fdeep"),
        ("blob/main/config.json", "revision=main&path=config.json"),
        ("blob/feature%2Fone/config.json", "revision=feature%2Fone&path=config.json"),
        ("tree/feature/one", "revision=feature%2Fone"),
    ],
)
def test_a_folder_or_file_is_shown_on_the_models_page(world, client, page, rest, query):
    branch = Ref.Kind.BRANCH
    Ref.objects.create(repo=world.repo, kind=branch, name="feature/one", revision=world.revision)
    response = client.get(f"{page}/{rest}")
    assert (response.status_code, response["Location"]) == (302, f"{page}?{query}#files")
    assert client.get(response["Location"]).status_code == 200


@pytest.mark.parametrize(
    "rest", ["tree/nowhere", "tree/main/nothing", "blob/main/nothing.txt", "blob/main/conf"]
)
def test_what_is_not_there_is_not_found(world, client, page, rest):
    assert client.get(f"{page}/{rest}").status_code == 404


def test_the_page_lists_what_was_asked_for(world, client, page):
    narrowed = client.get(f"{page}?path=configs").text
    assert "configs/deep/b.json" in narrowed
    assert "model.safetensors.index.json" not in narrowed
    assert "Show all" in narrowed
    assert "model.safetensors.index.json" in client.get(f"{page}?path=nothing").text


def test_a_slash_at_the_end_does_no_harm(world, client, page):
    assert client.get(f"{page}/")["Location"] == page
    lab = world.repo.namespace.name
    assert client.get(f"/{lab}/")["Location"] == f"/{lab}"


def test_a_lab_has_a_page_of_its_models(world, client):
    lab = world.repo.namespace
    secret = make_repo("secret", namespace=lab, private=True)
    text = client.get(f"/{lab.name}").text
    assert world.repo.full_name in text
    assert secret.full_name not in text
    client.force_login(make_user(superuser=True))
    assert secret.full_name in client.get(f"/{lab.name}").text


def test_a_lab_without_models_says_so(db, client):
    assert "No models here yet" in client.get(f"/{make_lab().name}").text


def test_nobody_learns_from_a_page_who_has_an_account(db, client):
    person = make_user("ada")
    assert client.get("/ada").status_code == 404
    assert client.get("/nobody-of-that-name").status_code == 404
    client.force_login(person)
    assert client.get("/ada").status_code == 200


def test_a_lab_is_found_in_any_case(world, client):
    lab = world.repo.namespace.name
    assert client.get(f"/{lab.upper()}")["Location"] == f"/{lab}"


def test_many_models_come_in_pages(world, client):
    lab = world.repo.namespace
    licence = world.repo.licence
    ModelRepo.objects.bulk_create(
        ModelRepo(namespace=lab, name=f"m-{number}", licence=licence, created_at=timezone.now())
        for number in range(55)
    )
    assert "Page 1 of 2" in client.get(f"/{lab.name}").text
    assert client.get(f"/{lab.name}?page=2").text.count("/m-") < 20
