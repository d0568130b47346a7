"""Give browsers networks of their own: other tests don’t spend what is counted by network."""

from __future__ import annotations

import secrets

from django.test import Client


def new_network() -> str:
    """Return an address whose network nobody has called from."""
    return f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"


def browser_elsewhere() -> Client:
    return Client(REMOTE_ADDR=new_network())
