"""The whole form is seen before and after a change, copied within a lab, and set by a command."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from portal.access.gate.question_versions import save_request_form
from portal.access.models import RequestForm
from portal.catalog.models import TeamMember
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.pages import as_shown

pytestmark = pytest.mark.django_db
FUNDED = {"name": "funded", "type": "yes_no", "label": "Is it funded?", "step": "research"}
FUNDER = {
    "name": "funder",
    "type": "text",
    "label": "By whom?",
    "step": "research",
    "shown_if": {"field": "funded", "equals": "yes"},
}
TERMS = {**FUNDER, "name": "terms", "label": "On what terms?"}
LAB = {
    "name": "which_lab",
    "type": "text",
    "label": "Which lab?",
    "step": "access",
    "shown_if": {"field": "sector", "equals": "academia"},
}


@pytest.fixture
def repo():
    return make_repo("opt")


@pytest.fixture
def head(repo):
    return make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR)


@pytest.fixture
def page(client, repo, head):
    client.force_login(head)
    return client


def ask(actor, repo, now, *questions):
    return save_request_form(actor=actor, repo_id=repo.pk, fields=questions, now=now)


def url(repo, name, *more):
    return reverse(f"access:{name}", args=[repo.namespace.name, repo.name, *more])


def test_each_question_is_shown_under_its_condition_in_words(page, repo, head, now):
    ask(head, repo, now, FUNDED, FUNDER, TERMS, LAB)
    shown = as_shown(page.get(url(repo, "request_form")).text)
    for label in ("Is it funded?", "By whom?", "On what terms?", "Which lab?"):
        assert 'for="preview-' in shown
        assert label in shown
    assert shown.count("Only if “Is it funded?” is Yes") == 4  # in the list, and in the preview
    assert "Only if “Sector” is Academia" in shown


def test_a_change_is_previewed_and_not_saved(page, repo, head, now):
    ask(head, repo, now, FUNDED)
    sent = {"label": "By whom?", "kind": "text", "step": "research", "over": 1, "act": "preview"}
    shown = as_shown(page.post(url(repo, "question", "new"), sent).text)
    assert "Nothing is saved yet" in shown
    assert 'value="preview" formaction="#pre"' in shown  # the browser opens the page there
    assert 'id="pre"' in shown
    assert '<span class="tag">new</span>' in shown
    changed = {**sent, "label": "Is it paid for?", "kind": "yes_no"}
    shown = as_shown(page.post(url(repo, "question", "funded"), changed).text)
    assert '<span class="tag">changed</span>' in shown
    assert RequestForm.objects.count() == 1
    refused = page.post(url(repo, "question", "new"), {**sent, "kind": "choice"})
    assert refused.status_code == 422


def test_questions_of_another_model_of_the_lab_are_copied(page, repo, head, now):
    operator = make_user(superuser=True)
    other = make_repo("other", namespace=repo.namespace)
    ask(operator, other, now, FUNDED, FUNDER)
    ask(head, repo, now, {**FUNDED, "label": "Paid for?"})
    assert "Questions of another model" not in page.get(url(repo, "request_form")).text
    make = {"over": 1, "source": "other"}
    assert "Choose the model" in page.post(url(repo, "form_copy"), make, follow=True).text
    page.force_login(operator)
    said = page.post(url(repo, "form_copy"), make, follow=True).text
    assert "Copied from other: 1 question" in said
    newest = RequestForm.objects.filter(repo=repo).last()
    assert [field["label"] for field in newest.fields] == ["Paid for?", "By whom?"]
    again = page.post(url(repo, "form_copy"), {**make, "over": 2}, follow=True).text
    assert "asks already" in again


class TestCommand:
    def run(self, *arguments):
        out = io.StringIO()
        call_command("request_form", *map(str, arguments), stdout=out)
        return out.getvalue()

    def test_what_is_shown_can_be_set_elsewhere(self, repo, head, now, tmp_path):
        ask(head, repo, now, FUNDED, FUNDER)
        file = tmp_path / "form.json"
        file.write_text(self.run("show", repo.full_name))
        other = make_repo("other")
        make_user("operator", superuser=True)
        tried = self.run("set", other.full_name, file, "--as=operator", "--dry-run")
        assert "nothing changed" in tried
        assert not RequestForm.objects.filter(repo=other).exists()
        self.run("set", other.full_name, file, "--as=operator")
        assert (
            RequestForm.objects.get(repo=other).fields == RequestForm.objects.get(repo=repo).fields
        )

    def test_a_file_that_is_not_there_is_said_to_be(self, repo, tmp_path):
        make_user("operator", superuser=True)
        with pytest.raises(CommandError, match=r"^There is no file .*none\.json\. Check its path"):
            self.run("set", repo.full_name, str(tmp_path / "none.json"), "--as=operator")
        with pytest.raises(CommandError, match="can’t be opened: Is a directory"):
            self.run("set", repo.full_name, str(tmp_path), "--as=operator")

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("{", "as JSON"),
            ('{"questions": 5}', "list of “questions”"),
            ("[5]", r"questions\.0: Write an object"),
            (json.dumps([{**FUNDED, "label": 5}]), r"questions\.0\.label: Write a text"),
            (json.dumps([{**FUNDED, "odd": 1}]), r"questions\.0\.odd: Leave it out"),
            (json.dumps([{**FUNDED, "type": "essay"}]), r"questions\.0\.type"),
            (json.dumps([FUNDER]), r"questions\.0\.shown_if"),
            (json.dumps([{**FUNDER, "shown_if": {"a": 1}}]), r"questions\.0\.shown_if"),
            (json.dumps([{"name": "x", "type": "text"}]), r"questions\.0\.label: Add it"),
        ],
    )
    def test_what_is_wrong_is_named(self, repo, tmp_path, content, said):
        make_user("operator", superuser=True)
        (tmp_path / "form.json").write_text(content)
        with pytest.raises(CommandError, match=said):
            self.run("set", repo.full_name, tmp_path / "form.json", "--as=operator")
        assert not RequestForm.objects.exists()
