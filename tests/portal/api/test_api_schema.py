"""The OpenAPI description: whole, valid, and without a warning."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from django.core.management import call_command

from tests.portal.api.operations import OPERATIONS


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict:
    file: Path = tmp_path_factory.mktemp("schema") / "schema.yml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(file))
    found: dict = yaml.safe_load(file.read_text())
    return found


def test_every_operation_is_described_once(described):
    ids = [
        operation["operationId"]
        for methods in described["paths"].values()
        for operation in methods.values()
    ]
    assert len(ids) == len(set(ids)) == len(OPERATIONS)
    assert set(ids) == {operation.id for operation in OPERATIONS}


def test_each_tells_its_refusals_and_shows_what_to_send(described):
    operations = {
        description["operationId"]: description
        for methods in described["paths"].values()
        for description in methods.values()
    }
    for operation in OPERATIONS:
        description = operations[operation.id]
        assert description["summary"]
        if not operation.is_open:
            assert "401" in description["responses"], operation
        if operation.input is not None:
            assert "400" in description["responses"], operation
            content = description["requestBody"]["content"]["application/json"]
            assert content.get("examples"), operation
            sent = next(iter(content["examples"].values()))["value"]
            assert set(sent) <= set(operation.input.fields), operation
