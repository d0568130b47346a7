"""The Hub's access requests: three lists, and moving people between them by the gate's acts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone

from portal.access.models import AccessRequest, Decision, Grant
from portal.access.review.asking import ask_question
from portal.access.screening.lists import add_entry
from portal.audit.models import AuditEvent
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_request
from tests.factories.accounts import make_token, make_user
from tests.factories.catalog import make_repo, make_revision
from tests.factories.grants import make_administrator, make_gate, make_offer
from tests.portal.api.api_calls import code_of, in_session, signature
from tests.portal.world import bearer


@pytest.fixture
def administrator(world):
    return make_administrator(world.repo)


@pytest.fixture
def call(world, client, administrator):
    """Return a caller of the lists, as the administrator unless another secret is given."""
    _, own = make_token(administrator, now=timezone.now())

    def call(rest, content=None, *, secret=own, repo=None):
        url = f"/api/models/{(repo or world.repo).full_name}/user-access-request/{rest}"
        headers = bearer(secret) if secret else {}
        if content is None:
            return client.get(url, headers=headers)
        return client.post(url, content, content_type="application/json", headers=headers)

    return call


@pytest.fixture
def asked(world):
    return make_request(world.repo, world.stranger, now=timezone.now() - timedelta(minutes=5))


def standing(call):
    lists = ("pending", "accepted", "rejected")
    return {row["user"]["user"]: row["status"] for name in lists for row in call(name).json()}


def test_the_lists_say_who_asked_and_what(world, call, asked):
    (row,) = call("pending").json()
    assert row["requestId"] == str(asked.pk)
    assert row["user"] == {
        "user": world.stranger.username,
        "fullname": world.stranger.display_name,
        "email": world.stranger.email,
    }
    assert row["timestamp"].endswith("Z")
    assert row["fields"]["Organization"] == "Example University"
    (has,) = call("accepted").json()
    assert has["user"]["user"] == world.researcher.username
    assert call("rejected").json() == []


def test_lists_have_pages(world, call, settings):
    for _ in range(2):
        make_request(world.repo, now=timezone.now())
    first = call("pending?limit=1")
    assert f"{settings.BASE_URL}/api/models/" in first["Link"]
    assert len(first.json()) == 1
    assert len(call("pending?cursor=1").json()) == 1


def test_lists_cost_the_same_however_long(world, call, django_assert_max_num_queries):
    for _ in range(5):
        make_request(world.repo, now=timezone.now())
    call("pending")
    for name in ("pending", "accepted", "rejected"):
        with django_assert_max_num_queries(9):
            assert call(name).status_code == 200


def test_accepting_opens_at_once_what_was_signed_before(world, client, call, asked):
    assert (
        call("handle", {"user": world.stranger.username, "status": "accepted"}).status_code == 200
    )
    assert client.head(world.url(), headers=world.stranger_bearer).status_code == 200
    assert standing(call)[world.stranger.username] == "accepted"
    assert AuditEvent.objects.filter(type="request.approved", actor__isnull=False).count() == 2


def test_cancelling_ends_the_access_and_puts_the_request_back(world, client, call):
    content = {"user": world.researcher.username, "status": "pending"}
    assert call("handle", content).status_code == 200
    assert client.head(world.url(), headers=world.bearer).status_code == 403
    assert standing(call) == {world.researcher.username: "pending"}
    world.grant.refresh_from_db()
    assert world.grant.revoked_at


def test_rejecting_without_a_reason_sends_the_labs_own_words(world, call, asked):
    assert call("handle", {"requestId": str(asked.pk), "status": "rejected"}).status_code == 200
    decision = Decision.objects.get(request=asked)
    assert decision.reason_code == "unspecified"
    letter = OutboxMessage.objects.get(kind="decline_unspecified").text
    for words in (decision.reason_text, letter):
        assert words.count("We declined your request for") == 1
        assert "None of these" not in words
        assert "no further reason" not in words
    assert standing(call)[world.stranger.username] == "rejected"


def test_rejecting_with_a_reason_tells_it(call, asked):
    content = {"requestId": asked.pk, "status": "rejected", "rejectionReason": "Say what for."}
    assert call("handle", content).status_code == 200
    assert Decision.objects.get(request=asked).reason_text == "Say what for."


def test_rejecting_who_had_access_ends_it(world, client, call):
    content = {"user": world.researcher.username, "status": "rejected"}
    assert call("handle", content).status_code == 200
    assert client.head(world.url(), headers=world.bearer).status_code == 403
    assert standing(call) == {world.researcher.username: "rejected"}


def test_the_rejected_may_be_accepted_after_all(world, client, call, asked):
    for status in ("rejected", "accepted"):
        assert call("handle", {"requestId": asked.pk, "status": status}).status_code == 200
    assert client.head(world.url(), headers=world.stranger_bearer).status_code == 200


@pytest.mark.parametrize("status", ["pending", "accepted", "rejected"])
def test_where_one_is_already_one_is_not_moved(world, call, asked, status):
    if status != "pending":
        assert call("handle", {"requestId": asked.pk, "status": status}).status_code == 200
    events = AuditEvent.objects.count()
    response = call("handle", {"requestId": asked.pk, "status": status})
    assert response.status_code == 404
    assert f"{status} already" in response["X-Error-Message"]
    assert AuditEvent.objects.count() == events


def test_votes_missing_are_told_and_the_vote_counts(world, call, asked):
    make_gate(world.repo, quorum=2)
    for _ in range(2):
        response = call("handle", {"requestId": asked.pk, "status": "accepted"})
        assert response.status_code == 409
        assert "vote is counted" in response["X-Error-Message"]
    assert asked.reviews.filter(voided_at=None).count() == 1
    _, second = make_token(make_administrator(world.repo), now=timezone.now())
    content = {"requestId": asked.pk, "status": "accepted"}
    assert call("handle", content, secret=second).status_code == 200


def test_a_case_that_waits_for_an_answer_is_told_as_it_stands(world, call, asked, administrator):
    ask_question(reviewer=administrator, request_id=asked.pk, text="Which?", now=timezone.now())
    response = call("handle", {"requestId": asked.pk, "status": "accepted"})
    assert response.status_code == 409
    assert not Grant.objects.filter(person=world.stranger).exists()


def test_where_ending_takes_two_it_does_not_end_by_one(world, client, call):
    make_gate(world.repo, two_person_revocation=True)
    response = call("handle", {"user": world.researcher.username, "status": "pending"})
    assert response.status_code == 409
    assert client.head(world.url(), headers=world.bearer).status_code == 200


def test_granting_to_who_did_not_ask_waits_for_their_signature(world, client, call, settings):
    response = call("grant", {"user": world.stranger.username})
    assert (response.status_code, response.json()["status"]) == (200, "accepted")
    refused = client.head(world.url(), headers=world.stranger_bearer)
    offer = Grant.objects.get(person=world.stranger)
    assert refused.status_code == 403
    assert f"{settings.BASE_URL}/grants/{offer.pk}/offer" in refused["X-Error-Message"]
    assert standing(call)[world.stranger.username] == "accepted"
    assert call("grant", {"user": world.stranger.username}).status_code == 400


def test_a_grant_opens_nothing_past_votes_address_and_lists(world, client, call):
    """Everything at once: a gate of two votes, and somebody unproved whom the lists name."""
    make_gate(world.repo, quorum=2)
    operator, person = make_user(superuser=True), world.stranger
    now = timezone.now()
    add_entry(actor=operator, kind="person", value=person.name, note="", now=now)
    EmailAddress.objects.filter(user=person).update(verified=False)
    name = {"user": person.username}
    _, second = make_token(make_administrator(world.repo), now=now)
    for _ in range(2):
        assert call("grant", name).status_code == 409, "one person's vote, however often"
    assert call("grant", name, secret=second).status_code == 200
    offer = Grant.objects.get(person=person)
    signed = {"signature": signature(world.repo, person)}
    refused = in_session(person).post(f"grants/{offer.pk}/accept", **signed)
    assert (refused.status_code, code_of(refused)) == (403, "email_not_verified")
    EmailAddress.objects.filter(user=person).update(verified=True)
    accepted = in_session(person).post(f"grants/{offer.pk}/accept", **signed).json()
    assert (accepted["state"]["text"], accepted["starts_at"]) == ("Extra check", None)
    answer = client.head(world.url(), headers=world.stranger_bearer)
    assert answer.status_code == 403
    assert "We check your access" in answer["X-Error-Message"]
    assert standing(call)[person.username] == "accepted"
    assert call("grant", name).status_code == 400


def test_granting_to_who_asked_approves(world, client, call, asked):
    assert call("grant", {"user": world.stranger.username}).status_code == 200
    assert client.head(world.url(), headers=world.stranger_bearer).status_code == 200
    asked.refresh_from_db()
    assert asked.state == AccessRequest.State.APPROVED


def test_an_access_that_nobody_asked_for_is_cancelled_by_its_own_name(world, call):
    offer = make_offer(world.repo, world.stranger, now=timezone.now())
    named = {row["user"]["user"]: row["requestId"] for row in call("accepted").json()}
    name = named[world.stranger.username]
    assert call("handle", {"requestId": name, "status": "pending"}).status_code == 200
    offer.refresh_from_db()
    assert offer.revoked_at
    assert world.stranger.username not in standing(call)


def test_an_offer_on_the_licence_gate_is_signed_where_it_says(world, client, tmp_path):
    repo = make_repo(gate="licence")
    make_revision(repo, tmp_path / "licence")
    offer = make_offer(repo, world.stranger, now=timezone.now())
    url = f"/{repo.full_name}/resolve/main/config.json"
    refused = client.head(url, headers=world.stranger_bearer)
    assert f"/grants/{offer.pk}/offer" in refused["X-Error-Message"]


MALFORMED = [
    ({}, "status"),
    ({"user": "x", "status": "maybe"}, "status"),
    ({"user": "x", "status": ["accepted"]}, "status"),
    ({"status": "accepted"}, "user"),
    ({"user": "x", "requestId": "1", "status": "accepted"}, "requestId"),
    ({"user": 7, "status": "accepted"}, "user"),
    ({"user": "x", "status": "accepted", "rejectionReason": "no"}, "rejecting"),
    ({"user": "x", "status": "rejected", "rejectionReason": "n" * 201}, "200"),
    ({"user": "x", "status": "rejected", "rejectionReason": {}}, "rejectionReason"),
]


def test_a_malformed_call_names_what_to_change(call):
    for content, field in MALFORMED:
        response = call("handle", content)
        assert response.status_code == 400, content
        assert field in response["X-Error-Message"], content


def test_what_is_no_object_is_told(call):
    for content in ("[]", "nonsense", "{"):
        assert call("handle", content).status_code == 400
        assert call("grant", content).status_code == 400


@pytest.mark.parametrize("name", ["nobody-here", "é"])
def test_unknown_people_and_requests_are_not_found(world, call, name):
    assert call("handle", {"user": name, "status": "accepted"}).status_code == 404
    assert call("grant", {"user": name}).status_code == 404
    for number in ("0", "G0", "x", "9" * 30, "G"):
        assert call("handle", {"requestId": number, "status": "accepted"}).status_code == 404
    assert call("handle", {"user": make_user().username, "status": "rejected"}).status_code == 404


def test_who_may_not_reads_that_first(world, call, asked):
    content = {"requestId": asked.pk, "status": "accepted"}
    for rest, sent in (("pending", None), ("handle", content), ("grant", {"user": "x"})):
        assert call(rest, sent, secret="").status_code == 401
        assert call(rest, sent, secret=world.stranger_secret).status_code == 403
    asked.refresh_from_db()
    assert asked.state == "in_review"


def test_a_token_that_may_administer_alone_decides_nothing(world, call, asked, administrator):
    _, narrow = make_token(administrator, "admin", now=timezone.now())
    assert call("pending", secret=narrow).status_code == 200
    content = {"requestId": asked.pk, "status": "accepted"}
    assert call("handle", content, secret=narrow).status_code == 403


def test_an_owner_reads_no_answers_that_were_not_put_before_them(world, call, asked):
    owner = world.repo.namespace.roles.exclude(user__is_superuser=True).get().user
    _, secret = make_token(owner, now=timezone.now())
    assert call("pending", secret=secret).json() == []
    (has,) = call("accepted", secret=secret).json()
    assert "fields" not in has
    for status in ("pending", "accepted", "rejected"):
        content = {"user": world.stranger.username, "status": status}
        assert call("handle", content, secret=secret).status_code == 404
    assert call("grant", {"user": world.stranger.username}, secret=secret).status_code == 403
    asked.refresh_from_db()
    assert asked.state == "in_review"
    assert "fields" in call("accepted").json()[0]


def test_an_open_repo_has_no_requests(world, call, administrator):
    repo = make_repo(gate="open")
    _, secret = make_token(make_administrator(repo), now=timezone.now())
    assert call("pending", secret=secret, repo=repo).status_code == 400


def test_there_are_three_lists(call):
    assert call("everybody").status_code == 404
