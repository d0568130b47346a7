"""The image and its composition name what exists. Neither was ever built by a test."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
import yaml

from portal.cli.__main__ import command_parser
from portal.embedded.demo.parts import ROOT
from portal.embedded.nginx import NAME, TEMPLATE
from portal.env import REGISTRY
from portal.setup.command import PASSWORD, ROW_ANSWERS

CONTAINERFILE = (ROOT / "deploy/Containerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
OURS = {
    name: service
    for name, service in COMPOSE["services"].items()
    if service["image"] == "weightgate"
}


def test_the_image_copies_what_the_wheel_is_made_of():
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", CONTAINERFILE, re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    assert [name for name in names if not (ROOT / name).exists()] == []
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    wheel = build["targets"]["wheel"]
    assert {*wheel["packages"], *wheel["force-include"]} <= names


def test_it_has_a_python_that_the_wheel_takes():
    (version,) = set(re.findall(r"python:(\d+\.\d+)-", CONTAINERFILE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    least = re.match(r">=(\d+\.\d+)", project["requires-python"])
    assert least
    assert tuple(map(int, version.split("."))) >= tuple(map(int, least[1].split(".")))


@pytest.mark.parametrize("name", [name for name in OURS if name != "setup"])
def test_each_service_runs_a_command_of_ours(name):
    assert command_parser().parse_args(OURS[name]["command"])


@pytest.mark.parametrize("name", list(OURS))
def test_each_service_sets_what_is_read(name):
    answers = {PASSWORD, *(variable for variable, _ in ROW_ANSWERS.values())}
    assert set(OURS[name]["environment"]) - set(REGISTRY) - answers == set()


def test_nginx_gets_every_name_that_it_fills_in():
    filled = set(COMPOSE["services"]["nginx"]["environment"])
    assert set(NAME.findall(TEMPLATE.read_text())) <= filled
