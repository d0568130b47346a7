"""``manage.py publish`` takes the family's folders as they are, and tells why not others."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from portal.audit.models import AuditEvent
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo
from tests.inference.folders.forms import PUBLISHED
from tests.inference.folders.publishable import publishable

pytestmark = pytest.mark.django_db


@pytest.fixture
def publish(settings, tmp_path):
    settings.VAR = tmp_path / "var"
    operator, repo = make_user("operator", superuser=True), make_repo("opt")

    def publish(folder):
        call_command(
            "publish", folder, "--repo", repo.full_name, "--as", operator.username, "--licensor",
            stdout=io.StringIO(), stderr=io.StringIO(),
        )  # fmt: skip
        return AuditEvent.objects.get(type="revision.published").data

    return publish


@pytest.mark.parametrize("converted", [False, True])
def test_the_familys_own_safetensors_load_with_their_two_tokenizer_files(
    publish, converted, tmp_path
):
    folder = publishable("save_model", tmp_path, converted=converted)
    assert publish(folder)["load_check"]["result"] == "loaded"


@pytest.mark.parametrize(
    ("name", "said"),
    [(PUBLISHED, "pytorch_model.bin"), ("an adapter beside weights", "adapter_config.json")],
)
def test_pickles_and_adapters_are_refused_by_name(publish, name, said, tmp_path):
    with pytest.raises(CommandError, match=said):
        publish(publishable(name, tmp_path))
