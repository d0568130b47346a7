"""Checks, one after the other, each told; the others go on where one fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import huggingface_hub


def run(what: str, checks: Sequence[Callable[[], None]]) -> int:
    """Run the checks, print each result, and return how many failed."""
    failed = 0
    for check in checks:
        name = check.__name__.replace("_", " ")
        try:
            check()
        except Exception as error:  # noqa: BLE001  # the other checks are to be told too
            failed += 1
            print(f"  FAILED  {name}: {type(error).__name__}: {error}")
        else:
            print(f"  ok      {name}")
    version = huggingface_hub.__version__
    print(f"huggingface_hub {version}, {what}: {len(checks) - failed} of {len(checks)}")
    return failed


def refused(error: type[Exception], act: Callable[[], object]) -> str:
    """Return the message of the error that ``act`` raises."""
    try:
        act()
    except error as raised:
        return str(raised)
    raise AssertionError(f"no {error.__name__}")
