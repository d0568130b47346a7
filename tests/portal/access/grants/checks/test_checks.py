"""Checks of who signed are shown, cleared and ended by people, and never forgotten."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone

from portal.access.errors import (
    HoldStands,
)
from portal.access.grants.checks.clearing import check_for, checks_of, clear_check
from portal.access.grants.ending.revocation import revoke_grant
from portal.access.grants.offers import accept_offer
from portal.access.models import Grant, Screening
from portal.access.policy.policy import Action, may
from portal.access.reminders.tick import tick
from portal.audit.models import AuditEvent
from portal.catalog.services.licences import require_version_in_force
from portal.errors import DomainError
from tests.factories.access import make_signature
from tests.factories.accounts import make_user
from tests.factories.catalog import make_reviewer
from tests.factories.grants import (
    make_administrator,
    make_hold,
    make_offer,
)
from tests.portal.access.test_ways_in import at_the_licence_gate, listed, opens
from tests.portal.api.api_calls import by_token, fields_of

pytestmark = pytest.mark.django_db
LOOKED = "Another person of the same name."


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
        event = AuditEvent.objects.get(type="grant.held")
        assert event.data["screening"] == "hit"
        assert attempt.person.name not in str(event.data)
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
        """Sign as a listed person at the licence gate; return them, the page and the check."""
        now = timezone.now()
        attempt = at_the_licence_gate(now)
        listed(attempt.person, now)
        head = make_administrator(attempt.repo)
        client.force_login(attempt.person)
        version = require_version_in_force(attempt.repo, now=now)
        ticked = {f"attest_{line['code']}": "on" for line in version.attestations}
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
        assert "We check your access first" in page.text
        assert "Extra check" in client.get("/access?view=grants").text
        model = client.get(f"/{attempt.repo.full_name}").text
        assert "We check your access first" in model
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
        version = require_version_in_force(offer.repo, now=timezone.now())
        ticked = {f"attest_{line['code']}": "on" for line in version.attestations}
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
