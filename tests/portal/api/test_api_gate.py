"""The gate’s administration, one’s affiliations and letters, licences and the record."""

from __future__ import annotations

import pytest
from django.utils import timezone

from portal.accounts.models import Scope
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from tests.factories.access import make_request
from tests.factories.accounts import make_user
from tests.factories.affiliations import make_organization
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import make_administrator
from tests.portal.api.api_calls import by_token, fields_of, in_session, signature

pytestmark = pytest.mark.django_db
QUESTION = {
    "name": "storage",
    "type": "text",
    "label": "Where will the weights be stored?",
    "step": "access",
}


def test_settings_change_singly_and_never_past_the_team():
    repo = make_repo()
    api, path = by_token(make_administrator(repo), Scope.ADMIN), f"models/{repo.full_name}/gate"
    assert api.patch(path, member_cap=7).json()["member_cap"] == 7
    assert api.get(path).json()["quorum"] == 1
    assert fields_of(api.patch(path, quorum=9)) == {"quorum"}
    assert fields_of(api.patch(path, question_days=1)) == {"question_days"}
    assert fields_of(api.patch(path, colour=1)) == {"colour"}
    assert AuditEvent.objects.filter(type=EventType.GATE_CONFIGURED).count() == 1


def test_quotas_have_defaults_and_bounds_that_fit_each_other(settings):
    settings.DAILY_TOKENS = 1000
    repo = make_repo()
    api, path = by_token(make_administrator(repo), Scope.ADMIN), f"models/{repo.full_name}/gate"
    changed = {"tokens_per_day": 500, "most_tokens_per_day": 800, "context_tokens": 64}
    assert changed.items() <= api.patch(path, **changed).json().items()
    assert (
        changed.items()
        <= AuditEvent.objects.get(type=EventType.GATE_CONFIGURED).data["changed"].items()
    )
    assert fields_of(api.patch(path, most_tokens_per_day=499)) == {"most_tokens_per_day"}
    assert fields_of(api.patch(path, tokens_per_day=0)) == {"most_tokens_per_day"}
    assert fields_of(api.patch(path, context_tokens=0, most_context_tokens=9)) == {
        "most_context_tokens"
    }
    assert fields_of(api.patch(path, concurrent_jobs=1001)) == {"concurrent_jobs"}
    assert fields_of(api.patch(path, context_tokens=-1)) == {"context_tokens"}
    assert api.get(path).json()["tokens_per_day"] == 500


def test_questions_are_versions_and_a_stale_change_is_told():
    repo = make_repo()
    api, path = by_token(make_administrator(repo), Scope.ADMIN), f"models/{repo.full_name}/forms"
    assert api.post(path, questions=[QUESTION], over=0).json()["version"] == 1
    assert api.post(path, questions=[QUESTION]).json()["version"] == 1
    assert api.post(path, questions=[], over=0).status_code == 409
    assert fields_of(api.post(path, questions=[{**QUESTION, "name": "No name"}])) == {
        "questions.0.name"
    }
    assert fields_of(api.post(path, questions=[{**QUESTION, "odd": 1}])) == {"questions.0.odd"}
    (form,) = api.get(path).json()["results"]
    assert form["questions"][0]["label"] == QUESTION["label"]


def test_seats_are_given_and_taken():
    repo, person = make_repo(), make_user()
    api, path = by_token(make_administrator(repo), Scope.ADMIN), f"models/{repo.full_name}/team"
    assert fields_of(api.put(path, person="nobody-here", role="reviewer")) == {"person"}
    assert api.put(path, person=person.username, role="reviewer").json()["role"] == "reviewer"
    assert api.get(path).json()["count"] == 2
    assert api.delete(f"{path}/{person.username}").status_code == 204
    assert api.get(path).json()["count"] == 1


def test_the_lists_are_kept_by_operators():
    api = by_token(make_user(superuser=True), Scope.ADMIN)
    assert fields_of(api.post("screening", kind="country", value="Atlantis")) == {"value"}
    entry = api.post("screening", kind="domain", value="Example.org").json()
    assert api.post("screening", kind="domain", value="example.org").json()["id"] == entry["id"]
    tried = api.post("screening/import", lines="domain,a.example,\nodd,b,", dry_run=True).json()
    assert (tried["new"], [wrong["line"] for wrong in tried["wrong"]]) == (1, [2])
    assert api.get("screening", kind="domain").json()["count"] == 1
    assert api.delete(f"screening/{entry['id']}").status_code == 204
    assert api.get("screening").json()["count"] == 0


def test_a_teams_words_are_previewed_kept_and_reset():
    repo = make_repo()
    api = by_token(make_administrator(repo), Scope.ADMIN)
    path = f"models/{repo.full_name}/letters/approval"
    words = {"subject": "Open", "text": "You have {repo} until {until}."}
    assert "lab/model" in api.post(f"{path}/preview", **words).json()["text"]
    assert fields_of(api.put(path, subject="Open", text="{odd}")) == {"text"}
    assert api.put(path, **words).json()["is_edited"] is True
    assert api.delete(path).json()["is_edited"] is False
    assert api.get(f"models/{repo.full_name}/letters/odd").status_code == 404


def test_exports_are_named_with_their_addresses():
    repo = make_repo()
    api = by_token(make_administrator(repo), Scope.ADMIN)
    rows = api.get(f"models/{repo.full_name}/exports").json()["results"]
    assert "grants" in {row["rows"] for row in rows}
    assert all(row["urls"]["csv"].endswith(".csv") for row in rows)


def test_organizations_are_found_and_a_reference_is_asked():
    make_organization("university.example", name="Example University")
    api = in_session(make_user())
    (found,) = api.get("organizations", q="example u").json()["results"]
    assert found["name"] == "Example University"
    assert fields_of(api.get("organizations", q="e")) == {"q"}
    body = {"organization": "Example University", "name": "Head", "relation": "Leads the group"}
    assert fields_of(api.post("references", **body, email="nobody")) == {"email"}
    reference = api.post("references", **body, email="head@elsewhere.example")
    assert reference.status_code == 201
    path = f"references/{reference.json()['id']}"
    assert in_session(make_user()).post(f"{path}/cancel").status_code == 404
    assert api.post(f"{path}/resend").status_code == 409
    assert api.post(f"{path}/cancel").json()["cancelled_at"]


def test_signatures_letters_and_licences_are_ones_own_to_read():
    repo = make_repo()
    case = make_request(repo)
    api = by_token(case.applicant, Scope.DOWNLOAD)
    (signed,) = api.get("signatures").json()["results"]
    assert signed["certificate_url"].endswith(f"/signatures/{signed['id']}/certificate.pdf")
    shown = api.get(f"signatures/{signed['id']}").json()
    record = {"sequence": shown["event_sequence"], "hash": shown["event_hash"]}
    assert api.get("record/verify", **record).json()["matches"] is True
    assert api.get("record/verify", sequence=1, hash="0" * 64).json()["matches"] is False
    letter = api.get("letters").json()["results"][0]
    session = in_session(case.applicant)
    assert session.post(f"letters/{letter['id']}/read").json()["read_at"]
    stranger = in_session(make_reviewer(make_repo()))
    assert stranger.get(f"letters/{letter['id']}").status_code == 404
    licence = api.get(f"models/{repo.full_name}/licence").json()
    assert licence["sha256"] == signed["text_sha256"]
    changes = api.get(f"licences/{licence['licence']}/1.0/changes/1.0").json()
    assert changes["changes"] == []


def test_a_text_is_published_once_and_by_a_token_for_all_models_alone():
    operator, repo = make_user(superuser=True), make_repo()
    text = {
        "slug": "research",
        "name": "Research",
        "version": "1.0",
        "kind": "material",
        "text": "Study it.",
        "attribution": "Research Licence.",
        "terms": {},
    }
    narrowed = by_token(operator, Scope.PUBLISH, repo_ids=[repo.pk])
    assert narrowed.post("licences", **text).status_code == 403
    api = by_token(operator, Scope.PUBLISH)
    assert api.post("licences", **text).status_code == 201
    assert api.post("licences", **text).status_code == 201
    assert api.post("licences", **{**text, "text": "Other."}).status_code == 409
    assert api.get("licences/research").json()["count"] == 1


def test_on_the_licence_gate_signing_opens_the_model_once():
    repo, person = make_repo(gate="licence"), make_user()
    api = in_session(person)
    signed = {"signature": signature(repo, person)}
    first = api.post(f"models/{repo.full_name}/sign", **signed).json()
    assert api.post(f"models/{repo.full_name}/sign", **signed).json()["id"] == first["id"]
    assert api.get(f"models/{repo.full_name}").json()["download"]["allowed"] is True
    now = timezone.now().isoformat()
    assert first["starts_at"] <= now
