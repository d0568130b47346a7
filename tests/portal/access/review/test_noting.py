"""Notes stay with the team; a conflict once declared stays declared; vouching is proof."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from portal.access.errors import ConflictOfInterest, RequestNotFound
from portal.access.models import ConflictDeclaration, Note, Review
from portal.access.review.asking import ask_question
from portal.access.review.notes import declare_conflict, vouch_for_applicant, write_note
from portal.access.review.timeline import timeline_of
from portal.accounts.models import Affiliation
from portal.audit.models import AuditEvent
from portal.errors import Conflict, FieldErrors
from portal.outbox.models import OutboxMessage
from tests.factories.accounts import make_token, make_user
from tests.factories.catalog import make_reviewer
from tests.factories.grants import make_gate
from tests.factories.reviews import approve

pytestmark = pytest.mark.django_db
SECRET = "Same group as another one; read together."


def note(case, author, now, text=SECRET):
    return write_note(author=author, request_id=case.pk, text=text, now=now)


def declare(case, reviewer, now, has_conflict=True, statement="We wrote a paper together."):
    return declare_conflict(
        reviewer=reviewer,
        request_id=case.pk,
        has_conflict=has_conflict,
        statement=statement,
        now=now,
    )


def vouch(case, reviewer, now, evidence="I met them at their desk."):
    return vouch_for_applicant(reviewer=reviewer, request_id=case.pk, evidence=evidence, now=now)


class TestNotes:
    def test_the_team_reads_them(self, client, case, reviewer, now):
        note(case, reviewer, now)
        client.force_login(make_reviewer(case.repo))
        assert SECRET in client.get(reverse("access:case", args=[case.pk])).text

    def test_the_applicant_never_does(self, client, case, reviewer, now):
        note(case, reviewer, now)
        approve(case, reviewer, now)
        client.force_login(case.applicant)
        _, token = make_token(case.applicant, now=now)
        bearer = {"Authorization": f"Bearer {token}"}
        texts = [
            client.get(reverse("access:request", args=[case.pk])).text,
            client.get(reverse("site:access")).text,
            client.get(reverse("api:requests"), headers=bearer).text,
            str(timeline_of(case, reader=case.applicant, now=now)),
            *OutboxMessage.objects.values_list("text", flat=True),
            *(str(event.data) for event in AuditEvent.objects.all()),
        ]
        for text in texts:
            assert "read together" not in text
            assert reviewer.name not in text

    def test_it_is_recorded_that_there_is_one(self, case, reviewer, now):
        written = note(case, reviewer, now)
        assert AuditEvent.objects.get(type="request.noted").data == {"note": written.pk}

    def test_an_empty_one_is_none(self, case, reviewer, now):
        with pytest.raises(FieldErrors):
            note(case, reviewer, now, text=" ")
        assert not Note.objects.exists()

    def test_strangers_write_none(self, case, now):
        with pytest.raises(RequestNotFound):
            note(case, make_user(), now)
        with pytest.raises(ConflictOfInterest):
            note(case, case.applicant, now)


class TestDeclaring:
    @pytest.mark.parametrize("act", [approve, vouch])
    def test_who_declared_one_decides_nothing(self, case, reviewer, now, act):
        declare(case, reviewer, now)
        with pytest.raises(ConflictOfInterest, match="declared a conflict"):
            act(case, reviewer, now)

    def test_nor_asks(self, case, reviewer, now):
        declare(case, reviewer, now)
        with pytest.raises(ConflictOfInterest):
            ask_question(reviewer=reviewer, request_id=case.pk, text="Which?", now=now)

    def test_the_vote_is_void(self, case, reviewer, now):
        make_gate(case.repo, quorum=2)
        approve(case, reviewer, now)
        declare(case, reviewer, now)
        assert Review.objects.get().void_reason == "conflict of interest declared"

    def test_it_stays_declared(self, case, reviewer, now):
        assert declare(case, reviewer, now) == declare(case, reviewer, now)
        assert AuditEvent.objects.filter(type="request.conflict_declared").count() == 1
        with pytest.raises(Conflict, match="stays declared"):
            declare(case, reviewer, now, has_conflict=False)

    def test_to_say_that_there_is_none_hinders_nothing(self, case, reviewer, now):
        declare(case, reviewer, now, has_conflict=False, statement="")
        assert approve(case, reviewer, now)

    def test_it_is_said_what_it_is(self, case, reviewer, now):
        with pytest.raises(FieldErrors):
            declare(case, reviewer, now, statement="")
        assert not ConflictDeclaration.objects.exists()


class TestVouching:
    def test_it_proves_where_they_work(self, case, reviewer, now):
        vouch(case, reviewer, now)
        affiliation = Affiliation.objects.get(method="reviewer")
        assert affiliation.person == case.applicant
        assert affiliation.proved_by == reviewer
        assert affiliation.organization.name == "Example University"

    def test_again_it_changes_nothing(self, case, reviewer, now):
        assert vouch(case, reviewer, now) == vouch(case, reviewer, now)

    def test_it_says_how(self, case, reviewer, now):
        with pytest.raises(FieldErrors):
            vouch(case, reviewer, now, evidence="")

    def test_not_for_oneself(self, case, now):
        with pytest.raises(ConflictOfInterest):
            vouch(case, case.applicant, now)


def test_a_team_may_name_its_reviewers(case, reviewer, now):
    ask_question(reviewer=reviewer, request_id=case.pk, text="Which?", now=now)
    told_at = now + timedelta(minutes=10)
    assert "The team asked" in str(timeline_of(case, reader=case.applicant, now=told_at))
    make_gate(case.repo, names_reviewers=True)
    assert f"{reviewer.name} asked" in str(timeline_of(case, reader=case.applicant, now=told_at))
