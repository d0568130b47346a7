"""A seat in a namespace counts in each of its models, those that are made later included."""

from __future__ import annotations

from functools import partial

import pytest
from django.utils import timezone

from portal.access.gate.chair import choose_chair
from portal.access.gate.team_capacity import team_of
from portal.access.models import GateSettings
from portal.access.people.invitations import invite_to_lab
from portal.access.people.roles import take_role
from portal.access.policy.contacts import administrators, team_members
from portal.access.policy.policy import Action, may
from portal.accounts.models import Namespace, User
from portal.accounts.tokens.scopes import scopes_of
from portal.audit.models import AuditEvent
from portal.catalog.models import ModelRepo, NamespaceSeat
from portal.errors import FieldErrors, Forbidden
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_request
from tests.factories.accounts import make_lab, make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import make_gate
from tests.factories.reviews import approve

pytestmark = pytest.mark.django_db


@pytest.fixture
def publisher():
    return make_user()


@pytest.fixture
def lab(publisher) -> Namespace:
    return make_lab(publisher=publisher)


@pytest.fixture
def give(publisher, lab):
    def to(person: str, role: str) -> User:
        invited = invite_to_lab(
            actor=publisher, namespace_id=lab.pk, person=person, role=role, now=timezone.now()
        )
        assert invited.user is not None
        return invited.user

    return to


@pytest.fixture
def take(publisher, lab):
    return partial(take_role, actor=publisher, namespace_id=lab.pk, now=timezone.now())


@pytest.mark.parametrize("role", ["reviewer", "administrator"])
def test_it_counts_in_models_made_before_and_after(lab, give, role):
    before, person = make_repo(namespace=lab), make_user()
    give(person=person.username, role=role)
    for repo in (before, make_repo(namespace=lab), make_repo(namespace=lab, private=True)):
        assert person in team_of(repo).voters
        assert person in team_members(repo)
        assert may(person, Action.REVIEW, repo, timezone.now()).allowed
        assert ModelRepo.objects.visible_to(person).filter(pk=repo.pk).count() == 1
        is_administrator = role == "administrator"
        assert may(person, Action.ADMINISTER, repo, timezone.now()).allowed == is_administrator
        assert (person in administrators(repo)) == is_administrator
        assert (person in team_of(repo).lifters) == is_administrator
    assert not ModelRepo.objects.reviewable_by(person).exclude(namespace=lab).exists()


def test_its_holder_opens_a_request_for_a_later_model(client, lab, give):
    person = give(person=make_user().username, role="reviewer")
    access_request = make_request(make_repo(namespace=lab))
    client.force_login(person)
    assert access_request.applicant.display_name in client.get("/queue").text
    assert client.get(f"/queue/{access_request.pk}").status_code == 200


@pytest.mark.parametrize(("role", "scopes"), [("reviewer", "review"), ("administrator", "admin")])
def test_its_holder_can_make_tokens_for_it(give, role, scopes):
    person = give(person=make_user().username, role=role)
    assert scopes in scopes_of(person)
    assert "publish" not in scopes_of(person)


def test_giving_is_recorded_once_and_written_to_the_person(lab, give):
    person = make_user()
    for _ in range(2):
        give(person=f"{person.username}@university.example", role="reviewer")
    assert AuditEvent.objects.filter(type="namespace.seat_given").count() == 1
    letter = OutboxMessage.objects.get(kind="role_given")
    assert letter.recipient == person
    assert "reviewer of Example Lab" in letter.text


def test_another_role_replaces_the_seat(lab, give):
    person = make_user()
    give(person=person.username, role="administrator")
    give(person=person.username, role="reviewer")
    assert NamespaceSeat.objects.get(namespace=lab).role == "reviewer"


def test_what_taking_the_publishers_role_changes_for_an_operator_is_said(client, lab, give):
    operator = give(person=make_user(superuser=True).username, role="publisher")
    client.force_login(operator)
    shown = client.get(f"/labs/{lab.name}/people/{operator.username}/publisher").text
    assert "As an operator they still publish in each lab" in shown
    assert "can no longer publish" not in shown
    assert "stop working" not in shown


@pytest.mark.parametrize(
    ("person", "role", "field"),
    [("nobody-here", "reviewer", "person"), ("someone", "king", "role")],
)
def test_bad_input_is_named(give, person, role, field):
    make_user("someone")
    with pytest.raises(FieldErrors) as refusal:
        give(person=person, role=role)
    assert set(refusal.value.errors) == {field}


def test_only_publishers_and_operators_give_and_take(lab, give):
    administrator = give(person=make_user().username, role="administrator")
    for actor in (administrator, make_user()):
        with pytest.raises(Forbidden):
            invite_to_lab(
                actor=actor,
                namespace_id=lab.pk,
                person=administrator.username,
                role="publisher",
                now=timezone.now(),
            )


def test_a_seat_that_a_waiting_request_needs_is_not_taken(lab, give, take):
    person = give(person=make_user().username, role="reviewer")
    make_request(make_repo(namespace=lab))
    with pytest.raises(FieldErrors, match="could no longer be decided") as refusal:
        take(username=person.username, role="reviewer")
    assert set(refusal.value.errors) == {"username"}
    assert NamespaceSeat.objects.filter(user=person).exists()
    assert not AuditEvent.objects.filter(type="namespace.seat_taken").exists()


def test_who_sits_in_the_model_too_keeps_voting(lab, give, take):
    repo = make_repo(namespace=lab)
    person = make_reviewer(repo)
    give(person=person.username, role="reviewer")
    make_request(repo)
    take(username=person.username, role="reviewer")
    assert person in team_of(repo).voters


def test_a_quorum_that_it_makes_possible_keeps_it(lab, give, take):
    repo = make_repo(namespace=lab)
    make_reviewer(repo)
    person = give(person=make_user().username, role="reviewer")
    make_gate(repo, quorum=2)
    with pytest.raises(FieldErrors, match="would need 2 people"):
        take(username=person.username, role="reviewer")


def test_a_chair_by_a_seat_in_the_lab_ends_with_it(lab, give, take, publisher):
    repo, person = make_repo(namespace=lab), give(person=make_user().username, role="reviewer")
    now = timezone.now()
    choose_chair(actor=publisher, repo_id=repo.pk, person=person.username, now=now)
    assert GateSettings.objects.get(repo=repo).chair == person
    take(username=person.username, role="reviewer")
    assert GateSettings.objects.get(repo=repo).chair is None


def test_the_last_publisher_may_go(lab, publisher, take):
    operator = lab.roles.get(user__is_superuser=True).user
    for person in (operator, publisher):
        take(actor=operator, username=person.username, role="publisher")
    assert not lab.roles.exists()
    assert Namespace.objects.publishable_by(operator).filter(pk=lab.pk).exists()
    assert AuditEvent.objects.filter(type="namespace.role_taken").count() == 2


def test_what_taking_a_seat_changes_leaves_out_the_models_with_a_seat_of_their_own(
    client, lab, give, publisher
):
    kept, lost = make_repo(namespace=lab, name="kept"), make_repo(namespace=lab, name="lost")
    person = give(person=make_user().username, role="reviewer")
    kept.team.create(user=person, role="reviewer")
    for repo in (kept, lost):
        make_reviewer(repo)
        make_gate(repo, quorum=2)
        approve(make_request(repo), person, timezone.now())
    client.force_login(publisher)
    shown = client.get(f"/labs/{lab.name}/people/{person.username}/reviewer").text
    assert "the requests of 1 other model here, those to come included" in shown
    assert "they stay on the team of kept (reviewer)" in shown
    assert "Their votes on 1 open request no longer count" in shown
