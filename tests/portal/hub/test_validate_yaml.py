"""A card’s metadata is looked at before it is committed."""

from __future__ import annotations

import json

import pytest


def judged(client, card):
    body = json.dumps({"content": card, "repoType": "model"})
    return client.post("/api/validate-yaml", body, content_type="application/json")


@pytest.mark.parametrize(
    "head",
    ["license: mit", "license: other\nlicense_name: our-own", "license: [mit, apache-2.0]", "a: 1"],
)
def test_what_is_right_passes(db, client, head):
    response = judged(client, f"---\n{head}\n---\n# A model\n")
    assert response.status_code == 200
    assert response.json() == {"errors": [], "warnings": []}


@pytest.mark.parametrize("card", ["", "# A model", "---\n---\n# A model", "a\n---\nb: 1\n---\n"])
def test_none_is_worth_a_warning(db, client, card):
    response = judged(client, card)
    assert response.status_code == 200
    assert response.json()["errors"] == []
    assert len(response.json()["warnings"]) == 1


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("license: mine", '"license" must be one of'),
        ("license: [mit, mine]", '"license" must be one of'),
        ("license: {a: b}", '"license" must be one of'),
        ("a: [", "can’t be read"),
        ("- a\n- b", "names and values"),
        ("a: &b [1]\nc: *b", "aliases"),
        ("a: !!python/object:os.system x", "can’t be read"),
        ("a: " + "[" * 5000, "can’t be read"),
        ("a: 1\n" * 10_001, "longer than 50,000"),
    ],
)
def test_what_is_wrong_is_told(db, client, head, words):
    response = judged(client, f"---\n{head}\n---\n")
    assert response.status_code == 400
    assert words in response.json()["errors"][0]["message"]


def test_a_huge_card_is_a_413(db, client):
    assert judged(client, "x" * 1_000_001).status_code == 413
    assert judged(client, "x" * (4 << 20)).status_code == 413
