"""The team changes the quotas of a grant that stands; whoever works under it is told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from portal.access.errors import ConflictOfInterest, GrantIsOver, GrantNotFound
from portal.access.grants.audit.check import check_grants
from portal.access.grants.ending.revocation import revoke_grant
from portal.access.grants.quotas.changing import change_quotas
from portal.access.models import Grant
from portal.access.policy.policy import Action, may
from portal.access.policy.quotas import Quotas
from portal.accounts.models import Scope
from portal.audit.models import AuditEvent
from portal.errors import Conflict, FieldErrors, Forbidden
from portal.outbox.models import OutboxMessage
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import (
    make_accepted,
    make_administrator,
    make_entity_grant,
    make_gate,
    make_member,
    make_offer,
    make_renewal,
)
from tests.portal.api.api_calls import by_token, fields_of

pytestmark = pytest.mark.django_db
WHY = "The evaluation needs more."


@pytest.fixture(autouse=True)
def everybodys(settings):
    settings.DAILY_TOKENS, settings.MAX_OPEN_JOBS = 1000, 8


@pytest.fixture
def repo():
    repo = make_repo()
    make_gate(repo, most_tokens_per_day=5000)
    return repo


@pytest.fixture
def reviewer(repo):
    return make_reviewer(repo)


@pytest.fixture
def grant(repo, now):
    return make_accepted(repo, modes=("inference",), now=now)


@pytest.fixture
def change(grant, reviewer, now):
    def with_changes(actor=reviewer, reason=WHY, of=grant, at=now, **changes):
        return change_quotas(actor=actor, grant_id=of.pk, changes=changes, reason=reason, now=at)

    return with_changes


def letters():
    return OutboxMessage.objects.filter(kind="quotas_changed")


def events():
    return AuditEvent.objects.filter(type="grant.quotas_changed").order_by("sequence")


def test_the_new_numbers_hold_at_once_and_stand_in_the_record(change, grant, reviewer, now):
    change(tokens_per_day=5000, has_floor=True)
    limits = may(grant.person, Action.INFER, grant.repo, now).limits
    assert (limits.quotas, limits.has_floor) == ((Quotas(5000, has_floor=True),), True)
    event = events().get()
    assert (event.actor_id, event.target_id) == (reviewer.pk, str(grant.pk))
    assert event.data["was"] == {}
    assert event.data["quotas"] == {"tokens_per_day": 5000, "has_floor": True}
    assert event.data["reason"] == WHY
    assert not check_grants(now).differences


def test_what_isnt_named_stays_and_none_leaves_a_number_to_the_gate(change):
    change(tokens_per_day=500, concurrent_jobs=2)
    assert change(tokens_per_day=None).quotas == {"concurrent_jobs": 2}
    assert [event.data["was"] for event in events()] == [
        {},
        {"tokens_per_day": 500, "concurrent_jobs": 2},
    ]


def test_the_same_again_changes_nothing(change):
    change(tokens_per_day=500)
    change(tokens_per_day=500, reason="")
    assert (events().count(), letters().count()) == (1, 1)


def test_a_row_that_differs_from_the_changed_quotas_is_a_difference(change, grant, now):
    change(tokens_per_day=500)
    Grant.objects.filter(pk=grant.pk).update(quotas={"tokens_per_day": 900})
    assert "quotas" in str(check_grants(now).differences)


def test_the_holder_and_the_members_get_the_numbers_and_the_reason(repo, reviewer, now):
    grant = make_entity_grant(repo, modes=("inference",), now=now)
    member = make_member(grant, now=now).person
    change_quotas(
        actor=reviewer, grant_id=grant.pk, changes={"concurrent_jobs": 2}, reason=WHY, now=now
    )
    assert {letter.recipient for letter in letters()} == {grant.person, member}
    for letter in letters():
        text = " ".join(letter.text.split())
        assert "Hosted use, for each person: 1,000 tokens a day, 2 jobs at a time and 1.00" in text
        assert WHY in text


def test_the_grant_that_renews_it_changes_too(repo, reviewer, now):
    grant = make_accepted(repo, modes=("inference",), now=now, days=40)
    make_renewal(grant, now + timedelta(days=30))
    later = now + timedelta(days=31)
    change_quotas(
        actor=reviewer, grant_id=grant.pk, changes={"tokens_per_day": 9}, reason=WHY, now=later
    )
    assert Grant.objects.get(parent=grant).quotas == {"tokens_per_day": 9}
    assert (events().count(), letters().count()) == (2, 1)
    assert not check_grants(now + timedelta(days=41)).differences


class TestBounds:
    def test_bad_numbers_and_no_reason_are_named_together(self, change, grant):
        with pytest.raises(FieldErrors) as refused:
            change(reason=" ", tokens_per_day=5001, concurrent_jobs=9)
        assert set(refused.value.errors) == {
            "quotas.tokens_per_day",
            "quotas.concurrent_jobs",
            "reason",
        }
        grant.refresh_from_db()
        assert grant.quotas == {}

    def test_a_number_over_a_bound_that_was_lowered_may_stay(self, change, repo):
        change(tokens_per_day=5000)
        make_gate(repo, most_tokens_per_day=2000)
        wanted = {"tokens_per_day": 5000, "concurrent_jobs": 1}
        assert change(**wanted).quotas == wanted
        with pytest.raises(FieldErrors, match="give 1 to 2,000"):
            change(tokens_per_day=4999)


class TestWho:
    def test_an_administrator_may_within_the_same_bound(self, change, repo):
        head = make_administrator(repo)
        assert change(head, tokens_per_day=5000)
        with pytest.raises(FieldErrors):
            change(head, tokens_per_day=5001)

    def test_nobody_else_may(self, change, grant):
        for stranger in (grant.person, make_user(), make_reviewer(make_repo())):
            with pytest.raises(Forbidden):
                change(stranger, tokens_per_day=1)

    def test_a_private_model_isnt_known_to_strangers(self, change, repo):
        repo.private = True
        repo.save()
        with pytest.raises(GrantNotFound):
            change(make_user(), tokens_per_day=1)

    def test_none_of_the_team_widens_a_grant_that_they_work_under(self, change, repo, now):
        grant = make_entity_grant(repo, modes=("inference",), now=now)
        own = make_accepted(repo, make_reviewer(repo), modes=("inference",), now=now)
        member = make_member(grant, make_reviewer(repo), now=now).person
        for actor, theirs in ((own.person, own), (member, grant)):
            with pytest.raises(ConflictOfInterest):
                change(actor, of=theirs, tokens_per_day=5000)


class TestWhich:
    def test_one_that_has_ended_is_refused(self, change, grant, repo, now):
        revoke_grant(actor=make_administrator(repo), grant_id=grant.pk, reason="-", now=now)
        with pytest.raises(GrantIsOver, match="has ended"):
            change(tokens_per_day=500)

    def test_one_without_hosted_use_is_refused(self, change, repo, now):
        with pytest.raises(Conflict, match="no hosted use"):
            change(of=make_accepted(repo, modes=("download",), now=now), tokens_per_day=500)

    def test_an_offer_may_be_changed(self, change, repo, now):
        offer = make_offer(repo, now=now)
        assert change(of=offer, tokens_per_day=500).quotas == {"tokens_per_day": 500}


class TestPage:
    @pytest.fixture
    def page(self, client, reviewer):
        client.force_login(reviewer)
        return client

    def post(self, page, grant, **fields):
        in_force = {"tokens_per_day": "1000", "concurrent_jobs": "8", "context_tokens": ""}
        initial = {f"initial-{name}": value for name, value in in_force.items()}
        sent = {**in_force, **initial, "initial-has_floor": "False", "reason": WHY, **fields}
        return page.post(reverse("access:grant_quotas", args=[grant.pk]), sent)

    def test_the_form_has_the_numbers_that_hold(self, page, grant, change):
        change(tokens_per_day=700)
        text = page.get(reverse("access:grant_quotas", args=[grant.pk])).text
        assert 'name="tokens_per_day" value="700"' in text
        assert 'name="concurrent_jobs" value="8"' in text
        assert "At most 5,000." in text

    def test_a_number_left_as_it_was_isnt_stored(self, page, grant):
        shown = self.post(page, grant, tokens_per_day="700")
        assert shown.url == reverse("access:grant", args=[grant.pk])
        grant.refresh_from_db()
        assert grant.quotas == {"tokens_per_day": 700}
        page.force_login(grant.person)
        assert "700 tokens a day, 8 jobs at a time and 1.00" in page.get(shown.url).text

    def test_a_page_read_before_another_change_takes_none_of_it_back(self, page, grant, change):
        shown = page.get(reverse("access:grant_quotas", args=[grant.pk])).text
        assert 'name="initial-tokens_per_day" value="1000"' in shown
        change(tokens_per_day=700, has_floor=True)
        self.post(page, grant, context_tokens="512")
        grant.refresh_from_db()
        assert grant.quotas == {"tokens_per_day": 700, "has_floor": True, "context_tokens": 512}

    def test_captures_are_typed_in_megabytes(self, page, grant, repo):
        make_gate(repo, most_egress_bytes_per_day=2_000_000_000)
        url = reverse("access:grant_quotas", args=[grant.pk])
        shown = page.get(url).text
        assert 'name="egress_bytes_per_day" value="1000"' in shown
        assert "in MB" in shown
        assert "At most 2.00" in shown
        self.post(page, grant, egress_bytes_per_day="250.5", egress_bytes_total="1500")
        grant.refresh_from_db()
        assert grant.quotas == {
            "egress_bytes_per_day": 250_500_000,
            "egress_bytes_total": 1_500_000_000,
        }
        assert 'name="egress_bytes_per_day" value="250.5"' in page.get(url).text

    def test_nothing_changed_is_said(self, page, grant):
        shown = page.get(self.post(page, grant).url).text
        assert "Nothing was changed" in shown
        assert not events().exists()

    @pytest.mark.parametrize(
        ("field", "sent"),
        [
            ("tokens_per_day", "5001"),
            ("concurrent_jobs", "x"),
            ("context_tokens", "1e"),
            ("egress_bytes_per_day", "1001"),
            ("egress_bytes_total", "-1"),
            ("egress_bytes_total", "much"),
            ("reason", ""),
        ],
    )
    def test_bad_input_is_told_beside_its_field(self, page, grant, field, sent):
        shown = self.post(page, grant, **{"tokens_per_day": "7", field: sent})
        assert shown.status_code == 422
        assert set(shown.context["form"].errors) == {field}
        assert 'name="initial-tokens_per_day" value="1000"' in shown.text  # as it was first read

    def test_only_the_team_without_a_conflict_is_offered_it(self, page, grant, repo, now):
        link = reverse("access:grant_quotas", args=[grant.pk])
        shown = reverse("access:grant", args=[grant.pk])
        assert link in page.get(shown).text
        page.force_login(grant.person)
        assert link not in page.get(shown).text

    def test_a_grant_that_has_ended_says_so(self, page, grant, repo, now):
        revoke_grant(actor=make_administrator(repo), grant_id=grant.pk, reason="-", now=now)
        refused = self.post(page, grant, tokens_per_day="700")
        assert refused.status_code == 409
        assert "has ended" in refused.text


class TestApi:
    @pytest.fixture
    def api(self, reviewer):
        return by_token(reviewer, Scope.REVIEW)

    def test_it_changes_what_is_sent_and_answers_the_grant(self, api, grant, change):
        change(concurrent_jobs=2)
        done = api.post(f"grants/{grant.pk}/quotas", quotas={"tokens_per_day": 700}, reason=WHY)
        assert done.status_code == 200
        assert done.json()["quotas_in_force"]["tokens_per_day"] == 700
        assert done.json()["quotas"]["concurrent_jobs"] == 2

    def test_bad_input_is_named(self, api, grant):
        for quotas, path in (
            ({"tokens_per_day": 5001}, "quotas.tokens_per_day"),
            ({"concurrent_jobs": "9"}, "quotas.concurrent_jobs"),
            ({"tokens": 9}, "quotas.tokens"),
            ({"has_floor": None}, "quotas.has_floor"),
        ):
            refused = api.post(f"grants/{grant.pk}/quotas", quotas=quotas, reason=WHY)
            assert (refused.status_code, fields_of(refused)) == (400, {path})

    def test_it_takes_the_scope_of_review(self, repo, grant):
        admin = by_token(make_administrator(repo), Scope.ADMIN)
        refused = admin.post(f"grants/{grant.pk}/quotas", quotas={"tokens_per_day": 7}, reason=WHY)
        assert refused.status_code == 403
