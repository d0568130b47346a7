"""Two tabs of one request's form never undo each other's answers without a word."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest

from portal.access.requests.drafts import save_page
from portal.access.requests.form.page_changes import digests_in, digests_of, page_changes
from tests.factories.access import make_draft, make_request

pytestmark = pytest.mark.django_db
SEEN = re.compile(r'name="seen"\s+value="([^"]*)"')


@pytest.fixture
def draft(repo, applicant):
    return make_draft(repo, applicant)


@pytest.fixture
def page(client, applicant, draft):
    client.force_login(applicant)
    return f"/requests/{draft.pk}/form/research"


def shown(client, page: str) -> dict[str, str]:
    """Open a tab, and return what it would send back unchanged."""
    return {"step": "research", "seen": seen_in(client.get(page).text)}


def seen_in(html: str) -> str:
    match = SEEN.search(html)
    assert match, html
    return unescape(match[1])


def answers_of(draft, **changed: str) -> dict[str, str]:
    names = ("purpose", "outputs", "funding")
    return {name: draft.draft.get(name, "") for name in names} | changed


def test_an_answer_that_only_the_other_tab_changed_stays(client, page, draft):
    first, second = shown(client, page), shown(client, page)
    client.post(page, first | answers_of(draft, purpose="To study how models forget things."))
    client.post(page, second | answers_of(draft, outputs="A paper and its code, both public."))
    draft.refresh_from_db()
    assert draft.draft["purpose"] == "To study how models forget things."
    assert draft.draft["outputs"] == "A paper and its code, both public."


def test_an_answer_that_both_changed_is_replaced_and_the_other_is_shown(client, page, draft):
    first, second = shown(client, page), shown(client, page)
    client.post(page, first | answers_of(draft, purpose="To study how models forget."))
    posted = second | answers_of(draft, purpose="To measure bias in hiring.")
    answer = client.post(page, posted, follow=True)
    draft.refresh_from_db()
    assert draft.draft["purpose"] == "To measure bias in hiring."
    assert "The other one was: To study how models forget." in answer.text


def test_an_autosave_replaces_nothing_and_says_so(client, page, draft):
    first, second = shown(client, page), shown(client, page)
    client.post(page, first | answers_of(draft, purpose="To study how models forget."))
    autosave = f"/requests/{draft.pk}/autosave"
    answer = client.post(
        autosave, second | answers_of(draft, purpose="To measure"), HTTP_HX_REQUEST="true"
    )
    draft.refresh_from_db()
    assert draft.draft["purpose"] == "To study how models forget."
    assert "Changed in another tab as well" in answer.text


def test_what_another_tab_changed_meanwhile_is_not_taken_for_seen(client, page, draft):
    """A page that saves itself goes on showing its own answers, not those of another tab."""
    first, second = shown(client, page), shown(client, page)
    autosave = f"/requests/{draft.pk}/autosave"
    typed = answers_of(draft, purpose="To study how models forget.")
    first["seen"] = seen_in(client.post(autosave, first | typed).text)
    client.post(page, second | answers_of(draft, purpose="To measure bias in hiring."))
    typed["outputs"] = "A paper."
    first["seen"] = seen_in(client.post(autosave, first | typed).text)
    client.post(page, first | typed)
    draft.refresh_from_db()
    assert draft.draft["purpose"] == "To measure bias in hiring."
    assert draft.draft["outputs"] == "A paper."


def test_an_autosave_that_replaced_nothing_hides_no_clash(client, page, draft):
    first, second = shown(client, page), shown(client, page)
    client.post(page, first | answers_of(draft, purpose="To study how models forget."))
    typed = answers_of(draft, purpose="To measure bias in hiring.")
    second["seen"] = seen_in(client.post(f"/requests/{draft.pk}/autosave", second | typed).text)
    answer = client.post(page, second | typed, follow=True)
    assert "The other one was: To study how models forget." in answer.text


def test_an_older_tab_corrects_nothing_back(client, repo, applicant):
    case = make_request(repo, applicant)
    client.force_login(applicant)
    page = f"/requests/{case.pk}/correct"
    html = [client.get(page).text for _ in range(2)]
    before = dict(case.submissions.last().answers)
    client.post(page, before | {"seen": seen_in(html[0]), "purpose": "To study forgetting."})
    client.post(page, before | {"seen": seen_in(html[1]), "position": "Dean"})
    newest = case.submissions.order_by("number").last()
    assert newest.answers["purpose"] == "To study forgetting."
    assert newest.answers["position"] == "Dean"


def test_what_one_tab_saves_while_it_is_typed_clashes_with_nothing(client, page, draft):
    tab, autosave = shown(client, page), f"/requests/{draft.pk}/autosave"
    for typed in ("To", "To study", "To measure"):
        answer = client.post(autosave, tab | answers_of(draft, purpose=typed))
        assert "another tab" not in answer.text
        tab["seen"] = seen_in(answer.text)
    draft.refresh_from_db()
    assert draft.draft["purpose"] == "To measure"


def test_an_answer_that_goes_on_from_the_saved_one_is_no_clash(applicant, draft, now):
    seen = digests_of(draft.draft, ["purpose"])
    for typed in ("To study how", "To study how models forget"):  # both sent by a page as shown
        _, clashes = save_page(
            applicant=applicant,
            request_id=draft.pk,
            answers={"purpose": typed},
            seen=seen,
            replaces=False,
            now=now,
        )
        assert clashes == {}
    draft.refresh_from_db()
    assert draft.draft["purpose"] == "To study how models forget"


def test_the_two_ways_to_end_a_line_are_one_answer():
    seen = digests_of({"purpose": "One\nTwo", "modes": None}, ["purpose", "modes"])
    posted = {"purpose": "One\r\nTwo", "modes": []}
    assert page_changes(posted, seen=seen, draft={"purpose": "Other"}).answers == {}


@pytest.mark.parametrize("text", ["", "no json", "[1]", json.dumps("x"), "[" * 100_000])
def test_a_page_without_digests_saves_all_that_it_sends(text):
    changes = page_changes({"purpose": "x"}, seen=digests_in(text), draft={"purpose": "y"})
    assert (changes.answers, changes.clashes) == ({"purpose": "x"}, {})
