"""The lab's own questions: checked, versioned, asked of drafts, kept with what was submitted."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from portal.access.applicant.submission import submit_request
from portal.access.gate.question_versions import save_request_form
from portal.access.models import AccessRequest, RequestForm
from portal.access.requests.drafts import save_draft
from portal.access.requests.form.answers import readable_answers
from portal.audit.models import AuditEvent
from portal.catalog.models import TeamMember
from portal.errors import Conflict, FieldErrors, Forbidden
from tests.factories.access import make_draft, make_request, make_signature
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo():
    return make_repo()


@pytest.fixture
def head(repo):
    return make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR)


def asked(name: str = "q_funded", **changed: Any) -> dict[str, Any]:
    field = {"name": name, "type": "yes_no", "label": "Is it funded?", "step": "research"}
    return field | changed


FUNDER = asked(
    "q_funder",
    type="text",
    label="By whom?",
    shown_if={"field": "q_funded", "equals": "yes"},
)


def save(actor, repo, now, *fields, **more):
    return save_request_form(actor=actor, repo_id=repo.pk, fields=fields, now=now, **more)


def submit(draft: AccessRequest, now):
    return submit_request(
        applicant=draft.applicant,
        request_id=draft.pk,
        signatures=[make_signature(draft.applicant, draft.repo, now=now)],
        now=now,
    )


class TestSaving:
    def test_each_change_is_a_version_and_the_same_is_none(self, repo, head, now):
        first = save(head, repo, now, asked())
        assert save(head, repo, now, asked()) == first
        second = save(head, repo, now, asked(), FUNDER)
        assert (first.version, second.version) == (1, 2)
        events = AuditEvent.objects.filter(type="repo.request_form_saved")
        assert [event.data["version"] for event in events.order_by("sequence")] == [1, 2]
        assert save(head, repo, now).fields == []

    def test_no_questions_from_the_start_make_no_version(self, repo, head, now):
        assert save(head, repo, now) is None

    def test_only_administrators_may(self, repo, now):
        for person in (make_reviewer(repo), make_user()):
            with pytest.raises(Forbidden):
                save(person, repo, now, asked())

    def test_over_a_newer_version_it_is_a_conflict(self, repo, head, now):
        save(head, repo, now, asked())
        with pytest.raises(Conflict):
            save(head, repo, now, over=0)

    @pytest.mark.parametrize(
        ("field", "part"),
        [
            (asked("purpose"), "name"),
            (asked("Q One"), "name"),
            (asked("signature"), "name"),
            (asked(label=" "), "label"),
            (asked(label="x" * 201), "label"),
            (asked(step="licence"), "step"),
            (asked(type="essay"), "type"),
            (asked(type="choice"), "choices"),
            (asked(type="choice", choices=["one"]), "choices"),
            (asked(type="choices", choices=["a", "a"]), "choices"),
            (asked(choices=["a", "b"]), "choices"),
            (asked(shown_if={"field": "q_later", "equals": "yes"}), "shown_if"),
            (asked(shown_if={"field": "sector", "equals": "pirates"}), "shown_if"),
            (asked(shown_if={"field": "purpose", "equals": "x"}), "shown_if"),
            (asked(shown_if={"field": "modes", "equals": "download"}), "shown_if"),
        ],
    )
    def test_what_is_wrong_is_named_with_its_question(self, repo, head, now, field, part):
        with pytest.raises(FieldErrors) as refused:
            save(head, repo, now, field)
        assert list(refused.value.errors) == [f"fields.0.{part}"]
        assert "Question 1" in refused.value.message
        assert not RequestForm.objects.exists()

    def test_one_name_once(self, repo, head, now):
        with pytest.raises(FieldErrors) as refused:
            save(head, repo, now, asked(), asked())
        assert list(refused.value.errors) == ["fields.1.name"]

    def test_a_question_may_not_come_before_what_it_hangs_on(self, repo, head, now):
        with pytest.raises(FieldErrors) as refused:
            save(head, repo, now, FUNDER, asked())
        assert "earlier question" in refused.value.errors["fields.0.shown_if"]


class TestSubmitting:
    @pytest.fixture
    def form(self, repo, head, now):
        return save(head, repo, now, asked(), FUNDER)

    def test_what_is_asked_must_be_answered(self, repo, form, now):
        draft = make_draft(repo, make_user(), q_funded="yes")
        with pytest.raises(FieldErrors) as refused:
            submit(draft, now)
        assert list(refused.value.errors) == ["answers.q_funder"]

    def test_what_is_hidden_is_neither_required_nor_kept(self, repo, form, now):
        request = make_request(repo, now=now, q_funded="no", q_funder="Left from before")
        snapshot = request.submissions.get()
        assert snapshot.form == form
        assert "q_funder" not in snapshot.answers
        assert snapshot.answers["q_funded"] == "no"

    def test_a_draft_is_asked_the_newest_and_a_snapshot_keeps_its_own(self, repo, head, form, now):
        request = make_request(repo, now=now, q_funded="yes", q_funder="The state")
        save(head, repo, now, asked(label="Is money involved?"), asked("q_new", label="New?"))
        snapshot = request.submissions.get()
        rows = {
            row.label: row.text for row in readable_answers(snapshot.answers, form=snapshot.form)
        }
        assert rows["Is it funded?"] == "Yes"
        assert rows["By whom?"] == "The state"
        with pytest.raises(FieldErrors) as refused:
            submit(make_draft(repo, make_user(), q_funded="no"), now)
        assert list(refused.value.errors) == ["answers.q_new"]

    def test_an_answer_of_another_kind_is_refused_and_not_a_fault(self, repo, form, now):
        draft = make_draft(repo, make_user(), q_funded=["yes"])
        with pytest.raises(FieldErrors):
            submit(draft, now)


class TestAsking:
    """The applicant's pages, by plain posts."""

    @pytest.fixture
    def draft(self, repo, head, now, client):
        elsewhere = asked(
            "q_lab",
            type="text",
            label="Which lab?",
            step="access",
            shown_if={"field": "sector", "equals": "academia"},
        )
        third = asked("q_terms", type="text", label="Its terms?", shown_if=FUNDER["shown_if"])
        save(head, repo, now, asked(), FUNDER, third, elsewhere)
        draft = make_draft(repo, make_user())
        client.force_login(draft.applicant)
        return draft

    def url(self, draft, step):
        return reverse("access:form", args=[draft.pk, step])

    def test_a_choice_reveals_one_and_the_server_asks_the_rest(self, client, draft):
        page = client.get(self.url(draft, "research"))
        assert "By whom?" in page.text  # folded below its choice
        assert "Its terms?" not in page.text
        research = {"purpose": "x", "outputs": "y", "q_funded": "yes", "q_funder": "A state"}
        posted = research | {"asked": ["q_funded", "q_funder"]}
        again = client.post(self.url(draft, "research"), posted, follow=True)
        assert again.redirect_chain == [(self.url(draft, "research"), 302)]
        assert "Its terms?" in again.text
        assert "A state" in again.text
        short = client.post(
            self.url(draft, "research"),
            research | {"asked": ["q_funded", "q_funder", "q_terms"], "q_terms": ""},
        )
        assert short.status_code == 422
        assert "Fill in “Its terms?”" in short.text

    def test_what_is_folded_away_is_not_required(self, client, draft):
        posted = {"purpose": "x", "outputs": "y", "q_funded": "no", "q_funder": ""}
        sent = client.post(
            self.url(draft, "research"), posted | {"asked": ["q_funded", "q_funder"]}
        )
        assert sent.url == self.url(draft, "access")

    def test_a_question_hangs_on_an_answer_of_another_step(self, client, draft, now):
        assert "Which lab?" in client.get(self.url(draft, "access")).text
        save_draft(
            applicant=draft.applicant,
            request_id=draft.pk,
            answers={"sector": "government"},
            now=now,
        )
        assert "Which lab?" not in client.get(self.url(draft, "access")).text

    def test_the_check_page_names_what_is_missing(self, client, draft):
        page = client.post(self.url(draft, "check"), {"go": "yes"})
        assert page.status_code == 422
        assert "Choose an answer to “Is it funded?”" in page.text
        assert "Is it funded?" in client.get(self.url(draft, "check")).text


class TestBuilding:
    """The administrators' pages, by plain posts."""

    @pytest.fixture
    def builder(self, client, repo, head):
        client.force_login(head)
        return lambda name, *more: reverse(
            f"access:{name}", args=[repo.namespace.name, repo.name, *more]
        )

    def fields(self, repo) -> list[str]:
        return [field["label"] for field in RequestForm.objects.filter(repo=repo).last().fields]

    def add(self, client, builder, over, **changed):
        posted = {"label": "Is it funded?", "kind": "yes_no", "step": "research", "over": over}
        return client.post(builder("question", "new"), posted | changed)

    def test_questions_are_added_changed_moved_and_removed(self, client, repo, builder):
        self.add(client, builder, 0, required="on")
        second = {"label": "By whom?", "kind": "text", "shown_if": "q_is_it_funded=yes"}
        assert self.add(client, builder, 1, **second).status_code == 302
        page = client.get(builder("request_form")).text
        assert "Only if “Is it funded?” is Yes" in page
        assert "Version 2" in page
        refused = client.post(
            builder("question_arrange", "q_by_whom"), {"act": "up", "over": 2}, follow=True
        )
        assert "earlier question" in refused.text
        changed = {"label": "Paid for?", "kind": "yes_no", "step": "research", "over": 2}
        client.post(builder("question", "q_is_it_funded"), changed)
        assert self.fields(repo) == ["Paid for?", "By whom?"]
        client.post(builder("question_arrange", "q_by_whom"), {"act": "remove", "over": 3})
        assert self.fields(repo) == ["Paid for?"]
        assert RequestForm.objects.count() == 4

    def test_errors_stand_beside_their_fields(self, client, builder):
        wrong = self.add(client, builder, 0, kind="choice", choices="only one")
        assert wrong.status_code == 422
        assert "give 2 to 30 answers" in wrong.text
        assert self.add(client, builder, 0, label="").status_code == 422

    def test_over_somebody_elses_change_it_stops(self, client, repo, head, builder, now):
        save(head, repo, now, asked())
        assert self.add(client, builder, 0).status_code == 409

    def test_two_questions_of_the_same_words_get_names_of_their_own(self, client, repo, builder):
        self.add(client, builder, 0)
        self.add(client, builder, 1)
        names = [field["name"] for field in RequestForm.objects.last().fields]
        assert names == ["q_is_it_funded", "q_is_it_funded_2"]
