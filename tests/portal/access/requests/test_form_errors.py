"""A service's errors stand beside the fields of a page, whatever the page calls them."""

from __future__ import annotations

import pytest

from portal.access.gate.forms import QuestionForm, SeatForm
from portal.access.grants.forms import NoticeForm
from portal.access.holds.forms import HoldForm
from portal.access.requests.form.forms import SignatureForm, YouForm
from portal.access.review.forms import ApproveForm, NoteForm
from portal.catalog.models import ModelRepo
from portal.forms.fields import field_of
from tests.factories.catalog import make_licence, make_repo

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("form", "argument", "field"),
    [
        (ApproveForm, "conditions.files", "only_files"),
        (ApproveForm, "conditions.max_members", "max_members"),
        (ApproveForm, "expires_at", "until"),
        (ApproveForm, "modes", "modes"),
        (ApproveForm, "reason", None),
        (NoteForm, "text", "note"),
        (NoticeForm, "ends_at", "ends_on"),
        (YouForm, "changes.name", "name"),
    ],
)
def test_a_page_shows_an_argument_at_its_own_field(form, argument, field):
    assert field_of(form(repo=make_repo()), argument) == field


def test_pages_of_no_repo_do_too():
    assert field_of(SeatForm(), "user_id") == "person"
    hold = HoldForm(repos=ModelRepo.objects.none(), everywhere=True)
    fields = [field_of(hold, argument) for argument in ("subject_id", "repo_id")]
    assert fields == ["subject", "repo"]
    question = QuestionForm(repo=make_repo(), earlier=())
    assert field_of(question, "fields.2.type") == "kind"
    assert field_of(question, "fields-1-label") is None


def test_a_signature_shows_each_confirmation_at_its_own_box():
    form = SignatureForm(version=make_licence())
    assert field_of(form, "signature.typed_name") == "typed_name"
    assert field_of(form, "signature.attestations.noncommercial") == "attest_noncommercial"
