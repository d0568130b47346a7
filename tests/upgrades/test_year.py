"""A year of an earlier version is brought up to date while that version serves downloads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psycopg
import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from portal.accounts.tokens.secrets import new_secret, secret_hash
from portal.synthetic.models import GATED, LAB, SHARDS, write_checkpoint
from tests.live import free_port
from tests.upgrades.earlier_code import has_history, unpack_earlier_code
from tests.upgrades.restoring import ROOT, manage, new_database, restore_year
from tests.waiting import wait_until

pytestmark = pytest.mark.xdist_group("upgrade")
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")
PASSWORD = "correct horse battery staple"
REVIEWER = "synthetic-reviewer-0001"
SHARD = f"model-00001-of-{SHARDS:05}.safetensors"
# The kept year lies ever further back, so the grants that were in force at its end are prolonged.
HOLDERS = """
    UPDATE access_grant SET expires_at = now() + interval '1 year' WHERE id IN (
        SELECT min(g.id) FROM access_grant g JOIN catalog_modelrepo r ON r.id = g.repo_id
        WHERE r.name = %s AND 'download' = ANY(g.modes) AND g.starts_at IS NOT NULL
            AND g.closed_at IS NULL AND (g.revoked_at IS NULL) = %s
    ) RETURNING person_id
"""
TOKEN = """
    INSERT INTO accounts_accesstoken
        (user_id, name, hint, secret_hash, scopes, created_at, expires_at)
    VALUES (%s, 'upgrade', 'wg_', %s, '{download}', now(), now() + interval '1 day')
"""


@dataclass
class Server:
    """One process of the portal. ``secret`` is a token of a holder, ``revoked`` one of another."""

    base_url: str
    secret: str
    revoked: str
    log: Path

    def resolve(self, secret: str) -> httpx2.Response:
        path = f"/{LAB}/{GATED[0]}/resolve/main/{SHARD}"
        return httpx2.get(self.base_url + path, headers={"Authorization": f"Bearer {secret}"})

    def link(self) -> str:
        answer = self.resolve(self.secret)
        assert answer.status_code == 302, answer.text
        return str(answer.headers["Location"])


@dataclass
class Downloads:
    """Downloads without a pause, by a new link each and by one that was made before them all."""

    server: Server
    content: bytes
    fetched: int = 0
    failed: list[str] = field(default_factory=list)

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Keep fetching in a thread for as long as the block runs."""
        over, old = threading.Event(), self.server.link()
        thread = threading.Thread(target=self._fetch_until, args=(over.is_set, old))
        thread.start()
        try:
            wait_until(lambda: self.fetched, 60, "a first download")
            yield
        finally:
            over.set()
            thread.join()

    def _fetch_until(self, is_over: Callable[[], bool], old: str) -> None:
        while not is_over():
            try:
                self._fetch(old)
                self._fetch(self.server.link())
            except (httpx2.HTTPError, AssertionError) as error:
                self.failed.append(repr(error))

    def _fetch(self, link: str) -> None:
        begin = self.fetched * 997 % (len(self.content) - 1000)
        part = httpx2.get(link, headers={"Range": f"bytes={begin}-{begin + 999}"})
        assert part.status_code == 206, part.text
        assert part.content == self.content[begin : begin + 1000]
        self.fetched += 1


@dataclass
class Upgraded:
    """A database after its upgrade, and the downloads that ran through it, if any did.

    ``blocked`` is a first attempt, while somebody's report had a table in use. ``earlier`` are the
    earlier version's answers on the new tables, to a holder and to one whose grant was revoked.
    """

    url: str
    blocked: subprocess.CompletedProcess[str]
    migrated: subprocess.CompletedProcess[str]
    downloads: Downloads | None
    earlier: list[int]
    server: Server


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory) -> Iterator[Upgraded]:
    folder = tmp_path_factory.mktemp("year")
    content = stored_shard(folder / "blobs")
    with new_database(f"year_{WORKER}") as url:
        restore_year(url)
        secrets = [token_of_holder(url, is_unended=is_unended) for is_unended in (True, False)]
        downloads, answers = None, []
        if has_history():
            unpack_earlier_code(folder / "code")
            with serving(folder / "code", url, folder / "blobs", *secrets) as earlier:
                downloads = Downloads(earlier, content)
                with downloads.under_way():
                    blocked, migrated = migrate_twice(url)
                answers = [earlier.resolve(secret).status_code for secret in secrets]
        else:
            blocked, migrated = migrate_twice(url)
        with serving(ROOT, url, folder / "blobs", *secrets) as server:
            yield Upgraded(url, blocked, migrated, downloads, answers, server)


def migrate_twice(url: str) -> list[subprocess.CompletedProcess[str]]:
    """Migrate while a long report reads grants, and again once it is done."""
    with psycopg.connect(url) as report:
        report.execute("LOCK TABLE access_grant IN ACCESS SHARE MODE")
        blocked = manage(url, "migrate", "--lock-timeout", "0.5", "--tries", "2")
    return [blocked, manage(url, "migrate")]


def stored_shard(blobs: Path) -> bytes:
    """Put the model's files where the portal keeps them; they are the same from every run."""
    from portal.storage.local import LocalBlobStore

    folder = write_checkpoint(GATED[0], blobs.with_name("checkpoint"))
    with (folder / SHARD).open("rb") as file:
        LocalBlobStore(blobs).add(file)
    return (folder / SHARD).read_bytes()


def token_of_holder(url: str, *, is_unended: bool) -> str:
    secret = new_secret()
    with psycopg.connect(url) as database:
        row = database.execute(HOLDERS, [GATED[0], is_unended]).fetchone()
        assert row is not None
        database.execute(TOKEN, [row[0], secret_hash(secret)])
        hashed = PBKDF2PasswordHasher().encode(PASSWORD, "salt", iterations=1000)
        database.execute(
            "UPDATE accounts_user SET password = %s WHERE username = %s", [hashed, REVIEWER]
        )
    return secret


@contextmanager
def serving(code: Path, url: str, blobs: Path, secret: str, revoked: str) -> Iterator[Server]:
    """Run a web process of this code on the database until the block ends."""
    base_url = f"http://127.0.0.1:{free_port()}"
    bind = ("--bind", base_url.removeprefix("http://"), "--threads", "4", "--workers", "1")
    command = [sys.executable, "-W", "ignore", "-m", "gunicorn", "portal.wsgi:application", *bind]
    own = {
        "DATABASE_URL": url,
        "WEIGHTGATE_BASE_URL": base_url,
        "WEIGHTGATE_BLOB_DIR": str(blobs),
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }
    log = blobs.with_name(f"{code.name}.log")
    with (
        log.open("w") as output,
        subprocess.Popen(
            command, cwd=code, env={**os.environ, **own}, stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            wait_until(lambda: is_up(base_url) or process.poll() is not None, 60, "an answer")
            assert process.poll() is None, log.read_text()[-8000:]
            yield Server(base_url, secret, revoked, log)
        finally:
            process.terminate()


def is_up(base_url: str) -> bool:
    try:
        return httpx2.get(f"{base_url}/healthz").status_code == 200
    except httpx2.TransportError:
        return False


def test_no_download_fails_and_the_earlier_version_goes_on(upgraded):
    if upgraded.downloads is None:
        pytest.skip("the earlier code isn’t in this checkout: fetch its history")
    said = upgraded.downloads.server.log.read_text()
    assert upgraded.downloads.failed == [], said[-8000:]
    assert upgraded.downloads.fetched > 1
    assert upgraded.earlier == [302, 403]


def test_a_table_that_is_in_use_is_waited_for_and_blocks_nobody_for_long(upgraded):
    assert upgraded.blocked.returncode == 1
    assert "lets others go first" in upgraded.blocked.stderr
    assert "Nothing of it was done" in upgraded.blocked.stderr


def test_it_is_brought_up_to_date(upgraded):
    assert upgraded.migrated.returncode == 0, upgraded.migrated.stderr
    assert "access.0010" in upgraded.migrated.stdout
    verified = manage(upgraded.url, "verify_audit")
    assert (verified.returncode, "unbroken" in verified.stdout) == (0, True), verified.stdout


def test_a_grant_downloads_and_a_revoked_one_is_refused(upgraded):
    server = upgraded.server
    assert httpx2.get(server.link(), headers={"Range": "bytes=0-7"}).status_code == 206
    refused = server.resolve(server.revoked)
    assert (refused.status_code, refused.headers["X-Error-Code"]) == (403, "GatedRepo")


def test_the_queue_opens(upgraded):
    with httpx2.Client(base_url=upgraded.server.base_url, follow_redirects=True) as browser:
        browser.get("/accounts/login/")
        values = {"login": REVIEWER, "password": PASSWORD}
        browser.post(
            "/accounts/login/",
            data=values | {"csrfmiddlewaretoken": browser.cookies["csrftoken"]},
            headers={"Origin": upgraded.server.base_url},
        )
        assert "Synthetic Applicant" in browser.get("/queue").text
