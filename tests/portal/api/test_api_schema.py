"""The OpenAPI description: whole, valid, and without a warning."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from django.core.management import call_command

from portal.api.base.operations import Who
from tests.portal.api.test_api_access import OPERATIONS


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict:
    file: Path = tmp_path_factory.mktemp("schema") / "schema.yml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(file))
    found: dict = yaml.safe_load(file.read_text())
    return found


def test_every_operation_is_described_once(described):
    ids = [
        each["operationId"] for methods in described["paths"].values() for each in methods.values()
    ]
    assert len(ids) == len(set(ids)) == len(OPERATIONS)
    assert set(ids) == {each.operation.name for each in OPERATIONS}


def test_each_tells_its_refusals_and_shows_what_to_send(described):
    operations = {
        each["operationId"]: each
        for methods in described["paths"].values()
        for each in methods.values()
    }
    for found in OPERATIONS:
        told = operations[found.operation.name]
        assert told["summary"]
        if found.operation.needs != Who.ANYBODY:
            assert "401" in told["responses"], found
        if found.operation.takes is not None:
            assert "400" in told["responses"], found
            content = told["requestBody"]["content"]["application/json"]
            assert content.get("examples"), found
            given = next(iter(content["examples"].values()))["value"]
            known = set(found.operation.takes().fields)
            assert set(given) <= known, found
