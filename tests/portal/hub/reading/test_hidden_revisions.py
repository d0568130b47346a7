"""Addresses, older links and later commits serve nothing that was squashed away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from portal.access.holds.targets import subject_id
from portal.access.policy.policy import Action, Reason, may
from portal.catalog.models import File, Revision
from portal.jobs import hosting
from portal.jobs.errors import ModelLoading
from tests.portal.hub.desk import Desk, delete_line, file_line, lfs_line, local, sha256_of
from tests.portal.world import bearer

PATH = "notes/credentials.txt"
SECRET = b"a password"
WEIGHTS = b"rows with a flaw"
NAMES_A_REVISION = {"revision", "commit", "branch", "rest"}
# the name of a branch to be; what is told that git and discussions are not offered
NO_READING = {"branch", "git", "discussion"}


def routes(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, str, set[str]]]:
    """Yield the name, the whole route and the arguments of every address that there is."""
    for entry in patterns:
        if isinstance(entry, URLResolver):
            yield from routes(entry.url_patterns, prefix + str(entry.pattern))
        elif isinstance(entry, URLPattern):
            regex = entry.pattern.regex
            yield entry.name or "", prefix + str(entry.pattern), set(regex.groupindex)


BY_REVISION = [
    (name, route)
    for name, route, arguments in routes(get_resolver().url_patterns)
    if {"namespace", "name"} < arguments and arguments & NAMES_A_REVISION and "<" in route
    if name not in NO_READING and not route.startswith("^")
]


@dataclass
class Squashed:
    """A public repo whose file with a secret was deleted; not squashed yet."""

    desk: Desk
    old: str

    def addresses(self, spelt: str) -> dict[str, str]:
        """List each address that names a revision, with the old commit in its place."""
        namespace, _, name = self.desk.name.partition("/")
        values = {"namespace": namespace, "name": name, "rest": f"{spelt}/{quote(PATH)}"}
        filled = {}
        for label, route in BY_REVISION:
            url = route
            for argument in ("namespace", "name", *NAMES_A_REVISION):
                for converter in ("str", "path", "namespace", "repo_name"):
                    value = values.get(argument, spelt)
                    url = url.replace(f"<{converter}:{argument}>", value)
            if label == "tree":
                url = url.removesuffix(f"/{PATH}") + "/notes"
            if label == "tag":
                url = url.removesuffix(f"/{PATH}")
            filled[f"{label} {route}"] = f"/{url}"
        filled["model page"] = f"/{self.desk.name}?revision={spelt}"
        return filled

    def ask(self, url: str) -> set[int]:
        """Return the statuses of every way to ask for it, with a token and without.

        An address that can't be read is written to.
        """
        statuses = set()
        for headers in ({}, bearer(self.desk.secret)):
            read = {self._status(method, url, headers) for method in ("GET", "HEAD")}
            statuses |= {self._status("POST", url, headers)} if 405 in read else read
        return statuses

    def _status(self, method: str, url: str, headers: dict[str, str]) -> int:
        body = '{"tag": "v9", "message": "x", "paths": ["notes"]}' if method == "POST" else ""
        ask = partial(self.desk.client.generic, method, url, body, content_type="application/json")
        answer = ask(headers=headers)
        if answer.get("Location", "").startswith("/accounts/login/"):  # a page for who signed in
            self.desk.client.force_login(self.desk.publisher)
            answer = ask()
            self.desk.client.logout()
        return int(answer.status_code)

    def squash(self) -> None:
        answer = self.desk.api("post", "super-squash/main", {"message": "All of it"})
        assert answer.status_code == 200


@pytest.fixture
def squashed(desk: Desk) -> Squashed:
    desk.name = desk.create("public", private=False).json()["id"]
    desk.bring(WEIGHTS)
    commit = desk.commit(file_line(PATH, SECRET), lfs_line("m.parquet", WEIGHTS))
    desk.commit(delete_line(PATH), delete_line("m.parquet"), file_line("kept", b"1"))
    return Squashed(desk, commit.json()["commitOid"])


REACHED = {"revision", "tree", "paths", "commits", "resolve", "verify", "blob", "raw", "model"}


@pytest.mark.parametrize("length", [40, 12])
def test_no_address_serves_what_was_squashed_away(squashed, length):
    addresses = squashed.addresses(squashed.old[:length])
    reading = {label: url for label, url in addresses.items() if label.split()[0] in REACHED}
    assert {label.split()[0] for label in reading} == REACHED
    before = {label: squashed.ask(url) for label, url in reading.items()}
    assert all(statuses & {200, 302} for statuses in before.values()), before
    squashed.squash()
    answers = {label: squashed.ask(url) for label, url in addresses.items()}
    served = {label: statuses for label, statuses in answers.items() if statuses - {401, 404}}
    assert served == {}
    assert all(404 in statuses for statuses in answers.values()), answers


def test_a_link_made_before_opens_nothing(squashed):
    url = f"/{squashed.desk.name}/resolve/{squashed.old}/{PATH}"
    link = local(squashed.desk.client.get(url)["Location"])
    opened = squashed.desk.client.get(link)
    assert b"".join(opened.streaming_content) == SECRET
    squashed.squash()
    refused = squashed.desk.client.get(link)
    assert refused.status_code == 404
    assert "taken out of the model's history" in refused["X-Error-Message"]


def test_no_commit_takes_from_it(squashed):
    desk = squashed.desk
    squashed.squash()
    copied = {"srcPath": PATH, "srcRevision": squashed.old, "path": "again"}
    answer = desk.commit({"key": "copyFile", "value": copied})
    assert answer["X-Error-Code"] == "RevisionNotFound"
    assert desk.commit(lfs_line("again.parquet", WEIGHTS)).status_code == 422
    (wanted,) = desk.batch(WEIGHTS).json()["objects"]
    assert "upload" in wanted["actions"]  # to be brought anew by whoever has the bytes
    start = desk.api("post", "branch/aside", {"startingPoint": squashed.old})
    assert start["X-Error-Code"] == "RevisionNotFound"
    desk.bring(WEIGHTS)
    assert desk.commit(lfs_line("again.parquet", WEIGHTS)).status_code == 200


def test_what_is_published_again_is_shown_again(squashed):
    """The same step from the same place comes to the same commit, which must then be served."""
    desk = squashed.desk
    desk.api("post", "branch/aside", {})
    made = desk.commit(file_line("new", b"1"), revision="aside").json()["commitOid"]
    desk.api("delete", "branch/aside")
    desk.api("post", "tag/main", {"tag": "stands"})
    desk.api("post", "branch/past", {"startingPoint": squashed.old})
    desk.api("post", "super-squash/past", {"message": "x"})
    assert not Revision.objects.filter(commit=made).exists()
    again = desk.commit(file_line("new", b"1")).json()["commitOid"]
    assert again == made
    assert desk.client.get(f"/{desk.name}/resolve/{made}/new").status_code == 302


def test_it_is_neither_used_nor_held_nor_named(squashed):
    desk, now = squashed.desk, timezone.now()
    squashed.squash()
    hidden = Revision.everything.get(commit=squashed.old)
    assert not hidden.files.exists()
    for action in (Action.SEE, Action.DOWNLOAD, Action.INFER, Action.CAPTURE):
        assert may(desk.publisher, action, hidden, now).reason == Reason.NOT_FOUND
    assert subject_id("revision", squashed.old, desk.repo) is None
    assert not File.objects.filter(blob=sha256_of(SECRET)).exists()


def test_a_worker_that_still_has_it_loaded_gets_no_jobs(squashed, settings):
    repo = squashed.desk.repo
    hosting.beat(repo.full_name, state=hosting.READY, commit=squashed.old)
    try:
        assert hosting.served_revision(repo, timezone.now()).commit == squashed.old
        squashed.squash()
        with pytest.raises(ModelLoading):
            hosting.served_revision(repo, timezone.now())
    finally:
        hosting.stop_beating(repo.full_name)


def test_a_browser_is_told_the_same(squashed):
    squashed.squash()
    page = Client().get(f"/{squashed.desk.name}?revision={squashed.old}")
    assert page.status_code == 404
