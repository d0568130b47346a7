from __future__ import annotations

import json
import shutil

import pytest

from tests.factories.catalog import make_revision


@pytest.fixture
def publish(model, tmp_path):
    """Publish another revision of the model; ``config`` are keys of its config.json to change."""

    def make(repo, *, name="another", tokenizer=None, **config):
        folder = shutil.copytree(model, tmp_path / name)
        with (folder / "README.md").open("a") as card:
            card.write(f"This is {name}.\n")
        if config:
            path = folder / "config.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | config))
        if tokenizer:
            path = folder / "tokenizer.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | tokenizer))
        return make_revision(repo, folder)

    return make
