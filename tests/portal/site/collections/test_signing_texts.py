"""The step of a request that shows every text of its models, each with a signature of its own."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.access.models import Acceptance, AccessRequest, Grant
from portal.access.requests.texts_to_sign import texts_to_sign
from tests.factories.access import make_draft, make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_reviewer
from tests.factories.collections import make_family_of_two_licences
from tests.factories.reviews import approve

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(client):
    person = make_user()
    client.force_login(person)
    return person


def boxes(draft, **changed):
    """Return the fields of every signature as the page names them."""
    posted = {}
    for text in texts_to_sign(draft, timezone.now()):
        fields = {
            "text_sha256": text.version.sha256,
            "typed_name": draft.applicant.display_name,
            "capacity": "person",
            **{f"attest_{attestation['code']}": "on" for attestation in text.version.attestations},
            **changed.get(text.version.licence.slug, {}),
        }
        prefix = f"licence{text.version.licence_id}"
        posted |= {f"{prefix}-{name}": value for name, value in fields.items()}
    return posted


def test_each_text_is_shown_once_and_signed_in_one_step(client, person):
    _, repos = make_family_of_two_licences(second="licence")
    draft = make_draft(repos[0], person, now=timezone.now())
    step = reverse("access:form", args=[draft.pk, "licence"])
    page = client.get(step).text
    assert "2 texts to sign" in page
    assert page.count("Type your full name") == 2
    assert page.count("Small Models Licence 1</h2>") == 1
    assert f"opens {repos[1].full_name} (download and hosted inference)" in page

    answered = client.post(step, boxes(draft))
    assert answered["Location"] == reverse("access:form", args=[draft.pk, "check"])
    check = client.get(answered["Location"]).text
    assert check.count("signed as") == 2
    client.post(answered["Location"])
    assert AccessRequest.objects.get().state == AccessRequest.State.IN_REVIEW
    assert Acceptance.objects.filter(person=person).count() == 2
    shown = client.get(reverse("access:request", args=[draft.pk])).text
    assert shown.count("Signed PDF") == 2


def test_a_box_that_lacks_something_is_named_and_nothing_is_signed(client, person):
    _, repos = make_family_of_two_licences()
    draft = make_draft(repos[0], person, now=timezone.now())
    step = reverse("access:form", args=[draft.pk, "licence"])
    answered = client.post(step, boxes(draft, **{"small-models": {"typed_name": "Somebody"}}))
    assert answered.status_code == 422
    assert answered.text.count("Type your full name as in your profile") >= 1
    draft.refresh_from_db()
    assert "signature" not in draft.draft


def test_the_case_and_the_request_show_every_grant_and_text(client, person):
    _, repos = make_family_of_two_licences()
    access_request = make_request(repos[0], person, now=timezone.now())
    reviewer = make_reviewer(access_request.repo)
    approve(access_request, reviewer, timezone.now(), is_undoable=False)
    page = client.get(reverse("access:request", args=[access_request.pk])).text
    for grant in Grant.objects.all():
        assert reverse("access:grant", args=[grant.pk]) in page
    client.force_login(reviewer)
    case = client.get(reverse("access:case", args=[access_request.pk])).text
    assert "Small Models Licence 1" in case
    assert case.count("<dt>Models</dt>") == 2


def test_a_program_reads_the_texts_and_signs_each(client, person):
    _, repos = make_family_of_two_licences()
    draft = make_draft(repos[0], person, now=timezone.now())
    address = f"/api/v1/requests/{draft.pk}"
    licences = client.get(f"{address}/").json()["licences"]
    assert [text["models"] for text in licences] == [
        [repos[1].full_name, repos[2].full_name],
        [repos[0].full_name],
    ]

    def submit(**body):
        return client.post(f"{address}/submit/", body, content_type="application/json")

    signatures = [
        {
            "text_sha256": text["sha256"],
            "typed_name": person.display_name,
            "attestations": [attestation["code"] for attestation in text["attestations"]],
        }
        for text in licences
    ]
    one = submit(signature=signatures[0])
    assert (one.status_code, one.json()["error"]["code"]) == (400, "not_signed")
    wrong = submit(signatures=[signatures[0], {**signatures[1], "typed_name": "Somebody"}])
    assert list(wrong.json()["error"]["fields"]) == ["signatures.1.typed_name"]
    both = submit(signature=signatures[0], signatures=signatures)
    assert list(both.json()["error"]["fields"]) == ["signature"]
    sent = submit(signatures=signatures)
    assert (sent.status_code, sent.json()["state"]) == (200, "in_review")
    assert sent.json()["licences"] == []
