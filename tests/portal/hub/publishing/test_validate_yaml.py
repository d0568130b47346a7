"""A card’s metadata is looked at before it is committed."""

from __future__ import annotations

import pytest


def judged(desk, card, **more):
    return desk.call("post", "/api/validate-yaml", {"content": card, "repoType": "model"}, **more)


@pytest.mark.parametrize(
    "head",
    ["license: mit", "license: other\nlicense_name: our-own", "license: [mit, apache-2.0]", "a: 1"],
)
def test_what_is_right_passes(desk, head):
    response = judged(desk, f"---\n{head}\n---\n# A model\n")
    assert response.status_code == 200
    assert response.json() == {"errors": [], "warnings": []}


def test_a_mark_of_the_byte_order_hides_no_head(desk):
    assert judged(desk, "\ufeff---\nlicense: mit\n---\n# A model\n").json()["warnings"] == []


@pytest.mark.parametrize("card", ["", "# A model", "---\n---\n# A model", "a\n---\nb: 1\n---\n"])
def test_none_is_worth_a_warning(desk, card):
    response = judged(desk, card)
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
        ("a: " + "[" * 5000, "line 2: it is nested too deeply"),
        ("a: 1" + ":59" * 16_000 + ".5", "line 2: this number is too long"),
        ("a: 1\n" * 10_001, "longer than 50,000"),
    ],
)
def test_what_is_wrong_is_told(desk, head, words):
    response = judged(desk, f"---\n{head}\n---\n")
    assert response.status_code == 400
    assert words in response.json()["errors"][0]["message"]


def test_a_huge_card_is_a_413(desk):
    assert judged(desk, "x" * 1_000_001).status_code == 413
    assert judged(desk, "x" * (4 << 20)).status_code == 413


def test_a_token_is_asked_before_anything_is_read(desk):
    assert judged(desk, "---\na: [\n---\n", secret="").status_code == 401


def test_each_call_counts_as_a_change(desk, settings):
    settings.WRITES_PER_MINUTE = 2
    assert 429 in [judged(desk, "# A model").status_code for _ in range(6)]
