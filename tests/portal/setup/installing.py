"""Setting an installation up from an empty environment, for tests that meet it from outside."""

from __future__ import annotations

import os

PASSWORD = "correct horse battery staple"


def bare(**more: str) -> dict[str, str]:
    """Return an environment that sets nothing of Weightgate's."""
    return {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ} | more


def answers(database: str) -> list[str]:
    """Return the flags that answer all that `setup` asks for, but the password."""
    said = {
        "base-url": "http://127.0.0.1:8123",
        "mail-from": "Example Lab <gate@lab.example>",
        "operator": "ada",
        "email": "Ada@lab.example",
        "name": "Ada O’Hara",
        "namespace": "example-lab",
        "title": "Example Lab",
        "database-url": database,
        "redis-url": os.environ["REDIS_URL"],
    }
    return [word for name, value in said.items() for word in (f"--{name}", value)]
