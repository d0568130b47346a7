"""Readers of a job's stream, as a browser reads it: cut off, coming back, or slow."""

from __future__ import annotations

import asyncio
import re
import socket
from dataclasses import dataclass, field
from urllib.parse import urlsplit

ID = re.compile(rb"^id: (\S+)$", re.MULTILINE)
NUMBER = re.compile(rb"number(\d+)-")
SMALL_BUFFER = 4096
AGAIN_SECONDS = 0.05


@dataclass
class StreamReader:
    """One reader. It is cut off once it has had ``cut_after`` words, and comes back.

    A slow one reads nothing until ``may_read`` is set.
    """

    base_url: str
    path: str
    cookie: str
    cut_after: int
    door: asyncio.Semaphore  # so many come in at once
    is_slow: bool = False
    may_read: asyncio.Event = field(default_factory=asyncio.Event)
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    numbers: list[int] = field(default_factory=list)
    last_id: str = ""
    refusals: list[bytes] = field(default_factory=list)

    async def follow(self) -> None:
        while not await self._read_once():
            await asyncio.sleep(AGAIN_SECONDS)

    async def _read_once(self) -> bool:
        """Read until the stream ends or is cut; return whether it has ended."""
        async with self.door:
            reader, writer = await self._connect()
            head = await reader.readuntil(b"\r\n\r\n")
        self.entered.set()
        try:
            if not head.startswith(b"HTTP/1.1 200"):
                self.refusals.append(head)
                return True
            if self.is_slow:
                await self.may_read.wait()
            return await self._read_events(reader)
        finally:
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        place = urlsplit(self.base_url)
        connection = socket.socket()
        connection.setblocking(False)
        if self.is_slow:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, (place.hostname, place.port))
        limit = SMALL_BUFFER if self.is_slow else 1 << 18
        reader, writer = await asyncio.open_connection(sock=connection, limit=limit)
        lines = [f"GET {self.path} HTTP/1.1", f"Host: {place.netloc}", f"Cookie: {self.cookie}"]
        if self.last_id:
            lines.append(f"Last-Event-ID: {self.last_id}")
        writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        return reader, writer

    async def _read_events(self, reader: asyncio.StreamReader) -> bool:
        rest, is_cut = b"", bool(self.last_id)
        while chunk := await reader.read(1 << 16):
            *events, rest = (rest + chunk).split(b"\n\n")
            for event in events:
                if match := ID.search(event):
                    self.last_id = match[1].decode()
                self.numbers += map(int, NUMBER.findall(event))
                if b"event: ended" in event:
                    return True
                if not is_cut and len(self.numbers) >= self.cut_after:
                    return False
        return False
