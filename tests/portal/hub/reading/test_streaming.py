"""In front of Django under ASGI, uploads go straight to their place and bodies have limits."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from asgiref.testing import ApplicationCommunicator
from django.test import Client
from django.utils import timezone

from portal.asgi import application
from portal.hub.uploads import streaming
from portal.hub.uploads.links import UploadLink, sign
from portal.storage import blob_store
from portal.storage.incoming import FOLDER
from tests.portal.hub.desk import make_desk, sha256_of

pytestmark = pytest.mark.django_db(transaction=True)
CONTENT = b"0123456789" * 300_000
SECONDS = 60


@pytest.fixture
def path() -> str:
    """Sign a link to bring CONTENT by."""
    desk = make_desk(Client())
    token = desk.publisher.access_tokens.get()
    expires_at = timezone.now() + timedelta(minutes=5)
    link = UploadLink(
        desk.publisher.pk, token.pk, desk.repo.pk, sha256_of(CONTENT), len(CONTENT), expires_at
    )
    return f"/-/u/{sign(link)}"


def begun(path, *, method="PUT", length=None):
    headers = [(b"host", b"127.0.0.1")]
    headers += [(b"content-length", str(length).encode())] if length is not None else []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
    }
    return ApplicationCommunicator(application, scope)


def chunks(content, size=65_536):
    starts = range(0, len(content), size)
    for start in starts:
        more = start + size < len(content)
        yield {"type": "http.request", "body": content[start : start + size], "more_body": more}


async def answered(told):
    status = (await told.receive_output(SECONDS))["status"]
    await told.wait(SECONDS)
    return status


def incoming(settings):
    folder = settings.BLOB_DIR / FOLDER
    return list(folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("length", [None, len(CONTENT)])
async def test_an_upload_arrives_piece_by_piece(path, settings, length):
    request = begun(path, length=length)
    for chunk in chunks(CONTENT):
        await request.send_input(chunk)
    assert await answered(request) == 200
    assert blob_store().size_bytes(sha256_of(CONTENT)) == len(CONTENT)
    assert incoming(settings) == []


@pytest.mark.parametrize("sent", [CONTENT[:-1], CONTENT + b"!", 3 * CONTENT, b""])
async def test_other_bytes_are_refused_and_gone(path, settings, sent):
    request = begun(path)
    for chunk in chunks(sent) if sent else [{"type": "http.request", "body": b""}]:
        await request.send_input(chunk)
    assert await answered(request) == 422
    assert not blob_store().has(sha256_of(CONTENT))
    assert incoming(settings) == []


async def test_who_leaves_leaves_nothing(path, settings):
    request = begun(path, length=len(CONTENT))
    await request.send_input({"type": "http.request", "body": CONTENT[:1000], "more_body": True})
    await request.send_input({"type": "http.disconnect"})
    await request.wait(SECONDS)
    assert request.output_queue.empty()
    assert incoming(settings) == []


async def test_without_a_good_link_nothing_is_read(path):
    assert await answered(begun(f"{path}x", length=len(CONTENT))) == 403
    assert await answered(begun(path, length=5)) == 422


async def test_a_body_has_a_limit(path, monkeypatch):
    monkeypatch.setattr(streaming, "LARGEST_BODY_BYTES", 1000)
    assert await answered(begun("/api/validate-yaml", method="POST", length=1001)) == 413
    request = begun("/api/validate-yaml", method="POST")
    for chunk in chunks(b"x" * 3000, 500):
        await request.send_input(chunk)
    assert await answered(request) == 413


async def test_uploads_come_side_by_side(path, settings):
    requests = [begun(path, length=len(CONTENT)) for _ in range(4)]
    for chunk in chunks(CONTENT):
        await asyncio.gather(*(request.send_input(chunk) for request in requests))
    assert await asyncio.gather(*map(answered, requests)) == [200] * 4
    assert incoming(settings) == []
