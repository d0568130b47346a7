"""A licence's text has a language, which each signature under it records."""

from __future__ import annotations

import pytest
from django.urls import reverse

from portal.access.certificates.certificate import read_certificate
from portal.access.models import Acceptance
from portal.audit.models import AuditEvent
from portal.catalog.services.licences import publish_licence_version
from portal.errors import FieldErrors
from tests.factories.access import make_request
from tests.factories.accounts import the_operator
from tests.factories.catalog import make_repo

pytestmark = pytest.mark.django_db


def publish(repo, now, **changed):
    fields = {
        "slug": repo.licence.slug,
        "version": "9.0",
        "text": "Sie dürfen das Modell untersuchen.",
        "attribution": "Unter der Forschungslizenz.",
        "language": "de",
    }
    return publish_licence_version(actor=the_operator(), now=now, **{**fields, **changed})


@pytest.fixture
def acceptance(now) -> Acceptance:
    repo = make_repo()
    publish(repo, now)
    return Acceptance.objects.get(person=make_request(repo, now=now).applicant)


def test_a_signature_records_it(acceptance):
    assert acceptance.text_language == "de"
    event = AuditEvent.objects.get(type="licence.signed", target_id=str(acceptance.pk))
    assert event.data["language"] == "de"


def test_pages_say_so_and_mark_the_text(client, acceptance):
    page = client.get(acceptance.licence_version.path).text
    assert '<div class="prose" lang="de">' in page
    assert "German" in page
    client.force_login(acceptance.person)
    assert "German" in client.get(reverse("access:signatures")).text


def test_the_api_and_the_certificate_say_so(client, acceptance):
    version = acceptance.licence_version
    shown = client.get(f"/api/v1/licences/{version.licence.slug}/{version.version}/").json()
    assert shown["language"] == "de"
    certificate = read_certificate(acceptance.person, acceptance.pk)
    assert certificate.acceptance.text_language == "de"


@pytest.mark.parametrize("tag", ["", "German", "de_DE", "de-", "d"])
def test_what_is_no_tag_is_refused(now, tag):
    with pytest.raises(FieldErrors) as refused:
        publish(make_repo(), now, language=tag)
    assert set(refused.value.errors) == {"language"}
