"""Licence and notice go with every listing and every file."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from huggingface_hub import ModelCardData

from portal.catalog.services.licences import publish_licence_version
from tests.factories.accounts import make_user
from tests.factories.catalog import TERMS, make_repo, make_revision
from tests.portal.world import SHARD

NOTICE = "Licensed under the Łódź Licence, © Sample Lab.  “All rights reserved.”"


@pytest.fixture
def version(world):
    """Publish a newer version, whose notice has more than ASCII."""
    return publish_licence_version(
        actor=make_user(superuser=True),
        slug=world.repo.licence.slug,
        version="2.0",
        text="You may still study it.",
        attribution=NOTICE,
        terms=TERMS,
        now=timezone.now(),
    )


@pytest.mark.parametrize("path", ["", "/revision/main"])
def test_a_repo_names_its_licence_as_the_hub_does(world, client, settings, version, path):
    card = client.get(world.api(path)).json()["cardData"]
    assert card["license"] == "other"
    assert card["license_name"] == "noncommercial"
    assert card["license_link"] == f"{settings.BASE_URL}/licences/noncommercial/2.0"
    assert card["license_sha256"] == version.sha256
    assert card["attribution"] == NOTICE
    assert client.get(urlsplit(card["license_link"]).path).status_code == 200
    assert ModelCardData(**card).license_name == "noncommercial"


def test_so_does_every_repo_of_a_list(world, client, version, django_assert_max_num_queries):
    for _ in range(5):
        make_repo(gate="open")
    make_repo(gate="open", licence=None)
    with django_assert_max_num_queries(7):  # one of them counts downloads, and is kept a while
        content = client.get("/api/models").json()
    notices = [model["cardData"].get("attribution") for model in content]
    assert sorted(notices, key=str) == [NOTICE] * 6 + [None]


def test_an_open_gate_tells_them_too(db, client, tmp_path):
    repo = make_repo(gate="open")
    make_revision(repo, tmp_path / "in")
    for path in ("model-00001-of-00002.safetensors", "LICENSE", "NOTICE"):
        response = client.head(f"/{repo.full_name}/resolve/main/{path}")
        assert response.status_code == 200
        assert 'rel="license"' in response["Link"]
    page = client.get(f"/{repo.full_name}").text
    assert str(repo.licence.versions.get()) in page
    assert repo.licence.versions.get().attribution in page


@pytest.mark.parametrize("method", ["head", "get"])
def test_every_answer_about_a_file_carries_them(world, client, settings, version, method):
    response = getattr(client, method)(world.url(SHARD), headers=world.bearer)
    link = f'<{settings.BASE_URL}/licences/noncommercial/2.0>; rel="license"'
    assert response["Link"] == link
    notice = response["X-Licence-Attribution"]
    assert notice == 'Licensed under the odz Licence, (c) Sample Lab. "All rights reserved."'
    if method == "get":
        served = client.get(urlsplit(response["Location"]).path)
        assert (served["Link"], served["X-Licence-Attribution"]) == (link, notice)


def test_without_a_licence_there_is_nothing_to_tell(db, client, tmp_path):
    repo = make_repo(gate="open", licence=None)
    make_revision(repo, tmp_path / "in")
    response = client.head(f"/{repo.full_name}/resolve/main/config.json")
    assert response.status_code == 200
    assert "Link" not in response
    assert "X-Licence-Attribution" not in response


def test_text_and_notice_are_read_before_the_gate(world, client):
    for path in ("LICENSE", "NOTICE"):
        response = client.get(world.url(path))
        assert response.status_code == 302
        served = client.get(urlsplit(response["Location"]).path)
        assert b"".join(served.streaming_content)
    assert client.get(world.url("config.json")).status_code == 401
