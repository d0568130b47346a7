"""The pages of grants and members, met by the real clock."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.access.models import Grant, Membership, Renewal
from portal.formatting import short_date
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_grant
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
    make_renewal,
)

pytestmark = pytest.mark.django_db
GRANTS = "/access?view=grants"


@pytest.fixture
def at():
    return timezone.now() - timedelta(minutes=1)


def path(name, *arguments):
    return reverse(f"access:{name}", args=arguments)


def signed(person, version, **more):
    ticks = {f"attest_{line['code']}": "on" for line in version.attestations}
    return {
        "text_sha256": version.sha256,
        "capacity": "person",
        "typed_name": person.display_name,
        **ticks,
        **more,
    }


class TestOffers:
    def test_the_exact_terms_are_shown_and_signed(self, client, at):
        offer = make_offer(now=at, modes=("inference",), conditions={"no_logits": True})
        client.force_login(offer.person)
        page = client.get(path("offer", offer.pk))
        assert "Generated text only" in page.text
        assert "Hosted use only" in page.text
        assert "You may study it." in page.text
        version = page.context["form"].version
        done = client.post(path("offer", offer.pk), signed(offer.person, version))
        assert done["Location"] == path("grant", offer.pk)
        assert Grant.objects.active_at(timezone.now()).filter(pk=offer.pk).exists()

    def test_what_is_missing_is_shown_beside_its_field(self, client, at):
        offer = make_offer(now=at)
        client.force_login(offer.person)
        page = client.post(path("offer", offer.pk), {"capacity": "person"})
        assert page.status_code == 422
        assert "Type your full name" in page.text

    def test_it_is_declined(self, client, at):
        offer = make_offer(now=at)
        client.force_login(offer.person)
        assert "Access is offered to you" in client.get(path("grant", offer.pk)).text
        client.post(path("offer_decline", offer.pk))
        assert "Declined" in client.get(path("grant", offer.pk)).text

    def test_a_lapsed_one_says_what_to_do(self, client, at):
        offer = make_offer(now=at - timedelta(days=40))
        client.force_login(offer.person)
        page = client.get(path("offer", offer.pk))
        assert page.status_code == 409
        assert "lapsed" in page.text
        assert path("start", offer.repo.namespace.name, offer.repo.name) in page.text


class TestTheGrantsPage:
    def test_none_yet(self, client):
        client.force_login(make_user())
        assert "You have no grants yet" in client.get(GRANTS).text

    def test_mine_and_those_i_work_under(self, client, at):
        grant = make_entity_grant(now=at)
        member = make_member(grant, now=at)
        make_accepted(make_repo(), member.person, now=at)
        client.force_login(member.person)
        rows = client.get(GRANTS).context["grants"]
        assert {row.mine for row in rows} == {True, False}
        client.post(path("member_end", member.pk))
        assert len(client.get(GRANTS).context["grants"]) == 1

    def test_it_costs_the_same_for_many(self, client, at, django_assert_max_num_queries):
        person = make_user()
        for _ in range(4):
            make_accepted(make_repo(), person, now=at)
        client.force_login(person)
        with django_assert_max_num_queries(10):
            assert len(client.get(GRANTS).context["grants"]) == 4


class TestOneGrant:
    def test_conditions_in_words_and_the_certificate(self, client, at):
        grant = make_accepted(now=at, conditions={"files": ["*.json"]})
        client.force_login(grant.person)
        page = client.get(path("grant", grant.pk)).text
        assert "Only these files may be downloaded: *.json." in page
        assert f"/signatures/{grant.acceptance_id}/certificate.pdf" in page

    def test_each_notice_stands_with_what_became_of_it(self, client, at):
        grant = make_accepted(now=at)
        letter = OutboxMessage.objects.get(recipient=grant.person)
        OutboxMessage.objects.filter(pk=letter.pk).update(state="sent", sent_at=at)
        client.force_login(grant.person)
        page = client.get(path("grant", grant.pk)).text
        assert letter.subject in page
        assert "Delivered to the mail server" in page

    def test_duties_that_survive_are_named_after_the_end(self, client, at):
        grant = make_accepted(now=at - timedelta(days=30), days=20)
        client.force_login(grant.person)
        page = client.get(path("grant", grant.pk)).text
        duties = page.split("What still binds you")[1]
        must, must_not = duties.split("You must not")[:2]
        assert "You must" in must
        assert "<li>Keep the licence with every copy</li>" in must
        assert "<li>Pass the weights to anyone</li>" in must_not
        shown = client.get(f"/api/v1/grants/{grant.pk}/").json()["surviving_duties"]
        assert shown == [
            "You must keep the licence with every copy.",
            "You must not pass the weights to anyone.",
        ]
        assert "Renew access" in page

    def test_a_hold_is_told(self, client, at):
        grant = make_accepted(now=at)
        make_hold(grant.person, grant.repo, now=at)
        client.force_login(grant.person)
        assert "Suspended since" in client.get(path("grant", grant.pk)).text

    def test_it_is_closed_with_a_statement(self, client, at):
        grant = make_accepted(now=at)
        client.force_login(grant.person)
        assert client.post(path("close", grant.pk), {}).status_code == 422
        unsure = client.post(path("close", grant.pk), {"statement": "Gone."})
        assert "Confirm that every copy" in unsure.text
        values = {"statement": "Gone.", "deleted_copies": "on"}
        assert client.post(path("close", grant.pk), values).status_code == 302
        assert (
            '“<bdi class="lines" lang="">Gone.</bdi>”' in client.get(path("grant", grant.pk)).text
        )

    def test_it_is_renewed(self, client, at):
        grant = make_accepted(now=at - timedelta(days=20), days=40)
        client.force_login(grant.person)
        version = client.get(path("renew", grant.pk)).context["form"].version
        bare = client.post(path("renew", grant.pk), signed(grant.person, version))
        assert bare.status_code == 422
        assert bare.text.count('id="report-h"') == 1
        values = signed(grant.person, version, report="We measured it.")
        assert client.post(path("renew", grant.pk), values).status_code == 302
        page = client.get(path("grant", grant.pk))
        assert "Renewed as" in page.text
        again = client.get(path("renew", grant.pk))
        assert again.status_code == 409
        assert f'href="{path("grant", grant.pk)}">Back to the grant</a>' in again.text

    def test_a_newer_text_is_signed(self, client, at):
        grant = make_accepted(now=at)
        version = make_newer_text(now=at)
        client.force_login(grant.person)
        assert "newer text of the licence" in client.get(path("grant", grant.pk)).text
        done = client.post(path("newer", grant.pk), signed(grant.person, version))
        assert Grant.objects.get(parent=grant).acceptance.licence_version == version
        assert done["Location"] == path("grant", Grant.objects.get(parent=grant).pk)


class TestMembersPages:
    @pytest.fixture
    def grant(self, at):
        return make_entity_grant(now=at)

    def test_empty_then_invited_and_how_many_are_left(self, client, grant):
        client.force_login(grant.person)
        page = " ".join(client.get(path("members", grant.pk)).text.split())
        assert "This grant has no members yet" in page
        assert "Of 5 places, 0 taken and 5 left" in page
        client.post(path("members", grant.pk), {"email": "new@lab.example"})
        assert "Invited, not signed yet" in client.get(path("members", grant.pk)).text
        assert client.post(path("members", grant.pk), {"email": "no"}).status_code == 422

    def test_who_is_invited_reads_and_signs(self, client, grant, at):
        person = make_user()
        membership = make_invitation(grant, person, now=at)
        client.force_login(person)
        page = client.get(path("join", membership.pk))
        version = page.context["form"].version
        assert version == grant.acceptance.licence_version
        done = client.post(path("join", membership.pk), signed(person, version))
        assert done["Location"] == path("grant", grant.pk)
        assert client.get(path("grant", grant.pk)).status_code == 200
        assert client.get(path("members", grant.pk)).status_code == 404

    def test_others_find_no_invitation(self, client, grant, at):
        membership = make_invitation(grant, make_user(), now=at)
        client.force_login(make_user())
        assert client.get(path("join", membership.pk)).status_code == 404
        assert client.post(path("member_end", membership.pk), {"reason": "x"}).status_code == 404

    def test_a_membership_is_ended_with_a_reason(self, client, grant, at):
        member = make_member(grant, now=at)
        client.force_login(grant.person)
        client.post(path("member_end", member.pk), {"reason": ""})
        assert Membership.objects.standing().filter(pk=member.pk).exists()
        client.post(path("member_end", member.pk), {"reason": "Moved on."})
        assert "Moved on." in client.get(path("members", grant.pk)).text

    def test_a_personal_grant_says_so(self, client, at):
        grant = make_accepted(now=at)
        client.force_login(grant.person)
        assert "doesn’t allow sharing it" in client.get(path("members", grant.pk)).text
        response = client.post(path("members", grant.pk), {"email": "new@lab.example"})
        assert response.status_code == 403

    def test_many_cost_as_few(self, client, grant, at, django_assert_max_num_queries):
        for _ in range(4):
            make_member(grant, now=at)
        client.force_login(grant.person)
        with django_assert_max_num_queries(16):
            client.get(path("members", grant.pk))


class TestTheTeamsPages:
    @pytest.fixture
    def repo(self):
        return make_repo()

    def names(self, repo):
        return repo.namespace.name, repo.name

    def test_the_list_with_its_views(self, client, repo, at):
        make_accepted(repo, now=at)
        make_offer(repo, now=at)
        ending = make_accepted(repo, now=at, days=30)
        client.force_login(make_reviewer(repo))
        for view, count in [("active", 2), ("offered", 1), ("ending", 1), ("all", 3), ("no", 2)]:
            page = client.get(path("granted", *self.names(repo)), {"view": view})
            assert page.context["page"].paginator.count == count, view
        response = client.get(path("granted", *self.names(repo)), {"q": ending.person.name})
        assert [row.grant for row in response.context["found"].rows] == [ending]
        none = client.get(path("granted", *self.names(repo)), {"q": "nobody of that name"})
        assert "No matches" in none.text

    def test_under_notice_the_list_shows_and_sorts_by_its_day(self, client, repo, at):
        first = make_accepted(repo, now=at, days=60)
        noticed = make_accepted(repo, now=at, days=90)
        noticed.ends_by_notice_at = timezone.now() + timedelta(days=40)
        noticed.save()
        client.force_login(make_reviewer(repo))
        page = client.get(path("granted", *self.names(repo)))
        assert [row.grant for row in page.context["found"].rows] == [noticed, first]
        assert short_date(noticed.ends_by_notice_at) in page.text
        client.force_login(noticed.person)
        for address in ["/access", GRANTS]:
            assert short_date(noticed.ends_by_notice_at) in client.get(address).text

    def test_many_cost_as_few(self, client, repo, at, django_assert_max_num_queries):
        for _ in range(5):
            make_accepted(repo, now=at)
        client.force_login(make_administrator(repo))
        with django_assert_max_num_queries(16):
            client.get(path("granted", *self.names(repo)))

    def test_an_administrator_ends_one(self, client, repo, at):
        grant = make_grant(repo, now=at)
        client.force_login(make_administrator(repo))
        assert client.post(path("grant_revoke", grant.pk), {"reason": ""}).status_code == 422
        client.post(path("grant_revoke", grant.pk), {"reason": "Weights shared."})
        assert "Ended by the lab" in client.get(path("grant", grant.pk)).text

    def test_two_people_where_two_are_wanted(self, client, repo, at):
        make_gate(repo, two_person_revocation=True)
        grant = make_grant(repo, now=at)
        client.force_login(make_administrator(repo))
        client.post(path("grant_revoke", grant.pk), {"reason": "Weights shared."})
        page = client.get(path("granted", *self.names(repo)), {"view": "proposed"})
        assert "revocation proposed" in page.text
        client.force_login(make_administrator(repo))
        client.post(path("grant_revoke", grant.pk), {"reason": ""})
        assert not Grant.objects.active_at(timezone.now()).exists()

    def test_notice_is_given(self, client, repo, at):
        grant = make_accepted(repo, now=at)
        client.force_login(make_administrator(repo))
        values = {"version": grant.acceptance.licence_version_id, "reason": "A new text."}
        soon = f"{timezone.now() + timedelta(days=5):%Y-%m-%d}"
        early = client.post(path("notice", *self.names(repo)), values | {"ends_on": soon})
        assert "at least 30 days ahead" in early.text
        later = f"{timezone.now() + timedelta(days=45):%Y-%m-%d}"
        done = client.post(path("notice", *self.names(repo)), values | {"ends_on": later})
        assert done.status_code == 302
        assert "ends by notice" in client.get(path("grant", grant.pk)).text

    def test_a_renewal_is_read_and_decided(self, client, repo, at):
        make_gate(repo, renewal_needs_review=True)
        grant = make_accepted(repo, now=at - timedelta(days=20), days=40)
        renewal = make_renewal(grant, at)
        client.force_login(make_reviewer(repo))
        assert "We measured calibration." in client.get(path("renewal", renewal.pk)).text
        bare = client.post(path("renewal", renewal.pk), {"granted": "no"})
        assert bare.status_code == 422
        client.post(path("renewal", renewal.pk), {"granted": "yes"})
        assert Renewal.objects.get().outcome == "granted"
        assert client.get(path("renewal", renewal.pk)).status_code == 200


class TestHoldPages:
    @pytest.fixture
    def grant(self, at):
        return make_accepted(now=at)

    @pytest.fixture
    def administrator(self, grant, client):
        person = make_administrator(grant.repo)
        client.force_login(person)
        return person

    def asked(self, grant, **changed):
        return {
            "scope": "person",
            "subject": grant.person.username,
            "repo": grant.repo_id,
            "reason": "We look into it.",
            **changed,
        }

    def test_first_what_it_stops_then_the_hold(self, client, grant, administrator):
        assert "No holds are in place" in client.get(path("holds")).text
        page = client.post(path("hold_place"), self.asked(grant) | {"preview": "1"})
        assert page.context["would"].grants == 1
        assert "No holds are in place" in client.get(path("holds")).text
        done = client.post(path("hold_place"), self.asked(grant) | {"place": "1"})
        shown = client.get(done["Location"])
        assert "0 of 2 needed" in shown.text
        assert grant.person.display_name in client.get(path("holds")).text

    def test_what_is_not_known_is_said(self, client, grant, administrator):
        page = client.post(path("hold_place"), self.asked(grant, subject="nobody-of-that-name"))
        assert page.status_code == 422

    def test_only_an_operator_holds_everywhere(self, client, grant, administrator):
        page = client.post(path("hold_place"), self.asked(grant, repo=""))
        assert "Choose the model." in page.text
        client.force_login(make_user(superuser=True))
        page = client.post(path("hold_place"), self.asked(grant, repo="") | {"place": "1"})
        assert page.status_code == 302

    def test_two_lift_it_here(self, client, grant, administrator, at):
        hold = make_hold(grant.person, grant.repo, now=at)
        assert client.post(path("hold_lift", hold.pk), {}).status_code == 422
        client.post(path("hold_lift", hold.pk), {"reason": "A mistake."})
        assert "someone else must agree too" in client.get(path("hold", hold.pk)).text
        client.force_login(make_administrator(grant.repo))
        client.post(path("hold_lift", hold.pk), {"reason": "Agreed."})
        assert "Lifted" in client.get(path("hold", hold.pk)).text
        assert "Lifted" in client.get(path("holds"), {"view": "lifted"}).text

    def test_other_labs_holds_are_not_there(self, client, grant, administrator, at):
        hold = make_hold(make_user(), make_repo(), now=at)
        assert client.get(path("hold", hold.pk)).status_code == 404

    def test_many_cost_as_few(
        self, client, grant, administrator, at, django_assert_max_num_queries
    ):
        for _ in range(5):
            make_hold(make_user(), grant.repo, actor=administrator, now=at)
        with django_assert_max_num_queries(12):
            client.get(path("holds"))


class TestInvitations:
    def test_one_that_waits_is_on_the_list_of_grants(self, client, at):
        person = make_user()
        invitation = make_invitation(make_entity_grant(now=at), person, now=at)
        client.force_login(person)
        assert path("join", invitation.pk) in client.get("/access").text

    def test_one_of_a_grant_that_is_over_is_not(self, client, at):
        person = make_user()
        grant = make_entity_grant(now=at - timedelta(days=30), days=20)
        make_invitation(grant, person, now=at - timedelta(days=29))
        client.force_login(person)
        assert "You have no grants yet" in client.get(GRANTS).text
