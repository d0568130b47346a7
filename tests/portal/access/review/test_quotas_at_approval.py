"""A reviewer names quotas of hosted use with a grant, within what the gate leaves to them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.access.grants.audit.check import check_grants
from portal.access.grants.quotas.fields import suggests_floor
from portal.access.models import Grant, Review
from portal.access.policy.policy import Action, may
from portal.access.policy.quotas import NUMBERS, Quotas
from portal.accounts.models import Scope
from portal.errors import FieldErrors
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_request
from tests.factories.catalog import make_reviewer
from tests.factories.grants import make_gate, make_renewal
from tests.factories.reviews import approve
from tests.portal.api.api_calls import SHORT, by_token, fields_of, in_session

pytestmark = pytest.mark.django_db
HOSTED = ["inference"]
DEFAULTS = {"tokens_per_day": "1000", "concurrent_jobs": "8"}


@pytest.fixture(autouse=True)
def everybodys(settings):
    settings.DAILY_TOKENS, settings.MAX_OPEN_JOBS = 1000, 8


@pytest.fixture
def page(client, reviewer):
    client.force_login(reviewer)
    return client


def approval(**more) -> dict[str, object]:
    until = (timezone.now() + timedelta(days=365)).date().isoformat()
    return {"modes": HOSTED, "until": until, **more}


def post(page, case, **fields):
    return page.post(reverse("access:approve", args=[case.pk]), approval(**fields))


def letter_to(person):
    letter = OutboxMessage.objects.get(kind="approval", recipient=person)
    return " ".join(letter.text.split())


class TestBounds:
    def test_without_a_bound_of_the_gate_a_quota_is_narrowed_alone(self, case, reviewer, now):
        with pytest.raises(FieldErrors) as refused:
            approve(case, reviewer, now, modes=HOSTED, quotas=Quotas(1001, 9, 0))
        assert set(refused.value.errors) == {
            "quotas.tokens_per_day",
            "quotas.concurrent_jobs",
            "quotas.context_tokens",
        }
        assert approve(case, reviewer, now, modes=HOSTED, quotas=Quotas(1000, 1, 64))

    def test_a_bound_of_the_gate_lets_it_be_widened(self, case, reviewer, now):
        make_gate(case.repo, most_tokens_per_day=5000)
        with pytest.raises(FieldErrors, match="give 1 to 5,000"):
            approve(case, reviewer, now, modes=HOSTED, quotas=Quotas(5001))
        grant = approve(case, reviewer, now, modes=HOSTED, quotas=Quotas(5000))
        assert grant.quotas == {"tokens_per_day": 5000}


def test_a_quota_waits_for_no_new_signature_and_reaches_the_policy(case, reviewer, now):
    named = Quotas(500, 2, 64, has_floor=True)
    grant = approve(case, reviewer, now, modes=HOSTED, quotas=named, is_undoable=False)
    assert grant.starts_at == now
    limits = may(case.applicant, Action.INFER, case.repo, now).limits
    assert (limits.quotas, limits.has_floor) == ((named,), True)
    assert may(case.applicant, Action.CAPTURE, case.repo, now).limits == limits
    letter = letter_to(case.applicant)
    assert "500 tokens a day, 2 jobs at a time, 64 tokens in a prompt" in letter
    assert "guaranteed share" in letter


def test_a_grant_that_names_none_is_written_with_what_holds(case, reviewer, now):
    make_gate(case.repo, undo_minutes=0, tokens_per_day=700)
    approve(case, reviewer, now, modes=HOSTED)
    letter = letter_to(case.applicant)
    assert "Hosted use, for each person: 700 tokens a day, 8 jobs at a time and 1.00" in letter
    other = make_request(case.repo, now=now)
    approve(other, reviewer, now, modes=["download"])
    assert "Hosted use" not in letter_to(other.applicant)


class TestVotes:
    @pytest.fixture(autouse=True)
    def two_decide(self, case):
        make_gate(case.repo, quorum=2, most_tokens_per_day=5000)

    @pytest.mark.parametrize(
        ("one", "other", "agreed"),
        [
            (Quotas(500), Quotas(300, 4), {"tokens_per_day": 300, "concurrent_jobs": 4}),
            (Quotas(5000), Quotas(), {}),
            (Quotas(500), Quotas(), {"tokens_per_day": 500}),
            (Quotas(5000), Quotas(4000), {"tokens_per_day": 4000}),
            (Quotas(context_tokens=64), Quotas(), {"context_tokens": 64}),
            (Quotas(has_floor=True), Quotas(), {}),
            (Quotas(has_floor=True), Quotas(has_floor=True), {"has_floor": True}),
        ],
        ids=["both", "wider", "narrower", "both-wider", "context", "one-floor", "floors"],
    )
    def test_the_narrowest_holds(self, case, reviewer, now, one, other, agreed):
        assert approve(case, reviewer, now, modes=HOSTED, quotas=one) is None
        grant = approve(case, make_reviewer(case.repo), now, modes=HOSTED, quotas=other)
        assert grant.quotas == agreed


def test_the_record_gives_a_grant_its_quotas(case, reviewer, now):
    grant = approve(case, reviewer, now, modes=HOSTED, quotas=Quotas(500), is_undoable=False)
    assert not check_grants(now).differences
    Grant.objects.filter(pk=grant.pk).update(quotas={"tokens_per_day": 900})
    assert "quotas" in str(check_grants(now).differences)


def test_a_renewal_keeps_them(case, reviewer, now):
    end = now + timedelta(days=40)
    grant = approve(
        case, reviewer, now, modes=HOSTED, expires_at=end, quotas=Quotas(500), is_undoable=False
    )
    make_renewal(grant, now + timedelta(days=30))
    assert Grant.objects.get(parent=grant).quotas == {"tokens_per_day": 500}


class TestPage:
    def test_the_form_has_the_defaults_and_what_the_letter_will_say(self, page, case):
        make_gate(case.repo, concurrent_jobs=3)
        text = page.get(reverse("access:case", args=[case.pk])).text
        assert 'name="tokens_per_day" value="1000"' in text
        assert "1,000 tokens a day, 3 jobs at a time and 1.00" in text

    def test_defaults_left_as_they_are_are_not_named(self, page, case):
        post(page, case, tokens_per_day="1000", concurrent_jobs="8", context_tokens="")
        assert Review.objects.get().quotas == {}

    @pytest.mark.parametrize(
        ("named", "said"),
        [
            ({}, " approved."),
            ({"tokens_per_day": "900"}, " approved, with quotas of its own."),
            ({"only_files": "*.json"}, " approved, on conditions."),
            (
                {"only_files": "*.json", "has_floor": "on"},
                " approved, on conditions and with quotas of its own.",
            ),
        ],
        ids=["neither", "quota", "condition", "both"],
    )
    @pytest.mark.parametrize("undo_minutes", [0, 10])
    def test_the_notice_says_what_was_added(self, page, case, named, said, undo_minutes):
        make_gate(case.repo, undo_minutes=undo_minutes)
        post(page, case, **DEFAULTS | named)
        assert f"{case.reference}{said}" in page.get(reverse("access:queue")).text

    def test_the_notice_of_a_vote_says_so_too(self, page, case):
        make_gate(case.repo, quorum=2)
        post(page, case, **DEFAULTS | {"max_members": "0"})
        text = page.get(reverse("access:queue")).text
        assert "your vote is recorded, on conditions; one more vote is needed." in text

    @pytest.mark.parametrize(
        ("wrong", "group"), [({"max_members": "x"}, "Conditions"), ({"has_floor": "on"}, "Quotas")]
    )
    def test_a_group_that_holds_something_is_open(self, page, case, wrong, group):
        drawn = page.get(reverse("access:case", args=[case.pk])).context["approve_form"]
        left = {name: drawn[name].value() or "" for name in NUMBERS}
        answer = post(page, case, **left | {"until": ""} | wrong)
        opened = re.findall(r"<details open>\s*<summary>(\w+)", answer.text)
        assert opened == [group]

    def test_what_is_changed_is_named(self, page, case):
        post(page, case, tokens_per_day="900", concurrent_jobs="8", has_floor="on")
        assert Grant.objects.get().quotas == {"tokens_per_day": 900, "has_floor": True}

    @pytest.mark.parametrize(
        ("sent", "said"), [("1001", "give 1 to 1,000"), ("-1", "1,000"), ("x", "whole number")]
    )
    def test_a_bad_number_is_told_beside_its_field(self, page, case, sent, said):
        response = post(page, case, tokens_per_day=sent)
        assert response.status_code == 422
        assert said in " ".join(response.context["approve_form"].errors["tokens_per_day"])
        assert not Review.objects.exists()

    def test_a_grants_page_says_what_holds(self, client, case, reviewer, now):
        grant = approve(case, reviewer, now, modes=HOSTED, quotas=Quotas(500), is_undoable=False)
        client.force_login(case.applicant)
        text = client.get(reverse("access:grant", args=[grant.pk])).text
        assert "Hosted use, for each person: 500 tokens a day, 8 jobs at a time and 1.00" in text


@pytest.mark.parametrize(
    ("answer", "suggested"),
    [
        ("None.", True),
        ("We have no GPUs at all.", True),
        ("Nothing but laptops", True),
        ("We don’t have a cluster", True),
        ("8 × A100-80GB on a university cluster", False),
        ("One node of eight GPUs, none of them shared.", False),
        ("", False),
    ],
)
def test_an_answer_that_names_no_hardware_suggests_the_floor(answer, suggested):
    assert suggests_floor({"compute": answer}) is suggested


def test_the_form_has_the_floor_ticked_and_quotes_the_answer(page, repo, now):
    case = make_request(repo, now=now, compute="None, we are a small NGO.")
    text = page.get(reverse("access:case", args=[case.pk])).text
    form = text.split('name="has_floor"')[1][:200]
    assert "checked" in form
    assert "None, we are a small NGO." in text


class TestApi:
    @pytest.fixture
    def api(self, reviewer):
        return by_token(reviewer, Scope.REVIEW)

    def test_a_case_tells_what_may_be_named(self, api, case):
        make_gate(case.repo, most_concurrent_jobs=20)
        quotas = api.get(f"queue/{case.pk}").json()["quotas"]
        assert quotas["suggested"] == {
            "tokens_per_day": 1000,
            "concurrent_jobs": 8,
            "context_tokens": None,
            "egress_bytes_per_day": 1_000_000_000,
            "egress_bytes_total": None,
            "has_floor": False,
        }
        assert quotas["most"]["concurrent_jobs"] == 20

    def test_an_approval_names_them_and_the_grant_shows_them(self, api, case):
        make_gate(case.repo, undo_minutes=0)
        named = {"tokens_per_day": 500, "has_floor": True}
        done = api.post(f"queue/{case.pk}/approve", modes=HOSTED, until=SHORT, quotas=named)
        shown = in_session(case.applicant).get(f"grants/{done.json()['grant_id']}")
        assert shown.json()["quotas"] == {
            **named,
            "concurrent_jobs": None,
            "context_tokens": None,
            "egress_bytes_per_day": None,
            "egress_bytes_total": None,
        }
        assert shown.json()["quotas_in_force"]["concurrent_jobs"] == 8

    def test_a_bad_number_is_named_by_its_path(self, api, case):
        for quotas, path in (
            ({"tokens_per_day": 1001}, "quotas.tokens_per_day"),
            ({"concurrent_jobs": 0}, "quotas.concurrent_jobs"),
            ({"context_tokens": "9"}, "quotas.context_tokens"),
            ({"tokens": 9}, "quotas.tokens"),
        ):
            sent = api.post(f"queue/{case.pk}/approve", modes=HOSTED, until=SHORT, quotas=quotas)
            assert sent.status_code == 400
            assert fields_of(sent) == {path}
