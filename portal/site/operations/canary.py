"""A canary: an account whose access is revoked on a running site, to time how fast it ends.

Everything goes as it does for people: an offer, a signature, a token, HTTP. The account, the grant
and its end are in the record like anybody's.
"""

from __future__ import annotations

import http.client
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from portal.access.grants.ending.revocation import revoke_grant
from portal.access.grants.offers import accept_offer, offer_grant
from portal.access.lifecycle import is_revoked
from portal.access.models import Grant
from portal.access.requests.signing import Signature
from portal.accounts.models import AccessToken, Scope, User
from portal.accounts.services import create_user, issue_token, revoke_token
from portal.catalog.models import File, Gate, Mode, ModelRepo
from portal.catalog.services.licences import require_version_in_force
from portal.catalog.services.lookup import head_revision
from portal.jobs.models import Job

NAME = "revocation-canary"
REASON = "The canary’s access ends: this measures how long that takes."
POLL_SECONDS = 0.05
START_SECONDS = 60.0
REFUSED = range(400, 500)


class CanaryFailed(Exception):
    """A measurement that could not be made; the message says why."""


@dataclass
class Canary:
    """An account with an active grant on one repo, and a token."""

    repo: ModelRepo
    operator: User
    person: User
    grant: Grant
    token: AccessToken
    secret: str = field(repr=False)

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


def hatch(repo: ModelRepo, now: datetime) -> Canary:
    """Make the canary, if need be, and give it access for one day."""
    person = User.objects.filter(username=NAME).first() or _new_person(now)
    operator, grant = _offer(person, repo, now)
    version = require_version_in_force(repo, now=now)
    signature = Signature(
        text_sha256=version.sha256,
        typed_name=person.display_name,
        capacity="person",
        attestations=frozenset(attestation["code"] for attestation in version.attestations),
    )
    grant = accept_offer(person=person, grant_id=grant.pk, signature=signature, now=now)
    scopes = [str(Scope.DOWNLOAD), str(Scope.INFER)]
    token, secret = issue_token(
        owner=person, name=NAME, scopes=scopes, days=1, repo_ids=[repo.pk], now=now
    )
    return Canary(repo, operator, person, grant, token, secret)


def _offer(person: User, repo: ModelRepo, now: datetime) -> tuple[User, Grant]:
    """Offer the canary access, by as many people as the repo wants."""
    operators = User.objects.operators()
    for operator in operators:
        grant = offer_grant(
            actor=operator,
            person_id=person.pk,
            repo_id=repo.pk,
            modes=[str(mode) for mode in Mode if repo.gate(mode) == Gate.REVIEW],
            expires_at=now + timedelta(days=1),
            now=now,
        )
        if grant is not None:
            return operator, grant
    raise CanaryFailed("An offer for this model needs more votes than there are operators.")


def _new_person(now: datetime) -> User:
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip("> ") or "localhost"
    if "." not in domain:
        domain = f"{domain}.invalid"
    return create_user(
        username=NAME,
        email=f"{NAME}@{domain}",
        name="Revocation canary",
        password=secrets.token_urlsafe(32),
        now=now,
        email_verified=True,
    )


def revoke(canary: Canary, now: datetime) -> None:
    """Revoke the grant, by one operator or by two, as the repo requires."""
    operators = User.objects.operators()[:2]
    for operator in operators:
        ended = revoke_grant(actor=operator, grant_id=canary.grant.pk, reason=REASON, now=now)
        if is_revoked(ended):
            return
    raise CanaryFailed("A revocation for this model needs two people, and there is one operator.")


def clean_up(canary: Canary) -> None:
    """Revoke the grant and the token, whatever happened before."""
    now = timezone.now()
    revoke(canary, now)
    revoke_token(owner=canary.person, token_id=canary.token.pk, now=now)


def ask(
    method: str, url: str, headers: dict[str, str], body: bytes | None = None
) -> tuple[int, str]:
    """Send one request and read its body. Return its status and Location; follow no redirect."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=START_SECONDS)
    try:
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        response.read()
        return response.status, response.getheader("Location", "")
    finally:
        connection.close()


@dataclass(frozen=True)
class Downloading:
    """A file that is being read range after range."""

    canary: Canary
    resolve_url: str
    link: str

    def range_status(self) -> int:
        return ask("GET", self.link, {"Range": "bytes=0-1023"})[0]

    def new_link_status(self) -> int:
        return ask("GET", self.resolve_url, self.canary.bearer)[0]


def start_download(canary: Canary) -> Downloading:
    """Get a link to the largest file, and read its first range."""
    revision = head_revision(canary.repo)
    files = File.objects.filter(revision=revision, lfs=True).order_by("-blob__size_bytes")
    file = files.first()
    if revision is None or file is None:
        raise CanaryFailed(f"{canary.repo.full_name} has no file to download.")
    path = f"/{canary.repo.full_name}/resolve/{revision.commit}/{file.path}"
    url = f"{settings.BASE_URL}{path}"
    status, link = ask("GET", url, canary.bearer)
    if status != http.HTTPStatus.FOUND:
        raise CanaryFailed(f"The file’s address answered {status} instead of a link.")
    link = link if "://" in link else f"{settings.BASE_URL}{link}"
    downloading = Downloading(canary, url, link)
    if downloading.range_status() != http.HTTPStatus.PARTIAL_CONTENT:
        raise CanaryFailed("The first range was not served.")
    return downloading


def start_job(canary: Canary, max_tokens: int) -> Job:
    """Request a long job over HTTP, and return it once a worker runs it."""
    body = {
        "model": canary.repo.full_name,
        "prompt": "On",
        "max_tokens": max_tokens,
        "n": 16,
        "ignore_eos": True,
    }
    headers = canary.bearer | {"Content-Type": "application/json"}
    begun = timezone.now()
    arguments = ("POST", f"{settings.BASE_URL}/v1/completions", headers, json.dumps(body).encode())
    threading.Thread(target=_ignoring_the_end, args=arguments, daemon=True).start()

    def running() -> Job | None:
        own_jobs = Job.objects.of(canary.person).filter(created_at__gte=begun)
        return own_jobs.filter(state=Job.State.RUNNING).first()

    return wait_for(running, START_SECONDS, "The job did not begin")


def _ignoring_the_end(*arguments: object) -> None:
    """Send a request and ignore how it ends: the job's row tells that."""
    try:
        ask(*arguments)  # type: ignore[arg-type]
    except (OSError, http.client.HTTPException):
        return


def wait_for(condition: Callable[[], Job | None], seconds: float, failure: str) -> Job:
    """Poll until the condition returns a job. Raise CanaryFailed after ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if job := condition():
            return job
        time.sleep(POLL_SECONDS)
    raise CanaryFailed(f"{failure} within {seconds:.0f} seconds.")


def seconds_until(
    checks: dict[str, Callable[[], bool]], since: float, give_up: float
) -> dict[str, float | None]:
    """Measure for each check the seconds after ``since`` until it held; None if it never did."""
    seconds: dict[str, float | None] = dict.fromkeys(checks)
    while None in seconds.values() and time.monotonic() - since < give_up:
        for name, holds in checks.items():
            if seconds[name] is None and holds():
                seconds[name] = round(time.monotonic() - since, 2)
        time.sleep(POLL_SECONDS)
    return seconds
