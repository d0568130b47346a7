"""Programs read the card's YAML as metadata, as tags and by the list's filters."""

from __future__ import annotations

import json

import pytest

from portal.catalog.models import Blob, File, ModelRepo
from portal.catalog.services.companion_files import store_bytes
from portal.hub.metadata.tags import derive
from portal.hub.models import RevisionCard, TensorCount
from tests.factories.catalog import make_folder, make_repo, make_revision
from tests.portal.hub.desk import Desk

CARD = """---
license: mit
tags: [a, b]
language: no
base_model: x/y
base_model_relation: finetune
datasets: [x/texts]
library_name: peft
---
# A model
"""


def told(client, repo: ModelRepo) -> dict:
    return client.get(f"/api/models/{repo.full_name}").json()


@pytest.fixture
def carded(db, tmp_path) -> ModelRepo:
    """Make a model under no licence of the portal's."""
    repo = make_repo("carded", gate="open", licence=None)
    make_folder(tmp_path / "in", **{"README.md": CARD})
    make_revision(repo, tmp_path / "in")
    return repo


def test_the_head_of_the_card_is_what_programs_read(carded, client):
    content = told(client, carded)
    assert content["cardData"] == {
        "license": "mit",
        "tags": ["a", "b"],
        "language": "no",
        "base_model": "x/y",
        "base_model_relation": "finetune",
        "datasets": ["x/texts"],
        "library_name": "peft",
    }
    assert (content["library_name"], content["pipeline_tag"]) == ("peft", None)
    assert content["tags"] == [
        *("peft", "safetensors", "a", "b", "no", "dataset:x/texts"),
        *("base_model:x/y", "base_model:finetune:x/y", "license:mit"),
    ]


@pytest.mark.parametrize(
    "query", ["license:mit", "MIT", "peft", "dataset:x/texts", "base_model:X/Y", "a&filter=b"]
)
def test_models_are_found_by_what_their_cards_say(carded, client, query):
    make_repo("other", gate="open")
    expected = [] if query == "MIT" else [carded.full_name]
    assert [row["id"] for row in client.get(f"/api/models?filter={query}").json()] == expected


def test_the_licence_of_the_portal_goes_before_the_cards(db, client, tmp_path):
    repo = make_repo("gated")
    make_folder(tmp_path / "in", **{"README.md": CARD})
    make_revision(repo, tmp_path / "in")
    content = told(client, repo)
    assert content["cardData"]["license"] == "other"
    assert content["cardData"]["license_name"] == "noncommercial"
    assert {"license:other", "license:noncommercial"} <= set(content["tags"])
    assert "license:mit" not in content["tags"]
    assert client.get("/api/models?filter=license:mit").json() == []


def test_each_revision_has_the_card_it_had(carded, client, tmp_path):
    before = told(client, carded)["sha"]
    make_folder(tmp_path / "in", **{"README.md": CARD.replace("mit", "apache-2.0")})
    make_revision(carded, tmp_path / "in", title="Second")
    assert told(client, carded)["cardData"]["license"] == "apache-2.0"
    old = client.get(f"/api/models/{carded.full_name}/revision/{before}").json()
    assert old["cardData"]["license"] == "mit"


def test_a_repo_with_a_text_alone_looks_like_no_model(desk: Desk):
    content = desk.call("get", f"/api/models/{desk.name}").json()
    assert content["tags"] == []
    assert (content["library_name"], content["pipeline_tag"]) == (None, None)


def test_a_mark_of_the_byte_order_hides_no_metadata(db, client, tmp_path):
    repo = make_repo("marked", gate="open", licence=None)
    make_folder(tmp_path / "in", **{"README.md": f"\ufeff{CARD}".encode()})
    make_revision(repo, tmp_path / "in")
    assert told(client, repo)["cardData"]["license"] == "mit"


def test_a_card_is_read_once(carded, client, monkeypatch):
    told(client, carded)
    assert RevisionCard.objects.count() == 1
    monkeypatch.setattr("portal.hub.metadata.cards.card_text", None)
    assert told(client, carded)["cardData"]["license"] == "mit"


def test_no_name_in_a_card_breaks_the_clients_that_read_it(db, client, tmp_path):
    head = "license: mit\nself: 1\nignore_metadata_errors: 2\neval_results: 3\n1: 4"
    repo = make_repo("odd", gate="open", licence=None)
    make_folder(tmp_path / "in", **{"README.md": f"---\n{head}\n---\n"})
    make_revision(repo, tmp_path / "in")
    assert told(client, repo)["cardData"] == {"license": "mit", "1": 4}


@pytest.mark.parametrize("value", [None, 1, True, {"a": 1}, [["x"]], [None, 2], "x" * 300, ""])
def test_what_is_no_tag_makes_none(value):
    fields = ("tags", "language", "datasets", "base_model", "license", "library_name")
    assert derive(dict.fromkeys(fields, value), []).tags == []


def test_expanding_tells_parameters_and_storage(carded, client):
    query = "expand=safetensors&expand=usedStorage"
    expected = {"parameters": {"F32": 4096 + 64}, "total": 4096 + 64}
    info = client.get(f"/api/models/{carded.full_name}?{query}").json()
    assert info["safetensors"] == expected
    files = carded.revisions.get().files.select_related("blob")
    blobs = {file.blob_id: file.blob.size_bytes for file in files}
    assert info["usedStorage"] == sum(blobs.values())
    assert client.get(f"/api/models?{query}").json() == [info]
    assert TensorCount.objects.count() == 2


@pytest.mark.parametrize(
    "tensor",
    [
        {"dtype": "X9", "shape": [1], "data_offsets": [0, 0]},
        {"dtype": "F32", "shape": [2**60], "data_offsets": [0, 0]},
        {"dtype": "F32", "shape": [9] * 1000, "data_offsets": [0, 0]},
        {"dtype": "F32", "shape": ["a"], "data_offsets": [0, 0]},
        {"dtype": ["F32"], "shape": [1]},
        {"shape": [1]},
        7,
    ],
)
def test_a_header_that_cannot_be_true_counts_nothing(carded, client, tensor):
    header = json.dumps({"a": tensor}).encode()
    stored = store_bytes("m.safetensors", len(header).to_bytes(8, "little") + header + bytes(8))
    sha256, size = stored.sha256, stored.size_bytes
    blob = Blob.objects.create(sha256=sha256, git_sha1=stored.git_sha1, size_bytes=size)
    File.objects.create(revision=carded.revisions.get(), path="m.safetensors", blob=blob, lfs=True)
    response = client.get(f"/api/models/{carded.full_name}?expand=safetensors")
    assert (response.status_code, "safetensors" in response.json()) == (200, False)


def test_a_shard_that_cannot_be_read_is_told_of_by_nobody(carded, client):
    shard = carded.revisions.get().files.filter(path__endswith=".safetensors").first()
    TensorCount.objects.create(blob=shard.blob, parameters={})
    content = client.get(f"/api/models/{carded.full_name}?expand=safetensors").json()
    assert "safetensors" not in content
