"""Mutation testing of the modules that decide who may do what; part of `make soak`.

Each mutant (a comparison turned, a condition negated, an `and` made an `or`) must change an answer
that some test reads. A copy of the last commit is mutated, never the working tree. cosmic-ray
lives in an environment of its own. All mutants share one test database, made by the first run, in
which no test leaves anything.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from throwaway import ROOT, servers

TOOL = ROOT / ".venv-soak"
MODULES = ("policy", "reasons", "conditions", "acts", "conflicts", "querysets")
TESTS = (
    "tests/portal/access/test_policy.py",
    "tests/portal/access/test_policy_holds_and_conditions.py",
    "tests/portal/access/test_conflicts.py",
    "tests/architecture/test_permission_matrix.py",
)
# Of all that `|` could become, `&` alone still is a query; the rest breaks at once.
POINTLESS = "core/ReplaceBinaryOperator_BitOr_(?!BitAnd)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", default=MODULES, help=f"of {', '.join(MODULES)}")
    parser.add_argument("--timeout", type=float, default=180, help="seconds for one mutant")
    given = parser.parse_args()
    tool = install()
    with servers(), tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder) / "copy"
        subprocess.run(["git", "worktree", "add", "--detach", "-q", copy], cwd=ROOT, check=True)
        try:
            (copy / ".venv").symlink_to(ROOT / ".venv")
            return run(tool, copy, given.modules, given.timeout)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", copy], cwd=ROOT, check=True)


def install() -> Path:
    if not (TOOL / "bin/cosmic-ray").exists():
        subprocess.run([sys.executable, "-m", "venv", TOOL], check=True)
        subprocess.run([TOOL / "bin/pip", "install", "-q", "cosmic-ray==8.7.0"], check=True)
    return TOOL / "bin"


def run(tool: Path, copy: Path, modules: list[str], timeout: float) -> int:
    session = copy.parent / "session.sqlite"
    config = copy.parent / "mutate.toml"
    config.write_text(settings(modules, timeout), "utf-8")
    call = [tool / "python", ROOT / "scripts/mutants.py", config, session]
    for step in (
        [tool / "cosmic-ray", "init", config, session],
        [tool / "cr-filter-operators", session, config],
        [*call, "skip-annotations"],
        [tool / "cosmic-ray", "baseline", config],  # else tests that fail anyway kill every mutant
        [tool / "cosmic-ray", "exec", config, session],
    ):
        subprocess.run(step, cwd=copy, check=True)
    return subprocess.run([*call, "report"], cwd=copy, check=False).returncode


def settings(modules: list[str], timeout: float) -> str:
    paths = [f"portal/access/{module}.py" for module in modules]
    command = " ".join([".venv/bin/python -m pytest -x -q -n0 --reuse-db", *TESTS])
    return f"""[cosmic-ray]
module-path = {paths!r}
timeout = {timeout}
excluded-modules = []
test-command = {command!r}

[cosmic-ray.distributor]
name = "local"

[cosmic-ray.filters.operators-filter]
exclude-operators = [{POINTLESS!r}]
"""


if __name__ == "__main__":
    sys.exit(main())
