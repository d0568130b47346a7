"""The page of a case: evidence, votes, the ways to act, and the undo."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from portal.access.letters.mailer import scope_of
from portal.access.models import Acceptance, AccessRequest, Assignment, Note, Review, Screening
from portal.access.review.assignment import claim_request
from portal.access.review.notes import declare_conflict
from portal.catalog.models import TeamMember
from portal.outbox.models import LetterTemplate
from tests.factories.access import make_request
from tests.factories.affiliations import make_member, make_organization
from tests.factories.catalog import make_repo, make_reviewer, make_revision
from tests.factories.grants import make_gate, make_hold
from tests.factories.reviews import approve, decline, escalate, owner_of

pytestmark = pytest.mark.django_db
MOST_QUERIES = 49  # each is about a millisecond of the page’s time


@pytest.fixture
def page(client, reviewer):
    client.force_login(reviewer)
    return client


def url(name: str, case: AccessRequest) -> str:
    return reverse(f"access:{name}", args=[case.pk])


def approval(**more) -> dict[str, object]:
    until = (timezone.now() + timedelta(days=365)).date().isoformat()
    return {"modes": ["download"], "until": until, **more}


def test_what_is_proved_stands_apart_from_what_is_said(client, now):
    make_organization("institute.example", name="Proved Institute")
    person, _ = make_member("institute.example", now=now)
    case = make_request(make_repo(), person, now=now, organization="Said Institute")
    client.force_login(make_reviewer(case.repo))
    text = client.get(url("case", case)).text
    proved, said = text.split("Only said", 1)
    assert "Works at Proved Institute" in proved
    assert "Said Institute" in said.split("</section>")[0]


def test_a_screening_without_a_hit_stands_with_what_is_proved(page, case):
    proved = page.get(url("case", case)).text.split("Only said")[0]
    assert "Screened, without a hit" in proved
    Screening.objects.update(outcome="hit", hits=[{"found": "A", "value": "B"}])
    text = page.get(url("case", case)).text
    assert "Screened, " not in text.split("Only said")[0]
    assert "not: organization, country and sector, screening" in " ".join(text.split())


def test_the_age_of_the_account_is_no_proof(page, case):
    before, rest = page.get(url("case", case)).text.split("Only said")
    assert "account" not in before.split('id="h-ev"')[1]
    assert f"The account {case.applicant.username} is" in rest


def test_statements_that_were_confirmed_fold_into_one_line(page, case):
    confirmed = case.submissions.get().acceptance.licence_version.attestations
    text = " ".join(page.get(url("case", case)).text.split())
    line = f"{len(confirmed)} of {len(confirmed)} statements confirmed, one by one"
    assert f"<details> <summary>{line}</summary>" in text
    Acceptance.objects.update(attestations=[])
    text = " ".join(page.get(url("case", case)).text.split())
    assert f"<strong>Not confirmed:</strong> {confirmed[0]['text']}" in text


def test_addresses_in_answers_are_links_that_tell_nothing(client, now):
    case = make_request(make_repo(), now=now, purpose="See http://a.example/x?y=1&z, (or <b>).")
    client.force_login(make_reviewer(case.repo))
    text = client.get(url("case", case)).text
    rel = 'rel="noopener noreferrer nofollow ugc" target="_blank"'
    address = "http://a.example/x?y=1&amp;z"
    assert f'See <a href="{address}" {rel}>{address}</a>, (or &lt;b&gt;).' in text


def test_a_case_costs_few_queries(page, case):
    page.get(url("case", case))
    with CaptureQueriesContext(connection) as captured:
        page.get(url("case", case))
    assert len(captured) <= MOST_QUERIES


def test_flags_and_the_organizations_record(page, case, reviewer, now):
    organization = make_organization("institute.example", name="Known Institute")
    earlier = make_request(case.repo, now=now)
    decline(earlier, reviewer, now)
    make_hold(case.applicant, case.repo, now=now)
    AccessRequest.objects.update(organization=organization)
    text = page.get(url("case", case)).text
    assert "A hold stands" in text
    assert "<bdi>Known Institute</bdi>: 0 approved, 1 declined" in text
    assert url("case", earlier) in text


def test_a_hidden_vote_shows_nowhere_on_the_page(page, case, now):
    make_gate(case.repo, quorum=2)
    colleague = make_reviewer(case.repo)
    approve(case, colleague, now)
    text = page.get(url("case", case)).text
    assert "1 cast; you see them once you have cast yours" in text
    assert colleague.name not in text
    assert "voted" not in text
    page.post(url("decline", case), {"reason_code": "commercial", "reason_text": "A product."})
    text = page.get(url("case", case)).text
    assert f"<bdi>{colleague.name}</bdi>: approved" in text


def test_a_vote_says_how_many_more_are_needed(page, case):
    make_gate(case.repo, quorum=2)
    response = page.post(url("approve", case), approval(), follow=True)
    assert "one more vote is needed" in response.text
    assert Review.objects.count() == 1


def test_a_condition_is_kept_and_an_impossible_one_is_told(page, case):
    for beyond in ("5000", "-3"):
        response = page.post(url("approve", case), approval(max_members=beyond))
        assert response.status_code == 422
        assert "Members: give a number, 0 to 1000." in response.text
    page.post(url("approve", case), approval(only_files="*.json\nconfig/*", no_logits="on"))
    conditions = Review.objects.get().conditions
    assert conditions == {"no_logits": True, "files": ["*.json", "config/*"]}


def test_files_that_the_model_does_not_have_are_refused_beside_their_field(page, case, tmp_path):
    make_revision(case.repo, tmp_path / "files")
    posted = approval(only_files="config.json\nnosuchfile.bin\n*.gguf")
    response = page.post(url("approve", case), posted)
    assert response.status_code == 422
    said = "No file of this model is called nosuchfile.bin, *.gguf; write a name"
    assert said in " ".join(response.context["approve_form"].errors["only_files"])
    assert not Review.objects.exists()
    page.post(url("approve", case), approval(only_files="config.json\n*.json"))
    assert Review.objects.get().conditions == {"files": ["config.json", "*.json"]}


def test_the_undo_waits_on_every_page_of_the_queue(page, case):
    page.post(url("approve", case), approval())
    assert f"{case.reference} approved." in page.get("/queue").text
    response = page.post(url("undo", case), follow=True)
    assert "no mail was sent" in response.text
    case.refresh_from_db()
    assert case.state == "in_review"
    assert "data-until" not in page.get("/queue").text


def test_too_late_to_undo_is_told(page, case, reviewer, now):
    approve(case, reviewer, now)
    response = page.post(url("undo", case))
    assert response.status_code == 409
    assert "has left" in response.text


def test_claimed_handed_back_and_held_by_another(page, case, reviewer, now):
    page.post(url("claim", case))
    assert "Claimed by you" in page.get(url("case", case)).text
    page.post(url("release", case))
    assert not Assignment.objects.filter(ended_at=None).exists()
    colleague = make_reviewer(case.repo)
    claim_request(reviewer=colleague, request_id=case.pk, now=now)
    response = page.post(url("claim", case))
    assert response.status_code == 409
    assert f"{colleague.name} has this case" in response.text


def test_a_note_and_an_empty_one(page, case):
    empty = page.post(url("note", case), {"note": " "})
    assert empty.status_code == 422
    assert empty.text.count('id="note-h"') == 1
    page.post(url("note", case), {"note": "Read with another."})
    assert Note.objects.get().text == "Read with another."


def test_with_a_conflict_there_is_nothing_to_decide_by(page, case, reviewer, now):
    declare_conflict(
        reviewer=reviewer, request_id=case.pk, has_conflict=True, statement="Kin.", now=now
    )
    text = page.get(url("case", case)).text
    assert "You declared a conflict of interest." in text
    assert 'popovertarget="approve"' not in text
    assert page.post(url("approve", case), approval()).status_code == 403


def test_with_a_conflict_the_extra_check_cant_be_cleared(client, case, now):
    AccessRequest.objects.filter(pk=case.pk).update(state="held")
    head = make_reviewer(case.repo, role="administrator")
    client.force_login(head)
    assert "Clear it and start" in client.get(url("dispose", case)).text
    declare_conflict(
        reviewer=head, request_id=case.pk, has_conflict=True, statement="Kin.", now=now
    )
    assert "Clear it and start" not in client.get(url("dispose", case)).text
    assert client.post(url("dispose", case), {"text": "Another person."}).status_code == 403


def test_the_owner_is_offered_to_decide_alone(client, case, now):
    make_gate(case.repo, quorum=2)
    owner = owner_of(escalate(case, now))
    client.force_login(owner)
    assert "Decide alone, as the owner" in client.get(url("case", case)).text
    client.post(url("approve", case), approval(is_override="on"))
    case.refresh_from_db()
    assert case.state == "approved"
    assert "The owner decided alone" in client.get(url("case", case)).text


def test_an_administrator_assigns_and_reopens(client, case, reviewer, now):
    client.force_login(make_reviewer(case.repo, role=TeamMember.Role.ADMINISTRATOR))
    client.post(url("assign", case), {"assignee": reviewer.pk})
    assert Assignment.objects.get().reviewer == reviewer
    decline(case, reviewer, now)
    assert client.post(url("reopen", case), {"reason": ""}).status_code == 422
    client.post(url("reopen", case), {"reason": "New facts."})
    case.refresh_from_db()
    assert case.state == "in_review"


@pytest.mark.parametrize("state", ["in_review", "held", "approved"])
def test_no_two_parts_of_a_case_share_an_id(client, case, now, state):
    """A label leads to the first of those that do, so the others have none."""
    administrator = make_reviewer(case.repo, role=TeamMember.Role.ADMINISTRATOR)
    if state == "approved":
        approve(case, administrator, now)
    AccessRequest.objects.filter(pk=case.pk).update(state=state)
    client.force_login(administrator)
    ids = re.findall(r' id="([^"]+)"', client.get(url("case", case)).text)
    assert sorted(set(ids)) == sorted(ids)


def test_an_approval_shows_the_letter_of_each_way_it_may_go(page, case):
    text = page.get(url("case", case)).text
    opened, offered = text.split("The letter without conditions")[1].split(
        "The letter with conditions: an offer to sign"
    )
    assert "Your access is open" in opened
    assert "Access is offered to you" not in opened
    assert "Access is offered to you" in offered
    assert "[the conditions that you choose]" in offered


def test_the_letter_that_would_leave_is_shown_before(page, case):
    text = page.get(url("case", case)).text
    assert "need to know one thing before we can decide" in text
    assert "[your question]" in text
    assert "It is sent after 10 minutes" in text
    LetterTemplate.objects.create(
        scope=scope_of(case.repo),
        kind="question",
        subject="One thing",
        paragraphs="Dear {applicant}: {question}",
        updated_by=case.applicant,
        updated_at=timezone.now(),
    )
    assert (
        f"Dear {case.applicant.display_name}: [your question]" in page.get(url("case", case)).text
    )


@pytest.mark.parametrize(
    ("minutes", "opens"),
    [
        (7, "7 minutes later, when it can’t be undone any more"),
        (1, "1 minute later, when it can’t be undone any more"),
        (0, "at once"),
    ],
)
def test_the_approval_says_when_the_access_opens(page, case, minutes, opens):
    make_gate(case.repo, undo_minutes=minutes)
    words = " ".join(page.get(url("case", case)).text.split())
    assert f"Without conditions the access opens {opens}, under" in words


@pytest.mark.parametrize(
    ("act", "typed"),
    [
        ("ask", {"text": "Which <data> do you use?"}),
        ("decline", {"reason_code": "other", "reason_text": "Which <data> do you use?"}),
    ],
)
def test_what_was_typed_on_a_page_that_is_stale_stays(page, case, reviewer, act, typed):
    decline(case, make_reviewer(case.repo), timezone.now())
    sent = page.post(url(act, case), typed)
    assert sent.status_code == 409
    assert "Nothing was changed." in sent.text
    assert case.reference in sent.text
    assert "readonly>Which &lt;data&gt; do you use?</textarea>" in sent.text
