"""Trees and histories show what is in a revision, and since when."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import urlencode, urlsplit

import pytest
from django.utils import timezone

from portal.catalog.models import Ref
from tests.factories.catalog import make_folder, make_revision
from tests.portal.world import SHARD


def by_path(response):
    return {entry["path"]: entry for entry in response.json()}


def test_recursive_has_every_file_and_folder(world, client):
    entries = by_path(client.get(world.api("/tree/main?recursive=true&expand=false")))
    files = {path for path, entry in entries.items() if entry["type"] == "file"}
    assert files == set(world.revision.files.values_list("path", flat=True))
    assert set(entries) - files == {"configs", "configs/deep"}
    assert "xetHash" not in str(entries)


def test_a_large_file_has_its_pointer(world, client):
    entry = by_path(client.get(world.api("/tree/main")))[SHARD]
    blob = world.file().blob
    pointer = (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{blob.sha256}\n"
        f"size {blob.size_bytes}\n"
    ).encode()
    assert entry["lfs"] == {
        "oid": blob.sha256,
        "size": blob.size_bytes,
        "pointerSize": len(pointer),
    }
    framed = b"blob %d\0" % len(pointer) + pointer
    assert entry["oid"] == hashlib.sha1(framed).hexdigest()  # noqa: S324


def test_one_level(world, client):
    root = by_path(client.get(world.api("/tree/main")))
    assert root["configs"]["type"] == "directory"
    assert "configs/a.json" not in root
    inside = by_path(client.get(world.api("/tree/main/configs")))
    assert set(inside) == {"configs/a.json", "configs/deep"}
    assert set(by_path(client.get(world.api("/tree/main/configs?recursive=true")))) == {
        "configs/a.json",
        "configs/deep",
        "configs/deep/b.json",
    }


def test_a_ref_with_a_slash_before_a_folder(world, client):
    Ref.objects.create(repo=world.repo, kind="branch", name="feature/a", revision=world.revision)
    entries = by_path(client.get(world.api("/tree/feature%2Fa/configs")))
    assert "configs/a.json" in entries


def test_a_folders_name_follows_its_content(world, client):
    before = by_path(client.get(world.api("/tree/main")))["configs"]["oid"]
    make_folder(world.folder, **{"configs/deep/b.json": "[1]"})
    make_revision(world.repo, world.folder, title="Second", now=timezone.now())
    assert by_path(client.get(world.api("/tree/main")))["configs"]["oid"] != before


def test_expand_tells_where_each_path_last_changed(world, client):
    first = world.revision
    make_folder(world.folder, **{"configs/deep/b.json": "[1]"})
    second = make_revision(world.repo, world.folder, title="Second", now=timezone.now())
    entries = by_path(client.get(world.api("/tree/main?recursive=true&expand=true")))
    assert entries["config.json"]["lastCommit"]["id"] == first.commit
    assert entries["config.json"]["lastCommit"]["title"] == "First"
    for changed in ("configs/deep/b.json", "configs/deep", "configs"):
        assert entries[changed]["lastCommit"]["id"] == second.commit
    assert entries["config.json"]["securityFileStatus"]["status"] == "unscanned"
    assert client.get(world.api("/tree/main?expand=maybe")).status_code == 400


def test_pages(world, client):
    whole = client.get(world.api("/tree/main?recursive=true")).json()
    url, seen = world.api("/tree/main?recursive=true&limit=4"), []
    while url:
        response = client.get(url)
        seen += response.json()
        link = re.fullmatch(r'<(.+)>; rel="next"', response.headers.get("Link", ""))
        url = link and "{0.path}?{0.query}".format(urlsplit(link[1]))
    assert seen == whole


def urlencoded(client, url, **fields):
    return client.post(
        url, urlencode(fields, doseq=True), content_type="application/x-www-form-urlencoded"
    )


def test_paths_info(world, client):
    url, paths = world.api("/paths-info/main"), ["config.json", "configs", "none", "/configs/"]
    response = urlencoded(client, url, paths=paths, expand=False)
    assert list(by_path(response)) == ["config.json", "configs"]
    expanded = by_path(urlencoded(client, url, paths=paths, expand="true"))
    assert expanded["configs"]["lastCommit"]["id"] == world.revision.commit


def test_paths_info_of_more_paths_than_fields_django_takes(world, client):
    paths = [f"none-{number}" for number in range(2000)] + [SHARD]
    response = urlencoded(client, world.api("/paths-info/main"), paths=paths, expand=False)
    assert list(by_path(response)) == [SHARD]


def test_refs(world, client):
    for kind, name in (("tag", "v1"), ("branch", "dev")):
        Ref.objects.create(repo=world.repo, kind=kind, name=name, revision=world.revision)
    content = client.get(world.api("/refs?include_prs=1")).json()
    commit = world.revision.commit
    assert content == {
        "branches": [
            {"name": "dev", "ref": "refs/heads/dev", "targetCommit": commit},
            {"name": "main", "ref": "refs/heads/main", "targetCommit": commit},
        ],
        "converts": [],
        "tags": [{"name": "v1", "ref": "refs/tags/v1", "targetCommit": commit}],
        "pullRequests": [],
    }


def test_commits_newest_first(world, client):
    make_folder(world.folder, **{"config.json": '{"a": "<b>"}'})
    second = make_revision(world.repo, world.folder, title="Now <b>", now=timezone.now())
    content = client.get(world.api("/commits/main?expand[]=formatted")).json()
    assert [commit["id"] for commit in content] == [second.commit, world.revision.commit]
    assert content[0]["authors"] == [{"user": second.author.username}]
    assert content[0]["formatted"]["title"] == "Now &lt;b&gt;"
    old = client.get(world.api(f"/commits/{world.revision.commit}")).json()
    assert [commit["id"] for commit in old] == [world.revision.commit]


def test_commits_have_pages(world, client, settings):
    for number in range(2):
        make_folder(world.folder, **{"config.json": f'{{"a": {number}}}'})
        make_revision(world.repo, world.folder, title=str(number), now=timezone.now())
    first = client.get(world.api("/commits/main?limit=2&expand[]=formatted"))
    assert [commit["title"] for commit in first.json()] == ["1", "0"]
    (link,) = re.findall(r"<(.+)>", first["Link"])
    assert link.startswith(settings.BASE_URL)
    assert [
        commit["title"] for commit in client.get(world.api("/commits/main?p=1&limit=2")).json()
    ] == ["First"]
    beyond = client.get(world.api("/commits/main?p=99"))
    assert (beyond.json(), beyond["X-Total-Count"]) == ([], "3")
    second = client.get("{0.path}?{0.query}".format(urlsplit(link)))
    assert [commit["formatted"]["title"] for commit in second.json()] == ["First"]
    assert "Link" not in second


@pytest.mark.parametrize(
    ("url", "queries"),
    [
        ("/tree/main?recursive=true", 3),
        ("/tree/main?recursive=true&expand=true", 8),
        ("/commits/main", 4),
        ("/refs", 2),
    ],
)
def test_history_costs_the_same_however_long(
    world, client, django_assert_max_num_queries, url, queries
):
    for number in range(5):
        make_folder(world.folder, **{"config.json": f'{{"a": {number}}}'})
        make_revision(world.repo, world.folder, title=str(number), now=timezone.now())
    with django_assert_max_num_queries(queries):
        assert client.get(world.api(url)).status_code == 200


def test_paths_may_come_as_json(world, client):
    content = {"paths": ["config.json", "configs", "nothing"], "expand": True}
    response = client.post(world.api("/paths-info/main"), content, content_type="application/json")
    assert [entry["path"] for entry in response.json()] == ["config.json", "configs"]
    assert all(entry["lastCommit"] for entry in response.json())
    for wrong in ({}, {"paths": "config.json"}, {"paths": [1]}):
        refused = client.post(world.api("/paths-info/main"), wrong, content_type="application/json")
        assert refused.status_code == 400
