"""A hosted model's tokenizer, read from the revision's files as the engine reads it."""

from __future__ import annotations

import json
import shutil

import pytest

from inference.tokenizer import Tokenizer
from portal.catalog.models import Revision
from portal.jobs.hosting import hosted_model
from tests.factories.jobs import make_hosted, with_pair

TEXTS = ["", "The sluice opens", " </s> x", "日本 é", "a\n\n  b"]


def served(folder):
    return hosted_model(Revision.objects.get(repo=make_hosted(folder)))


@pytest.mark.django_db
def test_two_files_serve_the_ids_of_tokenizer_json(model, tmp_path):
    one, pair = served(model), served(with_pair(model, tmp_path / "pair"))
    assert [pair.encode(text) for text in TEXTS] == [one.encode(text) for text in TEXTS]
    assert pair.decode(one.encode(TEXTS[1])) == TEXTS[1]


@pytest.mark.django_db
def test_what_stands_beside_the_tokenizer_counts(model, tmp_path):
    folder = shutil.copytree(model, tmp_path / "added")
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config["additional_special_tokens"] = ["<|user|>"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    hosted_model = served(folder)
    assert hosted_model.encode("<|user|>") == Tokenizer.from_directory(folder).encode("<|user|>")
    assert hosted_model.encode("<|user|>") != served(model).encode("<|user|>")


@pytest.mark.django_db
def test_a_tokenizer_that_the_engine_refuses_serves_ids_alone(model, tmp_path):
    folder = shutil.copytree(model, tmp_path / "other")
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"auto_map": {"a": "b"}}))
    assert served(folder).tokenizer is None
