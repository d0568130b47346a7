"""Browsers in networks of their own: what is counted by network isn’t spent by other tests."""

from __future__ import annotations

import secrets

from django.test import Client


def new_network() -> str:
    """An address whose network nobody has called from."""
    return f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"


def browser_elsewhere() -> Client:
    return Client(REMOTE_ADDR=new_network())
