"""Repos and the list of them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import pytest
from django.core.cache import cache
from django.utils import timezone

from portal.catalog.models import ModelRepo
from portal.delivery.accounting.popularity import KEY
from portal.delivery.models import Download
from tests.factories.catalog import make_repo, make_revision
from tests.portal.world import SHARD

TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


@pytest.fixture(autouse=True)
def _nothing_counted_before():
    cache.delete(KEY)


def test_a_repo_is_open_to_everybody_who_may_see_it(world, client):
    content = client.get(world.api()).json()
    assert content["id"] == world.repo.full_name
    assert content["sha"] == world.revision.commit
    assert content["gated"] == "manual"
    assert content["private"] is False
    assert {"rfilename": "config.json"} in content["siblings"]
    assert content["pipeline_tag"] == "text-generation"
    assert "opt" in content["tags"]
    for key in ("createdAt", "lastModified"):
        assert datetime.strptime(content[key], TIME)  # noqa: DTZ007, as the clients do


@pytest.mark.parametrize(
    ("gate", "told"), [("open", False), ("licence", "auto"), ("review", "manual")]
)
def test_the_gate_in_the_hubs_words(db, client, gate, told):
    repo = make_repo(gate=gate)
    content = client.get(f"/api/models/{repo.full_name}").json()
    assert content["gated"] == told
    assert content["sha"] is None
    assert content["siblings"] == []


def test_blobs_have_sizes_and_hashes(world, client):
    content = client.get(world.api("/revision/main?blobs=true")).json()
    siblings = {sibling["rfilename"]: sibling for sibling in content["siblings"]}
    shard = siblings["model-00001-of-00002.safetensors"]
    file = world.file("model-00001-of-00002.safetensors")
    assert shard["size"] == shard["lfs"]["size"] == file.blob.size_bytes
    assert shard["lfs"]["sha256"] == file.blob_id
    assert "lfs" not in siblings["config.json"]
    assert siblings["config.json"]["blobId"] == world.file("config.json").blob.git_sha1


def test_head_is_the_default_branch(world, client):
    content = client.get(world.api("/revision/HEAD")).json()
    assert content["sha"] == world.revision.commit


def test_security_status(world, client):
    content = client.get(world.api("?securityStatus=true")).json()
    assert content["securityRepoStatus"] == {"scansDone": False, "filesWithIssues": []}


def test_expand_gives_those_alone(world, client):
    content = client.get(world.api("?expand=gated&expand=sha")).json()
    assert content == {
        "_id": f"{world.repo.pk:024x}",
        "id": world.repo.full_name,
        "gated": "manual",
        "sha": world.revision.commit,
    }
    assert client.get(world.api("?expand=nonsense")).status_code == 400


def names(response):
    return [model["id"] for model in response.json()]


@pytest.fixture
def several(world, tmp_path):
    lab = world.repo.namespace
    repos = [
        world.repo,
        make_repo("alpha", namespace=lab, gate="open", family="OPT", parameters=6_700_000_000),
        make_repo("beta", namespace=lab, gate="licence"),
        make_repo("gamma"),
    ]
    for repo in repos[1:3]:
        make_revision(repo, tmp_path / repo.name)
    return repos


def test_the_list_has_what_one_may_see(several, client):
    ModelRepo.objects.filter(name="beta").update(private=True)
    assert sorted(names(client.get("/api/models"))) == sorted(
        repo.full_name for repo in several if repo.name != "beta"
    )


FILTERS = [
    ("author=LAB", ["alpha", "beta", "opt"]),
    ("search=alph", ["alpha"]),
    ("gated=true&author=LAB", ["beta", "opt"]),
    ("gated=false", ["alpha"]),
    ("filter=opt", ["alpha", "opt"]),
    ("filter=opt&filter=transformers", ["alpha", "opt"]),
    ("filter=safetensors&search=gamma", []),  # it has no file yet
    ("filter=license:other&search=beta", ["beta"]),
    ("filter=license:noncommercial&search=gamma", ["gamma"]),
    ("filter=diffusers", []),
    ("num_parameters=min:6B", ["alpha"]),
    ("num_parameters=min:6.8B,max:1T", []),
    ("inference=warm", []),
    ("apps=vllm", []),
    ("pipeline_tag=text-generation&search=beta", ["beta"]),
    ("pipeline_tag=fill-mask", []),
]


def test_filters(several, client):
    lab = several[0].namespace.name
    answers = [
        (query, sorted(name.split("/")[1] for name in names(client.get(f"/api/models?{url}"))))
        for query, _ in FILTERS
        for url in [query.replace("LAB", lab)]
    ]
    assert answers == FILTERS


ORDERS = [
    *("createdAt", "created_at", "lastModified", "last_modified"),
    *("downloads", "likes", "likes7d", "likes30d", "trending", "trendingScore"),
    *("num_parameters", "id"),
]


def test_any_order_lists_all(several, client):
    lengths = {order: len(names(client.get(f"/api/models?sort={order}"))) for order in ORDERS}
    assert lengths == dict.fromkeys(ORDERS, 4)


def test_pages_follow_absolute_links(several, client, settings):
    seen = []
    expected = names(client.get("/api/models?gated=true&search=a"))
    url = "/api/models?limit=1&gated=true&search=a"
    while url:
        response = client.get(url)
        seen += names(response)
        link = re.fullmatch(r'<(.+)>; rel="next"', response.headers.get("Link", ""))
        url = link and "{0.path}?{0.query}".format(urlsplit(link[1]))
        assert not link or link[1].startswith(f"{settings.BASE_URL}/api/models?")
    assert seen == expected
    assert len(seen) > 1


MALFORMED = [
    "cursor=x",
    "limit=-1",
    "gated=maybe",
    "full=perhaps",
    "sort=nonsense",
    "num_parameters=big",
]


def test_a_malformed_query_is_told(world, client):
    for query in MALFORMED:
        response = client.get(f"/api/models?{query}")
        assert response.status_code == 400, query
        assert response.json()["error"], query


def test_full_has_files(several, client):
    listed = client.get("/api/models?full=true&search=alpha").json()
    assert {"rfilename": "README.md"} in listed[0]["siblings"]
    assert "siblings" not in client.get("/api/models?search=alpha").json()[0]


def fetch(file, *, person=None, ip="192.0.2.1", days_ago=1, start=0):
    return Download.objects.create(
        person=person,
        file=file,
        revision=file.revision,
        range_start=start,
        length_bytes=1,
        status_code=200,
        ip=ip,
        started_at=timezone.now() - timedelta(days=days_ago),
    )


def test_downloads_are_people_and_days_of_the_last_month(world, client):
    shard, config, card = (world.file(path) for path in (SHARD, "config.json", "README.md"))
    for file in (shard, config):  # one person's, of one day
        fetch(file, person=world.researcher)
    fetch(shard, person=world.researcher, days_ago=2)
    fetch(shard, ip="192.0.2.2")
    fetch(card, ip="192.0.2.3")  # which stands before the gate
    fetch(shard, ip="192.0.2.4", days_ago=31)
    fetch(shard, ip="192.0.2.5", start=100)  # which goes on with what was begun
    for url in (world.api(), world.api("/revision/main"), world.api("?expand=downloads")):
        assert client.get(url).json()["downloads"] == 3


def test_both_counts_are_numbers_wherever_a_model_is_told_of(several, client):
    """Clients of 2024 read them without asking whether they are there."""
    for content in [
        *client.get("/api/models").json(),
        client.get("/api/models?full=true").json()[0],
    ]:
        assert (content["downloads"], content["likes"]) == (0, 0)
    for model in client.get("/api/models?expand=likes&expand=downloads").json():
        assert model == {"_id": model["_id"], "id": model["id"], "likes": 0, "downloads": 0}


def test_sorted_by_downloads_the_most_fetched_come_first(several, client, tmp_path):
    gamma = make_revision(several[3], tmp_path / "gamma").files.get(path="config.json")
    for day in (1, 2):
        fetch(gamma, days_ago=day)
    fetch(several[0].revisions.get().files.get(path="config.json"))
    listed = names(client.get("/api/models?sort=downloads&direction=-1"))
    rest = sorted(several[number].full_name for number in (1, 2))
    assert listed == [several[3].full_name, several[0].full_name, *rest]


def test_the_list_costs_the_same_however_long(world, client, tmp_path, django_assert_num_queries):
    client.get("/api/models")  # counts downloads and reads cards, which are kept then
    with django_assert_num_queries(5):
        client.get("/api/models?full=true")
    for number in range(4):
        make_revision(make_repo(), tmp_path / str(number))
    client.get("/api/models")
    with django_assert_num_queries(5):
        assert len(client.get("/api/models?full=true").json()) == 5
