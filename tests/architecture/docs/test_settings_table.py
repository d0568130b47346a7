"""The settings that the code reads and the table that documents them are the same."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from portal.env import REGISTRY
from tests.architecture.sources import mentioning

ROOT = Path(__file__).parents[3]
ROW = re.compile(
    r"^\| `(?P<name>[A-Z0-9_]+)` \| (?P<type>[^|]+) \| (?:`(?P<default>[^`]*)`)? ?\| \S"
)


def rows() -> list[re.Match[str]]:
    matches = map(ROW.match, (ROOT / "docs/settings.md").read_text("utf-8").splitlines())
    return [row for row in matches if row]


def documented() -> dict[str, tuple[str, str]]:
    return {row["name"]: (row["type"], row["default"] or "") for row in rows()}


def test_no_setting_is_documented_twice():
    names = [row["name"] for row in rows()]
    assert [name for name in set(names) if names.count(name) > 1] == []


def test_every_setting_is_documented_with_its_type_and_default():
    assert settings.configured
    read = {setting.name: (setting.type, setting.default) for setting in REGISTRY.values()}
    assert documented() == read


def reads_environment(source: ast.Module) -> bool:
    nodes = ast.walk(source)
    names = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}
    return bool(names & {"os.environ.get", "os.getenv", "os.environ.copy"})


def test_only_the_settings_read_the_environment():
    paths = [path for folder in ("portal", "workers") for path in (ROOT / folder).rglob("*.py")]
    readers = {
        path.relative_to(ROOT).as_posix()
        for path, source in mentioning(paths, {"environ", "getenv"})
        if reads_environment(source) and not path.is_relative_to(ROOT / "portal/embedded")
    }
    assert readers == {"portal/env.py"}


PRODUCTION = {
    "WEIGHTGATE_BASE_URL": "https://weights.example.edu",
    "WEIGHTGATE_SECRET_KEY": "k3J9-not-a-real-key-but-a-long-and-varied-one-0123456789-QRSTUVWXYZ",
    "WEIGHTGATE_ALLOWED_HOSTS": "weights.example.edu",
    "DATABASE_URL": "postgresql://weightgate@db/weightgate",
    "WEIGHTGATE_MAIL": "smtp",
}


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if "WEIGHTGATE" not in name}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_production_settings_pass_the_deployment_check():
    checked = manage("check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WEIGHTGATE_SECRET_KEY", ""),
        ("WEIGHTGATE_STORAGE", "tape"),
        ("WEIGHTGATE_LINK_SECONDS", "soon"),
        ("WEIGHTGATE_LINK_SECONDS", "0"),
        ("WEIGHTGATE_DEMO", "yes"),
        ("WEIGHTGATE_PLANNER_PRICES", "/nowhere/prices.toml"),
        ("DATABASE_URL", "sqlite:///db"),
        ("WEIGHTGATE_DEMO", "1"),
        ("WEIGHTGATE_MAIL", "files"),
    ],
)
def test_a_value_that_cannot_be_read_or_meant_stops_the_start_naming_it(name, value):
    checked = manage("check", **(PRODUCTION | {name: value}))
    assert checked.returncode != 0
    assert name in checked.stderr
