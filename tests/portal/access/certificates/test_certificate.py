"""The certificate of a signature: what it says, who may have it, and that it can be verified."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest
from cryptography import x509
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from pypdf import PdfReader

from portal.access.certificates.certificate import _document, read_certificate
from portal.access.certificates.pdf import draw
from portal.access.certificates.signing_key import certificate_pem, sign_pdf
from portal.access.errors import NoSigningKey, SignatureNotFound
from portal.access.grants.licence_gate import sign_for_grant
from portal.access.models import AccessRequest
from portal.audit.models import AuditEvent
from portal.catalog.services.licences import publish_licence_version
from tests.factories.access import make_request, make_signature
from tests.factories.accounts import LONG_AGO, make_user
from tests.factories.catalog import TERMS, make_repo, make_reviewer

pytestmark = pytest.mark.django_db
TEXT = "# Sample Licence\n\n" + "\n\n".join(
    f"§ {number}. “Łódź”, ελληνικά, кириллица: you may study it." for number in range(1, 60)
)


@pytest.fixture
def licence():
    return publish_licence_version(
        actor=make_user(superuser=True),
        slug="sample",
        name="Sample Licence",
        version="1.0",
        text=TEXT,
        attribution="Licensed under the Sample Licence, © Sample Lab.",
        terms=TERMS,
        now=LONG_AGO,
    ).licence


@pytest.fixture
def signed(licence, now):
    """Make a signature at the licence gate, by a person of that name."""

    def signed(name="Researcher Name", repo=None, **changed):
        person = make_user()
        person.name = name
        person.save()
        repo = repo or make_repo(gate="licence", licence=licence)
        signature = make_signature(person, repo, now=now, **changed)
        return sign_for_grant(person=person, repo_id=repo.pk, signature=signature, now=now)

    return signed


def fetch(client, person, acceptance):
    client.force_login(person)
    return client.get(f"/signatures/{acceptance.pk}/certificate.pdf")


def text_of(pdf: bytes) -> str:
    pages = (page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    return " ".join(" ".join(pages).split())


def verified(pdf: bytes, pem: bytes):
    roots = list(load_certs_from_pemder_data(pem))
    signature = PdfFileReader(io.BytesIO(pdf)).embedded_signatures[0]
    context = ValidationContext(trust_roots=roots)
    return validate_pdf_signature(signature, signer_validation_context=context)


def test_it_says_what_was_signed_and_where_the_record_holds_it(client, signed):
    grant = signed(capacity="entity", entity="Sample Institute, its director")
    acceptance = grant.acceptance
    response = fetch(client, grant.person, acceptance)
    assert response.status_code == 200
    assert response["Content-Type"] == "application/pdf"
    event = AuditEvent.objects.get(type="licence.signed")
    text = text_of(response.content)
    for said in (
        "Sample Licence 1.0",
        "Researcher Name",
        "Sample Institute, its director",
        "with authority to bind it",
        grant.repo.full_name,
        "23 November 2026, 10:00:00 UTC",
        "The work is noncommercial",
        "No military use",
        f"Event in the record {event.sequence}",
        "§ 1. “Łódź”, ελληνικά, кириллица: you may study it.",
        "§ 59. “Łódź”",
    ):
        assert said in text
    for digest in (acceptance.text_sha256, event.hash):
        assert digest in text.replace(" ", "")
    attached = PdfReader(io.BytesIO(response.content)).attachments
    assert attached["LICENSE"][0] == TEXT.encode()
    record = json.loads(attached["signature.json"][0])
    assert record["event"] == {"number": event.sequence, "hash": event.hash}
    assert record["attestations"] == ["no_military", "noncommercial"]


@pytest.mark.parametrize(
    "name", ["Łukasz Żółć", "李小龙", "さとう 花子", "김철수", "Ελένη Кузнецова"]
)
def test_names_in_other_scripts_are_written_out(client, signed, caplog, name):
    grant = signed(name)
    with caplog.at_level("WARNING", logger="fpdf"):
        pdf = fetch(client, grant.person, grant.acceptance).content
    # pypdf splits the two bytes of a letter in a CFF font and leaves the first
    assert name.replace(" ", "") in text_of(pdf).replace(" ", "").replace("\0", "")
    assert "missing the following glyphs" not in caplog.text


def test_a_name_that_no_font_has_is_still_in_the_document(client, signed):
    name = "नमस्ते \N{DROMEDARY CAMEL}"
    grant = signed(name)
    pdf = fetch(client, grant.person, grant.acceptance).content
    record = json.loads(PdfReader(io.BytesIO(pdf)).attachments["signature.json"][0])
    assert record["signed_by"] == name


def test_anybody_can_verify_it_and_sees_a_change(client, signed):
    grant = signed()
    pdf = fetch(client, grant.person, grant.acceptance).content
    client.logout()
    response = client.get("/record/signing-certificate.pem")
    assert response.status_code == 200
    assert b"PRIVATE" not in response.content
    status = verified(pdf, response.content)
    assert status.bottom_line
    assert status.coverage.name == "ENTIRE_FILE"
    at = pdf.index(b"endobj") - 5
    altered = pdf[:at] + bytes([pdf[at] ^ 1]) + pdf[at + 1 :]
    assert not verified(altered, response.content).intact


def test_it_is_made_anew_the_same(signed):
    grant = signed("李小龙")
    certificate = read_certificate(grant.person, grant.acceptance_id)
    assert draw(_document(certificate)) == draw(_document(certificate))


def owner_of(repo):
    return repo.namespace.roles.exclude(user__is_superuser=True).get().user


def test_the_team_of_what_it_was_signed_for_may_have_it(client):
    repo = make_repo()
    acceptance = make_request(repo).submissions.get().acceptance
    assert repo.full_name in text_of(fetch(client, make_reviewer(repo), acceptance).content)
    strangers = (make_user(), make_reviewer(make_repo()), owner_of(repo), make_user(superuser=True))
    for person in strangers:
        assert fetch(client, person, acceptance).status_code == 404
        with pytest.raises(SignatureNotFound):
            read_certificate(person, acceptance.pk)
    client.logout()
    assert client.get(f"/signatures/{acceptance.pk}/certificate.pdf").status_code == 302


def test_an_owner_reads_the_signatures_of_the_cases_they_may_read(signed):
    case = make_request(make_repo())
    acceptance = case.submissions.get().acceptance
    AccessRequest.objects.filter(pk=case.pk).update(escalation_level=2, escalated_at=LONG_AGO)
    for owner in (owner_of(case.repo), make_user(superuser=True)):
        assert read_certificate(owner, acceptance.pk).repos == [case.repo.full_name]
    at_the_gate = signed()
    for owner in (owner_of(at_the_gate.repo), make_user(superuser=True)):
        certificate = read_certificate(owner, at_the_gate.acceptance_id)
        assert certificate.repos == [at_the_gate.repo.full_name]


def test_one_that_does_not_exist_is_not_found(client):
    client.force_login(make_user())
    for number in ("0", "999999999999999999999999"):
        assert client.get(f"/signatures/{number}/certificate.pdf").status_code == 404


def test_the_list_shows_ones_own(client, signed):
    grant, other = signed(), signed("Somebody Else")
    client.force_login(grant.person)
    page = client.get("/signatures").text
    assert f"/signatures/{grant.acceptance_id}/certificate.pdf" in page
    assert f"/signatures/{other.acceptance_id}/" not in page
    client.force_login(make_user())
    assert "You haven’t signed anything yet" in client.get("/signatures").text


def test_a_long_list_has_pages_and_few_queries(
    client, licence, signed, now, django_assert_max_num_queries
):
    person = make_user()
    for _ in range(22):
        repo = make_repo(gate="licence", licence=licence)
        signature = make_signature(person, repo, now=now)
        sign_for_grant(person=person, repo_id=repo.pk, signature=signature, now=now)
    client.force_login(person)
    with django_assert_max_num_queries(10):
        page = client.get("/signatures").text
    assert page.count("certificate.pdf") == 20
    assert client.get("/signatures?page=2").text.count("certificate.pdf") == 2


def test_the_request_page_links_to_it(client):
    request = make_request(make_repo())
    client.force_login(request.applicant)
    acceptance = request.submissions.get().acceptance_id
    assert f"/signatures/{acceptance}/certificate.pdf" in client.get(f"/requests/{request.pk}").text


class TestKey:
    @pytest.fixture
    def own(self, settings, tmp_path):
        settings.VAR = tmp_path / "var"
        settings.SIGNING_KEY_FILE = settings.VAR / "signing" / "key.pem"
        settings.SIGNING_CERT_FILE = settings.VAR / "signing" / "certificate.pem"
        return settings

    def test_it_is_made_once_and_only_its_owner_can_read_it(self, own):
        first = certificate_pem()
        assert certificate_pem() == first
        assert own.SIGNING_KEY_FILE.stat().st_mode & 0o777 == 0o600
        assert own.SIGNING_KEY_FILE.parent.stat().st_mode & 0o777 == 0o700
        assert [path.name for path in own.VAR.iterdir()] == ["signing"]
        certificate = x509.load_pem_x509_certificate(first)
        assert certificate.public_key().key_size >= 3072
        assert certificate.not_valid_after_utc > datetime(2040, 1, 1, tzinfo=UTC)

    def test_a_key_that_was_named_is_never_made(self, own, client):
        own.SIGNING_KEY_FILE = own.VAR / "elsewhere.pem"
        with pytest.raises(NoSigningKey):
            sign_pdf(b"", reason="")
        response = client.get("/record/signing-certificate.pem")
        assert response.status_code == 503
        assert not own.SIGNING_KEY_FILE.exists()
