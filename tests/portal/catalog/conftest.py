from __future__ import annotations

import io
import os
import shutil

import pytest
from django.core.management import call_command

from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo
from tests.factories.jobs import tiny_model
from tests.portal.storage.conftest import s3_servers, s3_store  # noqa: F401

LONG_AGO = 1_700_000_000


@pytest.fixture(scope="module")
def whole_model(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def model(whole_model, tmp_path):
    return shutil.copytree(whole_model, tmp_path / "model")


@pytest.fixture
def publish(settings, tmp_path):
    """Return a function that publishes a folder which hasn't changed for a while."""
    settings.VAR = tmp_path / "var"
    operator, repo = make_user("operator", superuser=True), make_repo("opt")

    def publish(folder, *options):
        for path in folder.rglob("*"):
            os.utime(path, (LONG_AGO, LONG_AGO))
        out = io.StringIO()
        call_command(
            "publish", folder, "--repo", repo.full_name, "--as", operator.username, *options,
            stdout=out, stderr=out,
        )  # fmt: skip
        return out.getvalue()

    publish.repo, publish.operator = repo, operator
    return publish
