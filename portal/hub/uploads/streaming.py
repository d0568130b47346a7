"""Read uploads before Django does, which under ASGI would spool every body to disk first.

An upload goes straight to where its blob will be, once its link is verified. Every other body has
a limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.db import close_old_connections
from django.utils import timezone

from portal.errors import DomainError
from portal.hub.services.uploads import open_upload
from portal.hub.uploads.large_bodies import answer_to_large_body
from portal.observability.request_ids import http_request_id
from portal.storage import CorruptBlob, blob_store, require_room
from portal.storage.incoming import Incoming

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

UPLOADS = "/-/u/"
ARRIVED = "weightgate.arrived"
WRITE_BYTES = 1 << 20
LARGEST_BODY_BYTES = 256 << 20


class Gone(Exception):
    """An error that the client left before the end of its upload."""


class StreamedUploads:
    """An ASGI application around Django that takes uploads in and limits other bodies."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.application(scope, receive, send)
        elif scope["method"] == "PUT" and scope["path"].startswith(UPLOADS):
            await self._upload(scope, receive, send)
        else:
            await self._limited(scope, receive, send)

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        signed = scope["path"].removeprefix(UPLOADS)
        incoming = await asyncio.to_thread(_begin, signed, _length(scope))
        try:
            if incoming is not None:
                await _fill(incoming, receive)
            arrived = {**scope, ARRIVED: incoming}
            await self.application(arrived, _after(receive), send)
        except Gone:
            return
        finally:
            if incoming is not None:
                await asyncio.shield(asyncio.to_thread(incoming.discard))

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = _length(scope)
        if length and length.isdigit() and int(length) > LARGEST_BODY_BYTES:
            await _refuse(scope, send)
            return
        counted = _Counted(receive)
        await self.application(scope, counted, send)
        # Django answers nothing to a client that it takes for gone, so this is the one answer.
        if counted.is_over:
            await _refuse(scope, send)


class _Counted:
    """A ``receive`` that counts the body. Over the limit, Django sees a client that left."""

    def __init__(self, receive: Receive) -> None:
        self.receive = receive
        self.size_bytes = 0
        self.is_over = False

    async def __call__(self) -> Message:
        message = await self.receive()
        self.size_bytes += len(message.get("body", b""))
        if self.size_bytes > LARGEST_BODY_BYTES:
            self.is_over = True
            return {"type": "http.disconnect"}
        return message


def _length(scope: Scope) -> str | None:
    length: bytes | None = dict(scope["headers"]).get(b"content-length")
    return length.decode("latin-1") if length else None


def _begin(signed: str, length: str | None) -> Incoming | None:
    """Open a place for the bytes; None where the view will refuse them, or a bucket takes them."""
    try:
        link = open_upload(signed, now=timezone.now(), length=length)
        if not link.staged:
            require_room(blob_store(), link.size_bytes)
    except DomainError:
        return None
    finally:
        close_old_connections()
    return None if link.staged else Incoming(blob_store(), link.size_bytes)


async def _fill(incoming: Incoming, receive: Receive) -> None:
    """Write the body down, until its last byte or the first one too many. Raises Gone."""
    waiting = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        waiting += message.get("body", b"")
        more = message.get("more_body", False)
        if waiting and (len(waiting) >= WRITE_BYTES or not more):
            try:
                await asyncio.to_thread(incoming.write, bytes(waiting))
            except CorruptBlob:
                return  # the view finds it too long, and says so
            waiting.clear()


def _after(receive: Receive) -> Receive:
    """Return a ``receive`` with an empty body, which skips what is left of the real one."""
    first = True

    async def rest() -> Message:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": b"", "more_body": False}
        while (message := await receive())["type"] == "http.request":
            pass
        return message

    return rest


async def _refuse(scope: Scope, send: Send) -> None:
    answer = answer_to_large_body(scope["path"])
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer.content)).encode()),
        (b"x-error-message", answer.message.encode()),
        (b"x-request-id", http_request_id().encode()),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": answer.content})
