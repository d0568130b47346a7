"""Certificates, evidence and the page of many decisions name every model of a collection."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.access.certificates.certificate import read_certificate
from portal.access.reporting.request_archive import archive_of
from tests.factories.access import make_request
from tests.factories.catalog import make_reviewer
from tests.factories.collections import make_family, make_family_of_two_licences
from tests.factories.reviews import approve

pytestmark = pytest.mark.django_db


@pytest.fixture
def decided():
    _, repos = make_family_of_two_licences()
    access_request = make_request(repos[0], now=timezone.now())
    reviewer = make_reviewer(access_request.repo)
    approve(access_request, reviewer, timezone.now(), is_undoable=False)
    return access_request, repos, reviewer


def test_a_certificate_names_the_models_under_its_text(decided):
    access_request, repos, reviewer = decided
    first, other = access_request.submissions.get().acceptances
    for reader in (access_request.applicant, reviewer):
        certificate = read_certificate(reader, first.pk)
        assert certificate.models == [repos[1].full_name, repos[2].full_name]
        assert read_certificate(reader, other.pk).models == [repos[0].full_name]


def test_the_evidence_has_the_models_and_every_signature(decided):
    access_request, repos, _ = decided
    archive = archive_of(access_request.applicant, access_request.pk, timezone.now())
    asked_for = archive.request()
    assert set(asked_for["models"]) == {repo.full_name for repo in repos}
    assert asked_for["collection"] == f"{repos[0].namespace.name}/opt"
    covered = archive.lists()["coverage"]
    assert {row["repo_id"] for row in covered} == {repo.pk for repo in repos}
    assert all("ended_by_id" not in row for row in covered)
    (snapshot,) = archive.snapshots().values()
    assert len(snapshot["signed_further"]) == 1
    assert set(archive.repos) == set(repos)


def test_the_page_of_many_decisions_says_what_an_approval_gives(client):
    _, repos = make_family("review", "review")
    asking = make_request(repos[0], now=timezone.now())
    some = make_request(repos[0], now=timezone.now(), models=[repos[0].full_name])
    client.force_login(make_reviewer(repos[1]))
    page = client.get(reverse("access:bulk"), {"id": [asking.pk, some.pk]}).text
    assert "Each gets all the models that it asks for" in page
    words = " ".join(page.split())
    assert "2 models of OPT family: opt-1, opt-2" in words
    assert "1 model of OPT family: opt-1" in words
