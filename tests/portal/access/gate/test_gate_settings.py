"""A gate's settings and its team: what people can't live up to is refused, with what is short."""

from __future__ import annotations

import pytest
from django.urls import reverse

from portal.access.gate.forms import GateForm
from portal.access.gate.settings import RANGES, save_gate, seat_member, unseat_member
from portal.access.models import ConflictDeclaration, GateSettings
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.quotas import IN_BYTES, LARGEST
from portal.accounts.models import User
from portal.audit.models import AuditEvent
from portal.catalog.errors import RepoNotFound
from portal.catalog.models import TeamMember
from portal.errors import FieldErrors, Forbidden
from portal.forms.fields import MEGABYTE
from tests.factories.access import make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer

pytestmark = pytest.mark.django_db
QUOTAS = [f"{most}{name}" for name in LARGEST for most in ("", "most_")]


@pytest.fixture
def repo():
    return make_repo(undo_minutes=None)


@pytest.fixture
def head(repo):
    return make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR)


def save(actor, repo, now, **values):
    return save_gate(actor=actor, repo_id=repo.pk, values=values, now=now)


def refusal(actor, repo, now, **values) -> dict[str, str]:
    with pytest.raises(FieldErrors) as refused:
        save(actor, repo, now, **values)
    return refused.value.errors


class TestSaving:
    def test_what_changed_is_kept_and_recorded_once(self, repo, head, now):
        for _ in range(2):
            save(head, repo, now, undo_minutes=30, decision_days=21, names_reviewers=True)
        settings = settings_of(repo)
        assert (settings.undo_minutes, settings.updated_by) == (30, head)
        repo.refresh_from_db()
        assert repo.decision_days == 21
        event = AuditEvent.objects.get(type="repo.gate_configured")
        assert event.data["changed"] == {
            "undo_minutes": 30,
            "decision_days": 21,
            "names_reviewers": True,
        }

    def test_nothing_new_makes_no_row(self, repo, head, now):
        save(head, repo, now, quorum=1)
        assert not GateSettings.objects.exists()

    def test_only_administrators_may(self, repo, now):
        for person in (make_reviewer(repo), make_user()):
            with pytest.raises(Forbidden):
                save(person, repo, now, undo_minutes=30)

    @pytest.mark.parametrize(
        ("name", "value"), [("quorum", 0), ("undo_minutes", -1), ("appeal_days", 3)]
    )
    def test_each_number_has_its_bounds(self, repo, head, now, name, value):
        assert list(refusal(head, repo, now, **{name: value})) == [name]

    def test_a_quorum_above_the_team_names_what_is_short(self, repo, head, now):
        make_reviewer(repo)
        errors = refusal(head, repo, now, quorum=4)
        assert "the team has 2" in errors["quorum"]
        assert "Seat 2 more" in errors["quorum"]
        save(head, repo, now, quorum=2)

    def test_lifting_needs_people_who_may(self, repo, head, now):
        able = User.objects.filter(is_superuser=True).count() + 2  # the owner and the head
        save(head, repo, now, lift_quorum=able)
        errors = refusal(head, repo, now, lift_quorum=able + 3)
        assert "3 more an administrator" in errors["lift_quorum"]

    def test_a_request_that_waits_must_stay_decidable(self, repo, head, now):
        other, waiting = make_reviewer(repo), make_request(repo, now=now)
        ConflictDeclaration.objects.create(
            request=waiting, reviewer=other, has_conflict=True, declared_at=now
        )
        errors = refusal(head, repo, now, quorum=2)
        assert waiting.reference in errors["quorum"]

    def test_a_shortage_of_before_stands_in_nobodys_way(self, repo, head, now):
        GateSettings.objects.create(repo=repo, quorum=5)
        save(head, repo, now, undo_minutes=30)
        save(head, repo, now, quorum=4)
        assert "quorum" in refusal(head, repo, now, quorum=6)


class TestTeam:
    def seat(self, actor, repo, now, person, role="reviewer"):
        return seat_member(actor=actor, repo_id=repo.pk, person=person, role=role, now=now)

    def unseat(self, actor, repo, now, person):
        unseat_member(actor=actor, repo_id=repo.pk, user_id=person.pk, now=now)

    def test_an_administrator_seats_by_username_or_address(self, repo, head, now):
        one, two = make_user(), make_user()
        self.seat(head, repo, now, one.username.upper())
        self.seat(head, repo, now, two.email, "administrator")
        roles = dict(repo.team.values_list("user", "role"))
        assert (roles[one.pk], roles[two.pk]) == ("reviewer", "administrator")

    def test_who_is_not_here_or_no_role_is_named(self, repo, head, now):
        with pytest.raises(FieldErrors) as refused:
            self.seat(head, repo, now, "nobody@nowhere.example", "king")
        assert set(refused.value.errors) == {"person", "role"}

    def test_of_a_private_model_strangers_learn_nothing(self, repo, now):
        repo.private = True
        repo.save(update_fields=["private"])
        with pytest.raises(RepoNotFound):
            self.seat(make_user(), repo, now, make_user().username)
        with pytest.raises(Forbidden):
            self.seat(make_reviewer(repo), repo, now, make_user().username)

    def test_others_may_not(self, repo, now):
        reviewer = make_reviewer(repo)
        with pytest.raises(Forbidden):
            self.seat(reviewer, repo, now, make_user().username)
        with pytest.raises(Forbidden):
            self.unseat(make_user(), repo, now, reviewer)

    def test_leaving_is_recorded_once(self, repo, head, now):
        leaver = make_reviewer(repo)
        for _ in range(2):
            self.unseat(head, repo, now, leaver)
        assert not repo.team.filter(user=leaver).exists()
        event = AuditEvent.objects.get(type="repo.team_member_removed")
        assert event.data["user"] == leaver.username

    def test_who_is_needed_for_the_quorum_stays(self, repo, head, now):
        needed = make_reviewer(repo)
        save(head, repo, now, quorum=2)
        with pytest.raises(FieldErrors) as refused:
            self.unseat(head, repo, now, needed)
        assert "Seat 1 more" in refused.value.errors["user_id"]
        assert repo.team.count() == 2

    def test_who_alone_may_decide_what_waits_stays(self, repo, head, now):
        waiting = make_request(repo, now=now)
        with pytest.raises(FieldErrors) as refused:
            self.unseat(head, repo, now, head)
        assert waiting.reference in refused.value.errors["user_id"]

    def test_who_is_needed_to_lift_keeps_the_role(self, repo, head, now):
        able = User.objects.filter(is_superuser=True).count() + 2
        save(head, repo, now, lift_quorum=able)
        with pytest.raises(FieldErrors) as refused:
            self.seat(head, repo, now, head.username, "reviewer")
        assert "role" in refused.value.errors


class TestPages:
    @pytest.fixture
    def url(self, client, repo, head):
        client.force_login(head)
        return lambda name, *more: reverse(
            f"access:{name}", args=[repo.namespace.name, repo.name, *more]
        )

    def posted(self, **changed):
        values = {
            "quorum": 1,
            "decision_days": 14,
            "undo_minutes": 10,
            "question_days": 30,
            "offer_days": 30,
            "appeal_days": 60,
            "lift_quorum": 2,
            "member_cap": 5,
            "waiting_tokens_per_day": 0,
            **dict.fromkeys(QUOTAS, 0),
            "hidden_votes": "on",
        }
        return values | changed

    def test_the_settings_are_saved(self, client, repo, url):
        sent = client.post(url("gate"), self.posted(undo_minutes=30), follow=True)
        assert "settings are saved" in sent.text
        assert settings_of(repo).undo_minutes == 30

    def test_bytes_of_captures_are_typed_in_megabytes(self, client, repo, url):
        client.post(url("gate"), self.posted(egress_bytes_per_day="250.5"))
        assert settings_of(repo).egress_bytes_per_day == 250_500_000
        assert 'name="egress_bytes_per_day" value="250.5"' in client.get(url("gate")).text
        sent = client.post(url("gate"), self.posted(egress_bytes_per_day="-1"))
        assert (sent.status_code, "in MB: give a number" in sent.text) == (422, True)
        sent = client.post(url("gate"), self.posted(most_egress_bytes_per_day="1"))
        assert "Give at least the default, 1.00" in sent.text

    def test_all_that_is_wrong_with_the_values_is_told_at_once(self, client, url):
        wrong = {"quorum": -1, "decision_days": "abc", "most_egress_bytes_total": "1" * 10}
        sent = client.post(url("gate"), self.posted(**wrong))
        assert (sent.status_code, set(sent.context["form"].errors)) == (422, set(wrong))

    @pytest.mark.parametrize("name", RANGES)
    def test_the_form_takes_what_the_service_takes(self, name):
        least, most = (
            bound // MEGABYTE if name.removeprefix("most_") in IN_BYTES else bound
            for bound in RANGES[name]
        )
        for value, is_taken in ((least - 1, False), (least, True), (most, True), (most + 1, False)):
            assert (name not in GateForm(self.posted(**{name: value})).errors) == is_taken, value

    def test_a_shortage_is_told_beside_its_field(self, client, url):
        sent = client.post(url("gate"), self.posted(quorum=3))
        assert sent.status_code == 422
        assert "the team has 1" in sent.text

    def test_it_tells_who_hears_appeals(self, client, url):
        assert "the owner hears appeals" in client.get(url("gate")).text

    def test_the_team_is_seated_and_unseated(self, client, repo, url):
        person = make_user()
        client.post(url("gate_seat"), {"person": person.username, "role": "reviewer"})
        assert person.display_name in client.get(url("gate")).text
        assert f'id="unseat-{person.pk}"' in client.get(url("gate")).text, "it asks first"
        response = client.post(url("gate_unseat", person.pk), follow=True)
        assert not repo.team.filter(user=person).exists()
        assert f'value="{person.username}"' in response.text, "to seat them again is one click"
        nobody = client.post(url("gate_seat"), {"person": "ghost", "role": "reviewer"})
        assert nobody.status_code == 422

    def test_who_leaves_goes_elsewhere(self, client, repo, head, url):
        make_reviewer(repo)
        sent = client.post(url("gate_unseat", head.pk))
        assert sent.url == reverse("access:queue")

    def test_who_is_needed_is_told_why(self, client, repo, head, url, now):
        make_request(repo, now=now)
        sent = client.post(url("gate_unseat", head.pk))
        assert sent.status_code == 422
        assert "could no longer be decided" in sent.text
