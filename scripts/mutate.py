"""Mutation testing of the modules that decide who may do what; part of `make soak`.

Each mutant (a comparison turned, a condition negated, an `and` made an `or`) must change an answer
that some test reads. A copy of the last commit is mutated, never the working tree. cosmic-ray
lives in an environment of its own. All mutants share one test database, made by the first run, in
which no test leaves anything.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from throwaway import ROOT, servers

TOOL = ROOT / ".venv-soak"
ACCESS = "tests/portal/access"
POLICY = tuple(
    f"{ACCESS}/policy/test_policy{part}.py" for part in ("", "_grants", "_holds", "_conditions")
)
MATRIX = "tests/architecture/permissions/test_permission_matrix.py"
# For each module the tests that should notice, the likeliest first: the first to fail ends a run.
MODULES = {
    "lifecycle": (
        f"{ACCESS}/grants/test_lifecycle.py",
        f"{ACCESS}/grants/ending/test_one_end.py",
        f"{ACCESS}/grants/test_renewing.py",
        *reversed(POLICY),
    ),
    "policy/policy": (*POLICY, MATRIX),
    "policy/why_not": (
        *reversed(POLICY),
        f"{ACCESS}/grants/ending/test_revoking.py",
        f"{ACCESS}/test_ways_in.py",
        MATRIX,
    ),
    "policy/conditions": (f"{ACCESS}/policy/test_policy_conditions.py",),
    "policy/request_actions": (
        f"{ACCESS}/policy/test_request_actions.py",
        f"{ACCESS}/policy/test_who_reads.py",
        MATRIX,
    ),
    "policy/conflicts": (
        f"{ACCESS}/policy/test_conflicts.py",
        f"{ACCESS}/requests/test_appealing.py",
    ),
    "querysets": (
        *reversed(POLICY),
        f"{ACCESS}/policy/test_conflicts.py",
        f"{ACCESS}/policy/test_who_reads.py",
        f"{ACCESS}/holds/test_holds.py",
        f"{ACCESS}/requests/test_one_open_request.py",
        f"{ACCESS}/grants/members/test_members.py",
        f"{ACCESS}/grants/checks/test_standing_checks.py",
    ),
}
# Of all that `|` could become, `&` alone still is a query; the rest breaks at once. What is equal
# here is an enum, a key or None: `is` says the same of them, and none of them has an order.
POINTLESS = (
    "core/ReplaceBinaryOperator_BitOr_(?!BitAnd)",
    "core/ReplaceComparisonOperator_(Eq_Is|NotEq_IsNot)$",
    "core/ReplaceComparisonOperator_(Eq|NotEq)_(Lt|LtE|Gt|GtE)$",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = ", ".join(MODULES)
    parser.add_argument("modules", nargs="*", default=list(MODULES), help=f"of {names}")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one mutant")
    options = parser.parse_args()
    tool = install()
    with servers(), tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder) / "copy"
        subprocess.run(["git", "worktree", "add", "--detach", "-q", copy], cwd=ROOT, check=True)
        try:
            (copy / ".venv").symlink_to(ROOT / ".venv")
            compile_all_but_mutated(copy)
            return max(run(tool, copy, module, options.timeout) for module in options.modules)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", copy], cwd=ROOT, check=True)


def compile_all_but_mutated(copy: Path) -> None:
    """Compile the modules that stay as they are, once.

    A mutant's bytecode is never kept: its source may have the size and the second of the mutant
    before, and Python would take that one's bytecode for it.
    """
    compiled = [sys.executable, "-m", "compileall", "-q", "portal", "tests", "inference"]
    subprocess.run(compiled, cwd=copy, check=True)
    for module in MODULES:
        source = copy / f"portal/access/{module}.py"
        for cached in (source.parent / "__pycache__").glob(f"{source.stem}.*.pyc"):
            cached.unlink()
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"


def install() -> Path:
    if not (TOOL / "bin/cosmic-ray").exists():
        subprocess.run([sys.executable, "-m", "venv", TOOL], check=True)
        subprocess.run([TOOL / "bin/pip", "install", "-q", "cosmic-ray==8.7.0"], check=True)
    return TOOL / "bin"


def run(tool: Path, copy: Path, module: str, timeout: float) -> int:
    name = module.replace("/", ".")
    session = copy.parent / f"{name}.sqlite"
    config = copy.parent / f"{name}.toml"
    config.write_text(settings(module, timeout), "utf-8")
    call = [tool / "python", ROOT / "scripts/mutation/mutants.py", config, session]
    for step in (
        [tool / "cosmic-ray", "init", config, session],
        [tool / "cr-filter-operators", session, config],
        [*call, "skip-answerless"],
        [tool / "cosmic-ray", "baseline", config],  # else tests that fail anyway kill every mutant
        [tool / "cosmic-ray", "exec", config, session],
    ):
        subprocess.run(step, cwd=copy, check=True)
    return subprocess.run([*call, "report"], cwd=copy, check=False).returncode


def settings(module: str, timeout: float) -> str:
    pytest = ".venv/bin/python -m pytest -x -q -n0 -p no:cacheprovider --reuse-db"
    command = " ".join([pytest, *MODULES[module]])
    return f"""[cosmic-ray]
module-path = "portal/access/{module}.py"
timeout = {timeout}
excluded-modules = []
test-command = {command!r}

[cosmic-ray.distributor]
name = "local"

[cosmic-ray.filters.operators-filter]
exclude-operators = {list(POINTLESS)!r}
"""


if __name__ == "__main__":
    sys.exit(main())
