"""`python -m tests.hosts.seed FILE PEOPLE APPLICANTS`: fill a site from a process."""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402, Django is set up first
from django.contrib.auth import (  # noqa: E402
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
)
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.utils import timezone  # noqa: E402

from portal.access.review.decisions.deciding import approve_request  # noqa: E402
from portal.accounts.models import User  # noqa: E402
from portal.catalog.models import ModelRepo  # noqa: E402
from portal.catalog.services.licences import require_version_in_force  # noqa: E402
from tests.factories.access import make_request  # noqa: E402
from tests.factories.accounts import make_lab, make_token, make_user  # noqa: E402
from tests.factories.catalog import make_folder, make_repo, make_reviewer, make_revision  # noqa: E402
from tests.factories.jobs import make_hosted, tiny_model  # noqa: E402


def session_of(person: User) -> str:
    """Sign a person in, without a browser; return the cookie's value."""
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.create()
    return str(session.session_key)


def credentials(person: User, *scopes: str) -> dict[str, str]:
    _, secret = make_token(person, *scopes, now=timezone.now())
    return {"name": person.username, "token": secret, "session": session_of(person)}


def holder(repo: ModelRepo, reviewer: User) -> dict[str, str]:
    """Make somebody who may download and prompt the model."""
    person, now = make_user(), timezone.now()
    approve_request(
        reviewer=reviewer,
        request_id=make_request(repo, person, now=now).pk,
        modes=["download", "inference"],
        expires_at=now + timedelta(days=365),
        is_undoable=False,
        now=now,
    )
    return credentials(person, "download", "infer")


def publisher() -> dict[str, str]:
    """Make somebody who may upload to a model of their own lab's."""
    person = make_user()
    repo = make_repo(namespace=make_lab(publisher=person), gate="open")
    with tempfile.TemporaryDirectory() as scratch:
        make_revision(repo, make_folder(Path(scratch)))
    return {**credentials(person), "repo": repo.full_name}


def applicant(repo: ModelRepo) -> dict[str, str]:
    person = make_user()
    return {
        "name": person.username,
        "typed_name": person.display_name,
        "session": session_of(person),
    }


def largest_file(repo: ModelRepo) -> dict[str, str]:
    revision = repo.revisions.get()
    largest = revision.files.order_by("-blob__size_bytes").select_related("blob").first()
    return {"path": largest.path, "sha256": largest.blob.sha256}


def main(out: Path, people: int, applicants: int) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # none is used
    with tempfile.TemporaryDirectory() as scratch:
        repo = make_hosted(tiny_model(Path(scratch)), live=False)
    reviewer = make_reviewer(repo)
    licence = require_version_in_force(repo, now=timezone.now())
    seed: dict[str, Any] = {
        "repo": repo.full_name,
        "people": [holder(repo, reviewer) for _ in range(people)],
        "applicants": [applicant(repo) for _ in range(applicants)],
        "file": largest_file(repo),
        "publisher": publisher(),
        "reviewer": credentials(reviewer, "review"),
        "text_sha256": licence.sha256,
        "attestations": [attestation["code"] for attestation in licence.attestations],
    }
    out.write_text(json.dumps(seed))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
