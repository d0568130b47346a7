"""Under ASGI: flat memory, an unblocked loop, and an account of what was sent."""

from __future__ import annotations

import asyncio
import resource
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.utils import timezone

from portal.accounts.tokens.authentication import Caller
from portal.delivery.models import Download
from portal.delivery.services import mint_link
from portal.delivery.streaming.chunks import CHUNK_BYTES, chunks, chunks_async
from portal.delivery.streaming.ranges import ByteRange
from tests.portal.world import SHARD, make_world


@pytest.mark.django_db(transaction=True)
async def test_a_range_and_its_account(async_client, tmp_path):
    world = await sync_to_async(make_world)(tmp_path / "in")
    caller = Caller(world.researcher, world.token)
    link = await sync_to_async(
        lambda: mint_link(caller=caller, file=world.file(), now=timezone.now())
    )()
    response = await async_client.get(link, headers={"Range": "bytes=100-"})
    assert response.status_code == 206
    assert response.is_async
    content = b"".join([part async for part in response.streaming_content])
    assert content == world.bytes_of(SHARD)[100:]
    download = await Download.objects.aget()
    assert (download.bytes_sent, download.range_start) == (len(content), 100)
    assert download.ended_at is not None
    await sync_to_async(connections.close_all)()  # the thread's own; the test database must go


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(300 << 20)
        file.seek(-5, 2)
        file.write(b"ended")
    return path


async def test_memory_stays_flat(large):
    size, sent = large.stat().st_size, []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    total, last = 0, b""
    async for part in chunks_async(large, ByteRange(0, size), sent.append):
        total, last = total + len(part), part
        assert len(part) <= CHUNK_BYTES
    assert total == size == sent[0]
    assert last.endswith(b"ended")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 40 << 10  # KiB


def test_leaving_early_is_counted(large):
    sent = []
    stream = chunks(large, ByteRange(7, 5 << 20), sent.append)
    next(stream)
    next(stream)
    stream.close()
    assert sent == [CHUNK_BYTES]  # the second was under way


async def test_leaving_early_is_counted_under_asgi(large):
    sent = []
    stream = chunks_async(large, ByteRange(7, 5 << 20), sent.append)
    await anext(stream)
    await anext(stream)
    await stream.aclose()
    assert sent == [CHUNK_BYTES]  # the second was under way


async def test_leaving_is_counted_when_all_threads_are_busy(large):
    loop, sent, release = asyncio.get_running_loop(), [], threading.Event()
    loop.set_default_executor(ThreadPoolExecutor(1))
    stream = chunks_async(large, ByteRange(0, 10), sent.append)
    await anext(stream)
    busy = loop.run_in_executor(None, release.wait)
    ending = asyncio.ensure_future(anext(stream, None))
    await asyncio.sleep(0)  # so that it has begun, and waits for a thread
    ending.cancel()
    with suppress(asyncio.CancelledError):
        await ending
    release.set()
    await busy
    await asyncio.to_thread(lambda: None)  # after whatever was queued before it
    assert sent == [10]


def test_a_file_cut_short_breaks_off_rather_than_ends(large):
    with pytest.raises(OSError, match="shorter"):
        list(chunks(large, ByteRange(300 << 20, (300 << 20) + 1), lambda sent: None))
