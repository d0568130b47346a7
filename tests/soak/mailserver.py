"""A mail server that can be away, and one that takes connections and says nothing."""

from __future__ import annotations

import re
import socket

from aiosmtpd.controller import Controller

from tests.live import free_port
from tests.postbox import Postbox

MESSAGE_ID = re.compile(rb"^Message-ID: (<[^>]+>)", re.MULTILINE | re.IGNORECASE)


class MailServer:
    """A server on one port, whatever happens to it; its letters are kept."""

    def __init__(self) -> None:
        self.port = free_port()
        self._postbox = Postbox()
        self._controller: Controller | None = None
        self._mute: socket.socket | None = None

    def start(self) -> None:
        self._controller = Controller(self._postbox, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def stop(self) -> None:
        if self._controller:
            self._controller.stop()
            self._controller = None

    def fall_silent(self) -> None:
        self.stop()
        self._mute = socket.create_server(("127.0.0.1", self.port), reuse_port=False)

    def speak_again(self) -> None:
        if self._mute:
            self._mute.close()
        self.start()

    def letters(self) -> set[str]:
        """Return the Message-IDs of what has come."""
        matches = (MESSAGE_ID.search(content) for content in self._postbox.contents)
        return {match[1].decode() for match in matches if match}
