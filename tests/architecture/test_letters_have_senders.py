"""Each call that queues a mail says whose act it tells others of, so that it is counted."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.architecture.sources import mentioning
from tests.architecture.test_one_rule import ROOT, SOURCES

# To the person's own proved addresses, at most once an hour or a day by their keys.
TO_ONESELF = {
    "portal/accounts/mailboxes.py:ask_bounced_address",
    "portal/accounts/services/renewal.py:ask_renewal",
}


def mailers() -> Iterator[tuple[str, bool]]:
    """Yield each function that calls ``queue_mail``, and whether it names a sender."""
    for path, source in mentioning(SOURCES, {"queue_mail"}):
        for function in ast.walk(source):
            if isinstance(function, ast.FunctionDef):
                for call in ast.walk(function):
                    if isinstance(call, ast.Call) and ast.unparse(call.func) == "queue_mail":
                        name = f"{path.relative_to(ROOT)}:{function.name}"
                        yield name, "sender" in {keyword.arg for keyword in call.keywords}


def test_each_mail_has_a_sender_or_goes_to_whoever_asks():
    senders = dict(mailers())
    assert len(senders) > len(TO_ONESELF)
    assert {name for name, has_sender in senders.items() if not has_sender} == TO_ONESELF
