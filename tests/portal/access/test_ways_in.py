"""Each way in, tried by somebody who may not be let in: nothing opens, and they learn why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone

from portal.access import screening
from portal.access.errors import (
    AddressUnproved,
    ConflictOfInterest,
    EmailNotVerified,
    HeldBack,
    HoldStands,
)
from portal.access.models import Grant, Membership, OfferVote, Screening
from portal.access.policy import Action, Reason, may
from portal.access.services.checks import check_for, checks_of, clear_check
from portal.access.services.deciding import approve_request
from portal.access.services.grants import sign_for_grant
from portal.access.services.joining import join_as_member
from portal.access.services.moving import grant_person
from portal.access.services.offers import accept_offer, offer_grant
from portal.access.services.renewing import renew_grant
from portal.access.services.revoking import end_by_notice, revoke_grant, sign_newer_version
from portal.access.services.screening_lists import add_entry
from portal.access.services.signing import licence_in_force
from portal.access.services.timing import tick
from portal.access.services.undoing import undo_decision
from portal.accounts.models import User
from portal.audit.models import AuditEvent
from portal.catalog.models import ModelRepo
from portal.errors import DomainError
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_grant, make_request, make_signature
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import (
    make_accepted,
    make_administrator,
    make_entity_grant,
    make_gate,
    make_hold,
    make_invitation,
    make_member,
    make_newer_text,
    make_offer,
)
from tests.portal.site.api_calls import by_token, fields_of

pytestmark = pytest.mark.django_db
LOOKED = "Another person of the same name."


@dataclass
class Try:
    """Somebody on their way in, and their last step: ``go``."""

    person: User
    repo: ModelRepo
    go: Callable[[], Any]


@dataclass(frozen=True)
class Way:
    """``through``: the function that calls the one module in which access begins."""

    through: str
    make: Callable[[datetime], Try]
    by_team: bool = False


def offered(now: datetime) -> Try:
    offer = make_offer(now=now)
    signature = make_signature(offer.person, offer.repo, now=now)
    return Try(
        offer.person,
        offer.repo,
        lambda: accept_offer(person=offer.person, grant_id=offer.pk, signature=signature, now=now),
    )


def at_the_licence_gate(now: datetime) -> Try:
    person, repo = make_user(), make_repo(gate="licence")
    signature = make_signature(person, repo, now=now)
    return Try(
        person,
        repo,
        lambda: sign_for_grant(person=person, repo_id=repo.pk, signature=signature, now=now),
    )


def approved(now: datetime) -> Try:
    repo = make_repo()
    request = make_request(repo, now=now)
    reviewer = make_reviewer(repo)
    return Try(
        request.applicant,
        repo,
        lambda: approve_request(
            reviewer=reviewer,
            request_id=request.pk,
            modes=["download", "inference"],
            expires_at=now + timedelta(days=90),
            now=now,
        ),
    )


def renewing(now: datetime) -> Try:
    grant = make_accepted(now=now - timedelta(days=31), days=30)
    signature = make_signature(grant.person, grant.repo, now=now)
    return Try(
        grant.person,
        grant.repo,
        lambda: renew_grant(
            holder=grant.person,
            grant_id=grant.pk,
            report="We probed it.",
            publications="",
            signature=signature,
            now=now,
        ),
    )


def signing_newer(now: datetime) -> Try:
    grant = make_accepted(now=now - timedelta(days=40))
    head = make_administrator(grant.repo)
    end_by_notice(
        actor=head,
        repo_id=grant.repo.pk,
        ends_at=now - timedelta(days=1),
        reason="A newer text.",
        grant_ids=[grant.pk],
        now=now - timedelta(days=39),
    )
    make_newer_text(now=now - timedelta(days=35))
    signature = make_signature(grant.person, grant.repo, now=now)
    return Try(
        grant.person,
        grant.repo,
        lambda: sign_newer_version(
            person=grant.person, grant_id=grant.pk, signature=signature, now=now
        ),
    )


def joining(now: datetime) -> Try:
    grant, person = make_entity_grant(now=now), make_user()
    invitation = make_invitation(grant, person, now=now)
    signature = make_signature(person, grant.repo, now=now)
    return Try(
        person,
        grant.repo,
        lambda: join_as_member(
            person=person, membership_id=invitation.pk, signature=signature, now=now
        ),
    )


def carried_on(now: datetime) -> Try:
    """A member of a grant that its holder renews."""
    grant = make_entity_grant(now=now - timedelta(days=31), days=30)
    member = make_member(grant, now=now - timedelta(days=20))
    signature = make_signature(
        grant.person, grant.repo, now=now, capacity="entity", entity="Example University, Dean"
    )
    assert member.person is not None
    return Try(
        member.person,
        grant.repo,
        lambda: renew_grant(
            holder=grant.person,
            grant_id=grant.pk,
            report="We probed it.",
            publications="",
            signature=signature,
            now=now,
        ),
    )


WAYS = {
    "offer": Way("offers.accept_offer", offered),
    "licence gate": Way("grants.sign_for_grant", at_the_licence_gate),
    "approval": Way("deciding._give", approved, by_team=True),
    "renewal": Way("renewing._grant", renewing),
    "newer text": Way("revoking.sign_newer_version", signing_newer),
    "invitation": Way("joining.join_as_member", joining),
    "membership that goes on": Way("members._carry", carried_on),
}
ways = pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))


def opens(attempt: Try, now: datetime) -> bool:
    return may(attempt.person, Action.DOWNLOAD, attempt.repo, now).allowed


def go(attempt: Try) -> DomainError | None:
    try:
        attempt.go()
    except DomainError as refused:
        return refused
    return None


def listed(person: User, now: datetime) -> None:
    """Put a person's name on the lists."""
    add_entry(actor=make_user(superuser=True), kind="person", value=person.name, note="", now=now)


@ways
def test_it_opens_where_nothing_stands_in_the_way(way, now):
    attempt = way.make(now)
    assert not opens(attempt, now)
    assert go(attempt) is None
    assert opens(attempt, now)


@ways
def test_no_proved_address(way, now):
    attempt = way.make(now)
    EmailAddress.objects.filter(user=attempt.person).update(verified=False)
    refused = go(attempt)
    assert not opens(attempt, now)
    expected = AddressUnproved if way.by_team else EmailNotVerified
    if way.through == "joining.join_as_member":
        assert refused.code == "membership_not_found"
        assert "confirm" in refused.message
    elif way.through != "members._carry":
        assert isinstance(refused, expected)
        assert "confirm" in refused.message.lower()


@ways
def test_a_hold(way, now):
    attempt = way.make(now)
    hold = make_hold(attempt.person, attempt.repo, now=now)
    refused = go(attempt)
    if way.through != "members._carry":
        assert isinstance(refused, HoldStands if way.by_team else HeldBack)
    hold.lifted_at = now
    hold.save()
    assert not opens(attempt, now), "a lifted hold opens nothing that was refused"


@ways
def test_a_line_of_the_lists_holds_it_until_a_person_clears_it(way, now):
    attempt = way.make(now)
    head = make_administrator(attempt.repo)
    listed(attempt.person, now)
    assert go(attempt) is None, "what was signed is kept"
    verdict = may(attempt.person, Action.DOWNLOAD, attempt.repo, now)
    assert (verdict.reason, verdict.since) == (Reason.CHECKED, now + timedelta(days=7))
    assert verdict.help_url.startswith("/grants")
    check = checks_of(head, now).get()
    assert check.person == attempt.person
    assert check.right.acceptance is not None
    assert OutboxMessage.objects.filter(kind="check_team", recipient=head).count() == 1
    told = OutboxMessage.objects.get(
        recipient=attempt.person,
        kind__in=("grant_check", "member_extra_check", "approval_check"),
    )
    assert attempt.person.name not in told.text.replace(f"Dear {attempt.person.name}", "")
    clear_check(actor=head, screening_id=check.pk, text=LOOKED, now=now)
    assert opens(attempt, now)
    assert not checks_of(head, now).exists()


@ways
def test_what_cannot_be_screened_opens_nothing(way, now, monkeypatch):
    attempt = way.make(now)

    def broken() -> Any:
        raise RuntimeError("The lists are gone")

    monkeypatch.setattr(screening, "active_entries", broken)
    go(attempt)
    assert not opens(attempt, now)


class TestTheCheck:
    @pytest.fixture
    def attempt(self, now):
        attempt = at_the_licence_gate(now)
        listed(attempt.person, now)
        return attempt

    @pytest.fixture
    def head(self, attempt):
        return make_administrator(attempt.repo)

    @pytest.fixture
    def check(self, attempt, head, now):
        attempt.go()
        return checks_of(head, now).get()

    def test_signing_again_is_the_same_grant(self, attempt, check):
        assert attempt.go() == check.grant
        assert Grant.objects.count() == 1

    def test_each_step_is_on_record(self, attempt, head, check, now):
        held = AuditEvent.objects.get(type="grant.held")
        assert held.data["screening"] == "hit"
        assert attempt.person.name not in str(held.data)
        clear_check(actor=head, screening_id=check.pk, text=LOOKED, now=now)
        assert AuditEvent.objects.filter(type="grant.screening_cleared").count() == 1
        begun = AuditEvent.objects.get(type="grant.activated")
        assert begun.data["starts_at"] is not None

    def test_again_changes_nothing(self, head, check, now):
        for _ in range(2):
            clear_check(actor=head, screening_id=check.pk, text=LOOKED, now=now)
        assert AuditEvent.objects.filter(type="grant.activated").count() == 1

    def test_it_is_for_who_administers_the_model_alone(self, attempt, check, now):
        for person in (make_reviewer(attempt.repo), attempt.person, make_user()):
            with pytest.raises(DomainError, match="no such check"):
                check_for(person, check.pk, now)

    def test_a_hold_that_was_placed_meanwhile_keeps_it_closed(self, attempt, head, check, now):
        make_hold(attempt.person, attempt.repo, now=now)
        with pytest.raises(HoldStands):
            clear_check(actor=head, screening_id=check.pk, text=LOOKED, now=now)
        assert not opens(attempt, now)

    def test_what_is_not_cleared_is_ended(self, attempt, head, check, now):
        revoke_grant(actor=head, grant_id=check.grant_id, reason="It is them.", now=now)
        assert not checks_of(head, now).exists()
        with pytest.raises(DomainError, match="ended your access"):
            attempt.go()
        assert not opens(attempt, now)

    def test_an_unanswered_hit_holds_them_at_another_model_too(self, attempt, check, now):
        person = attempt.person
        person.name = "Somebody Else"
        person.save(update_fields=["name"])
        offer = make_offer(person=person, now=now)
        signature = make_signature(person, offer.repo, now=now)
        accept_offer(person=person, grant_id=offer.pk, signature=signature, now=now)
        assert not may(person, Action.DOWNLOAD, offer.repo, now).allowed

    def test_what_was_cleared_here_stays_cleared(self, attempt, head, check, now):
        clear_check(actor=head, screening_id=check.pk, text=LOOKED, now=now)
        revoke_grant(actor=head, grant_id=check.grant_id, reason="A mistake.", now=now)
        offer = make_offer(attempt.repo, attempt.person, now=now)
        signature = make_signature(attempt.person, attempt.repo, now=now)
        accept_offer(person=attempt.person, grant_id=offer.pk, signature=signature, now=now)
        assert opens(attempt, now)
        assert Screening.objects.latest("pk").disposition == LOOKED


class TestItsPages:
    @pytest.fixture
    def signed(self, client):
        """A listed person at the licence gate, the page that they are led to, and the check."""
        now = timezone.now()
        attempt = at_the_licence_gate(now)
        listed(attempt.person, now)
        head = make_administrator(attempt.repo)
        client.force_login(attempt.person)
        version = licence_in_force(attempt.repo, now=now)
        ticked = {f"attest_{each['code']}": "on" for each in version.attestations}
        content = {
            "text_sha256": version.sha256,
            "typed_name": attempt.person.display_name,
            "capacity": "person",
            **ticked,
        }
        page = client.post(f"/sign/{attempt.repo.full_name}", content, follow=True)
        return attempt, head, page, checks_of(head, now).get()

    def test_who_signed_reads_that_a_check_comes_first(self, client, signed):
        attempt, _, page, check = signed
        assert page.redirect_chain[-1][0] == f"/grants/{check.grant_id}"
        assert "A person checks your access first" in page.text
        assert "Extra check" in client.get("/grants").text
        model = client.get(f"/{attempt.repo.full_name}").text
        assert "A person checks your access first" in model
        again = client.get(f"/sign/{attempt.repo.full_name}")
        assert again.headers["Location"] == f"/grants/{check.grant_id}"

    def test_who_administers_it_clears_it_there(self, client, signed):
        attempt, head, _, check = signed
        client.force_login(head)
        assert "1 screening check" in client.get("/queue").text
        assert attempt.person.name in client.get("/checks").text
        page = client.get(f"/checks/{check.pk}").text
        assert "stays closed to them" in page
        assert client.post(f"/checks/{check.pk}", {"text": ""}).status_code == 422
        done = client.post(f"/checks/{check.pk}", {"text": LOOKED}, follow=True)
        assert "Cleared. They have a letter." in done.text
        assert LOOKED in client.get(f"/checks/{check.pk}").text
        assert may(attempt.person, Action.DOWNLOAD, attempt.repo, timezone.now()).allowed

    def test_programs_list_and_clear_it(self, signed):
        attempt, head, _, check = signed
        api = by_token(head, "review")
        (shown,) = api.get("checks").json()["results"]
        assert (shown["id"], shown["is_held"], shown["grant_id"]) == (
            check.pk,
            True,
            check.grant_id,
        )
        assert [hit["value"] for hit in shown["hits"]] == [attempt.person.name]
        assert by_token(head, "review", repo_ids=[0]).get("checks").json()["count"] == 0
        assert by_token(make_user(superuser=True), "admin").get("checks").status_code == 403
        assert fields_of(api.post(f"checks/{check.pk}", text="")) == {"text"}
        assert api.post(f"checks/{check.pk}", text=LOOKED).json()["disposed_at"]
        assert api.get("checks").json()["count"] == 0

    def test_who_has_no_proved_address_reads_it_beside_the_form(self, client):
        offer = make_offer(now=timezone.now())
        EmailAddress.objects.filter(user=offer.person).update(verified=False)
        client.force_login(offer.person)
        version = licence_in_force(offer.repo, now=timezone.now())
        ticked = {f"attest_{each['code']}": "on" for each in version.attestations}
        typed = {"typed_name": offer.person.display_name, "capacity": "person"}
        content = {"text_sha256": version.sha256, **typed, **ticked}
        page = client.post(f"/grants/{offer.pk}/offer", content)
        assert page.status_code == 422
        assert "Confirm your e-mail address first" in page.text


class TestALateCheck:
    def test_the_team_is_reminded_and_then_the_owners(self, now):
        attempt = at_the_licence_gate(now)
        listed(attempt.person, now)
        attempt.go()
        assert tick(now + timedelta(days=6)) == {}
        assert tick(now + timedelta(days=7)) == {"check_late": 1}
        assert tick(now + timedelta(days=13)) == {}
        assert tick(now + timedelta(days=14)) == {"check_still_late": 1}
        assert tick(now + timedelta(days=15)) == {}
        assert AuditEvent.objects.filter(type="letter.reminded").count() == 2

    def test_one_that_was_seen_to_is_not_late(self, now):
        attempt = at_the_licence_gate(now)
        head = make_administrator(attempt.repo)
        listed(attempt.person, now)
        attempt.go()
        check = checks_of(head, now).get()
        clear_check(actor=head, screening_id=check.pk, text=LOOKED, now=now)
        assert tick(now + timedelta(days=8)) == {}


class TestVotesForAnOffer:
    @pytest.fixture
    def repo(self):
        repo = make_repo()
        make_gate(repo, quorum=2)
        return repo

    def offer(self, actor, person, repo, now, **changed):
        terms = {"modes": ["inference"], "expires_at": now + timedelta(days=90), **changed}
        return offer_grant(actor=actor, person_id=person.pk, repo_id=repo.pk, now=now, **terms)

    def test_one_vote_offers_nothing_and_is_kept(self, repo, now):
        actor, person = make_administrator(repo), make_user()
        for _ in range(2):
            assert self.offer(actor, person, repo, now) is None
        assert not Grant.objects.exists()
        assert OfferVote.objects.filter(voided_at=None).get().voter == actor
        assert AuditEvent.objects.filter(type="grant.offer_voted").count() == 2

    def test_the_second_offers_on_the_narrowest_terms(self, repo, now):
        one, two, person = make_administrator(repo), make_administrator(repo), make_user()
        self.offer(one, person, repo, now, modes=["inference", "download"])
        offer = self.offer(two, person, repo, now, expires_at=now + timedelta(days=30))
        assert (offer.modes, offer.expires_at) == (["inference"], now + timedelta(days=30))
        assert not OfferVote.objects.filter(voided_at=None).exists()

    def test_who_may_offer_no_more_does_not_count(self, repo, now):
        one, two, person = make_administrator(repo), make_administrator(repo), make_user()
        self.offer(one, person, repo, now)
        repo.team.filter(user=one).delete()
        assert self.offer(two, person, repo, now) is None

    def test_an_old_vote_does_not_count(self, repo, now):
        one, two, person = make_administrator(repo), make_administrator(repo), make_user()
        self.offer(one, person, repo, now - timedelta(days=31))
        assert self.offer(two, person, repo, now) is None

    def test_by_the_hubs_word_too(self, repo, now):
        one, two, person = make_administrator(repo), make_administrator(repo), make_user()
        assert not grant_person(actor=one, repo=repo, person=person, now=now)
        assert grant_person(actor=two, repo=repo, person=person, now=now)

    def test_a_colleague_sees_it_and_votes_on_the_page(self, repo, client):
        one, two, person = make_administrator(repo), make_administrator(repo), make_user()
        self.offer(one, person, repo, timezone.now())
        page = f"/grants/of/{repo.full_name}"
        client.force_login(one)
        assert "A colleague’s vote completes it" in client.get(page).text
        client.force_login(make_reviewer(repo))
        assert "Offers that wait for votes" not in client.get(page).text
        client.force_login(two)
        assert "Vote for this offer" in client.get(page).text
        assert client.post(f"{page}/offers", {"user": "nobody"}).status_code == 404
        done = client.post(f"{page}/offers", {"user": person.username}, follow=True)
        assert "The offer is made." in done.text
        assert Grant.objects.get(person=person).is_offer

    def test_nobody_offers_in_a_conflict_of_interest(self, now):
        grant = make_entity_grant(now=now)
        colleague = make_member(grant, now=now).person
        repo = make_repo()
        with pytest.raises(ConflictOfInterest):
            self.offer_by_colleague(colleague, grant.person, repo, now)

    def offer_by_colleague(self, actor, person, repo, now):
        repo.team.create(user=actor, role="administrator")
        return self.offer(actor, person, repo, now)

    def test_nothing_is_offered_past_a_hold(self, now):
        repo, person = make_repo(), make_user()
        make_hold(person, repo, now=now)
        with pytest.raises(HoldStands):
            self.offer(make_administrator(repo), person, repo, now)


def test_a_member_who_may_not_go_on_is_asked_anew(now):
    attempt = carried_on(now)
    make_hold(attempt.person, attempt.repo, now=now)
    attempt.go()
    newest = Membership.objects.latest("pk")
    assert (newest.person, newest.joined_at) == (None, None)
    assert OutboxMessage.objects.filter(kind="invitation").count() == 2


def test_an_undone_approval_leaves_no_check(now):
    attempt = approved(now)
    head = make_administrator(attempt.repo)
    listed(attempt.person, now)
    grant = attempt.go()
    undo_decision(actor=head, request_id=grant.decision.request_id, now=now)
    assert not checks_of(head, now).exists()
    assert not OutboxMessage.objects.filter(kind="approval_check", state="queued").exists()


def test_a_grant_that_was_asked_for_is_screened_by_its_answers_too(now):
    grant = make_grant(make_repo(), now=now)
    actor = make_user(superuser=True)
    entry = add_entry(actor=actor, kind="country", value="NL", note="", now=now)
    assert [hit.found for hit in screening.hits_of_grant(grant, [entry], now)] == ["NL"]
