"""A real mail server, on a port of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from aiosmtpd.controller import Controller

from tests.live import free_port


class Postbox:
    """A handler for aiosmtpd. ``refusals`` are its answers to recipients, by address."""

    def __init__(self) -> None:
        self.refusals: dict[str, str] = {}
        self.taken: list[str] = []
        self.contents: list[bytes] = []

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope) -> str:
        self.taken += envelope.rcpt_tos
        self.contents.append(envelope.content)
        return "250 OK"


@pytest.fixture
def postbox(settings) -> Iterator[Postbox]:
    """Run a real mail server on a port of its own."""
    handler = Postbox()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    yield handler
    controller.stop()
