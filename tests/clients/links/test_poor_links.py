"""Downloads over a link that breaks again and again: every byte arrives, and arrives right.

Behind the link the token is rotated and links expire midway. ``CUTS`` sets how often it breaks.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import threading
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from django.db import connection
from django.utils import timezone
from huggingface_hub import constants, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

from portal.accounts.services import revoke_token
from tests.clients.links.poor_link import PoorLink
from tests.factories.accounts import make_token
from tests.factories.catalog import make_folder, make_revision

pytestmark = [
    pytest.mark.clients,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(1800),
]
CUTS = int(os.environ.get("CUTS", "9"))
CLIENT_CUTS = int(os.environ.get("CUTS", "3"))  # this client waits a second after each
LARGE = "large.dat"
MEGABYTE = 1_000_000
HELD_BYTES = constants.DOWNLOAD_CHUNK_SIZE + 8 * MEGABYTE
"""What the client may lose at a cut: the chunk it gathers, and what the kernel still holds."""


def publish(hub, size_bytes: int) -> str:
    """Publish a large file of random bytes; return its sha256."""
    content = random.Random(5).randbytes(size_bytes)
    make_folder(hub.folder, **{LARGE: content})
    hub.revision = make_revision(hub.repo, hub.folder, title="Large", now=timezone.now())
    return hashlib.sha256(content).hexdigest()


def address(live_server) -> tuple[str, int]:
    parts = urlsplit(live_server.url)
    return str(parts.hostname), int(parts.port or 0)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("resets", [False, True], ids=["ends", "resets"])
def test_curl_goes_on_from_each_cut(hub, live_server, settings, tmp_path, resets):
    size, target = 4 * MEGABYTE, tmp_path / "part"
    expected = publish(hub, size)
    tokens = [hub.secret, make_token(hub.researcher, now=timezone.now())[1]]
    longest = size // CUTS
    with PoorLink(address(live_server), CUTS, longest, resets) as poor:
        settings.BASE_URL = poor.url

        def fresh() -> str:
            bearer = {"Authorization": f"Bearer {tokens[0]}"}
            return httpx2.get(f"{poor.url}{hub.url(LARGE)}", headers=bearer).headers["location"]

        def curl(link: str) -> int:
            command = ["curl", "-sSf", "-C", "-", "-o", str(target), link]
            return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode

        link, rotated, expired = fresh(), False, False
        while (code := curl(link)) != 0:
            assert code in (18, 22, 56), code  # cut short; refused; reset
            if poor.made >= CUTS // 3 and not rotated:
                rotated = True
                revoke_token(owner=hub.researcher, token_id=hub.token.pk, now=timezone.now())
                tokens.pop(0)
                assert curl(link) == 22
                link = fresh()
            elif poor.made >= 2 * CUTS // 3 and not expired:
                expired = True
                settings.LINK_TTL = timedelta()
                assert curl(fresh()) == 22
                settings.LINK_TTL = timedelta(minutes=5)
                link = fresh()
        assert rotated
        assert expired
        assert sha256(target) == expected
        assert poor.body_bytes <= size + (poor.made * longest if resets else 0)


def test_the_hubs_client_comes_through(hub, live_server, settings, tmp_path):
    """Each byte again at most as often as the client itself begins anew, or loses at a cut.

    No link from before the first cut opens anything after it: each try makes its own.
    """
    size = 2 * constants.DOWNLOAD_CHUNK_SIZE + MEGABYTE
    expected = publish(hub, size)
    tokens = [hub.secret, make_token(hub.researcher, now=timezone.now())[1]]
    rotated = threading.Event()

    def rotate(made: int) -> None:
        if made == 1:
            settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 50, []
        if made > CLIENT_CUTS // 2 and not rotated.is_set():
            rotated.set()
            revoke_token(owner=hub.researcher, token_id=hub.token.pk, now=timezone.now())
            connection.close()

    longest = 3 * constants.DOWNLOAD_CHUNK_SIZE // 2
    calls, whole, refusals = 0, 0, []
    with PoorLink(address(live_server), CLIENT_CUTS, longest, True, rotate) as poor:
        settings.BASE_URL = poor.url
        while not whole or poor.made < CLIENT_CUTS:
            calls += 1
            try:
                path = hf_hub_download(
                    hub.repo.full_name,
                    LARGE,
                    revision=hub.revision.commit,
                    token=tokens[0],
                    endpoint=poor.url,
                    cache_dir=tmp_path / f"cache-{whole}",
                )
            except (HfHubHTTPError, LocalEntryNotFoundError) as refused:
                refusals.append(f"{refused} {refused.__cause__}")
                tokens.pop(0)
            except httpx2.TransportError:  # five cuts without a whole chunk between them
                assert calls <= poor.made + whole
            else:
                assert sha256(Path(path)) == expected
                whole += 1
    assert rotated.is_set()
    assert len(refusals) == 1
    assert "Invalid credentials" in refusals[0]
    assert poor.body_bytes <= calls * size + poor.made * HELD_BYTES
