"""The wheel holds all that an installation needs, and names what it needs beside."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import httpx2
import pytest

from portal.embedded.demo.parts import ROOT
from tests.live import free_port
from tests.portal.cli.wheel import build_wheel, install
from tests.portal.setup.installing import PASSWORD, answers, bare
from tests.upgrades.restoring import new_database
from tests.waiting import wait_until

PACKAGES = ("portal", "inference", "workers")
# The demo's own servers, and the engines that ours is measured beside: no installation's.
ASIDE = ("portal/embedded/", "inference/bench/peers/")
FOR_TYPES_ALONE = {"types_boto3_s3"}
NAME = re.compile(r"[A-Za-z0-9._-]+")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


def test_every_file_of_the_packages_is_in_it(wheel):
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *PACKAGES]
    files = subprocess.run([*listed, "templates"], cwd=ROOT, capture_output=True, text=True)
    expected = {
        re.sub("^templates/", "portal/_templates/", name)
        for name in files.stdout.split()
        if (ROOT / name).exists()
    }
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == expected


def test_an_installation_is_made_and_served_from_it(wheel, tmp_path):
    """It runs in any folder, finds its templates and assets, and keeps its data there."""
    programs = install(wheel, tmp_path / "environment")
    home = tmp_path / "home"
    home.mkdir()

    def weightgate(*arguments: str, **environment: str) -> str:
        done = subprocess.run(
            [programs / "weightgate", *arguments],
            cwd=home,
            env=bare(**environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "web" in weightgate("--help")
    with new_database(f"weightgate_wheel_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}") as url:
        flags = (*answers(url), "--no-input", "--json")
        made = json.loads(weightgate("setup", *flags, WEIGHTGATE_SETUP_PASSWORD=PASSWORD))
        assert made["next"]["start"][1]["command"] == f"{programs}/weightgate worker"
        assert (home / "var/manifest/key.pem").exists()
        assert "no issues" in weightgate("manage", "check")
        require_pages(programs, home)


def require_pages(programs: Path, home: Path) -> None:
    """Serve the installation, and read a page and what it looks like."""
    address = f"127.0.0.1:{free_port()}"
    command = [programs / "weightgate", "web", "all", "--bind", address]
    with subprocess.Popen(command, cwd=home, env=bare(), stderr=subprocess.DEVNULL) as server:
        try:
            page = wait_until(lambda: answer_of(f"http://{address}/accounts/login/"), 60)
            style = re.search(r'href="(/styles\.css[^"]*)"', page)
            assert style
            assert answer_of(f"http://{address}{style[1]}")
        finally:
            server.terminate()


def answer_of(url: str) -> str:
    try:
        answer = httpx2.get(url)
    except httpx2.TransportError:
        return ""
    return answer.text if answer.status_code == httpx2.codes.OK else ""


def test_without_the_server_the_command_says_what_to_install(wheel, tmp_path):
    programs = install(wheel, tmp_path / "environment", beside=False)
    done = subprocess.run([programs / "weightgate", "setup"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "[portal]" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_a_remote_engine_gets_is_no_server():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needs = {*project["dependencies"], *project["optional-dependencies"]["remote"]}
    assert set(map(normal, needs)) == {"httpx2", "numpy", "tokenizers"}


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_imported_is_among_its_dependencies(package):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needs = (*project["dependencies"], *project["optional-dependencies"]["portal"])
    declared = {normal(line) for line in needs}
    brought = {
        normal(line) for name in declared for line in distribution(name).requires or ()
    } | declared
    by_module = packages_distributions()
    missing = {
        module: str(path.relative_to(ROOT))
        for path, module in imports(ROOT / package)
        if not brought & {normal(name) for name in by_module.get(module, [module])}
    }
    assert missing == {}


def normal(requirement: str) -> str:
    name = NAME.match(requirement)
    assert name, requirement
    return re.sub("[-_.]+", "-", name[0]).lower()


def imports(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield each import of a module that is neither ours nor the standard library's."""
    for path in folder.rglob("*.py"):
        if str(path.relative_to(ROOT)).startswith(ASIDE):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            tops = {name.partition(".")[0] for name in names}
            yield from (
                (path, top)
                for top in tops - sys.stdlib_module_names - {*PACKAGES, *FOR_TYPES_ALONE}
            )
