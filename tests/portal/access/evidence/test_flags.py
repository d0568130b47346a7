"""Each thing that evidence may hide is a flag: on the case, in the queue, over the API, in bulk."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.access.evidence.assessment import assess, assessment_of
from portal.access.evidence.flags import ADVICE, WORDS, FlagKind
from portal.access.grants.ending.revocation import revoke_grant
from portal.access.holds.holds import place_hold
from portal.access.models import Decision, Hold
from portal.access.reminders.tick import tick
from portal.access.reporting.exports import REQUESTS
from portal.access.reporting.request_archive import archive_of
from portal.access.review.decisions.bulk import BulkTerms, bulk_decide
from portal.access.review.decisions.undo import undo_decision
from portal.accounts.models import Scope
from portal.accounts.services.references import answer_reference
from portal.outbox.models import BouncedAddress
from portal.site.archives.bundle import files_of
from tests.factories.access import make_grant, make_proved_request, make_request
from tests.factories.accounts import make_user
from tests.factories.affiliations import affiliate, give_address, make_organization
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.references import make_reference
from tests.factories.reviews import decline
from tests.portal.api.api_calls import by_token

pytestmark = pytest.mark.django_db
LONG = "We study how calibration changes with the size of a model, and with what it was trained on."


def kinds(case, now, reader=None):
    case.refresh_from_db()
    kinds = assessment_of(case, now, reader).kinds
    assert case.evidence_flags == [str(kind) for kind in kinds], "the copy is as new as the rule"
    assert case.evidence_is_clear == (not kinds and bool(case.organization))
    return kinds


def bulk(reviewer, case, now):
    terms = BulkTerms(Decision.Verdict.APPROVED, ("download",), now + timedelta(days=90))
    (result,) = bulk_decide(
        reviewer=reviewer, request_ids=[case.pk], terms=terms, dry_run=True, now=now
    )
    return result


def claim(repo, now, *, proved=("Example University",), **said):
    person = make_user()
    for name in proved:
        affiliate(person, make_organization(name=name, country="NL", sector="academia"))
    return make_request(repo, person, now=now, **said)


class TestClaims:
    def test_the_name_of_a_third_is_never_clear(self, repo, reviewer, now, client):
        """Claim a famous institute with the proof of two others, as the review of the gate did."""
        make_organization(
            "mit.edu", name="Massachusetts Institute of Technology", ror_id="042nb2s44"
        )
        case = claim(
            repo,
            now,
            proved=("Example University", "Second Institute"),
            organization="Massachusetts Institute of Technology",
        )
        assert kinds(case, now) == [FlagKind.ORGANIZATION]
        shown = by_token(reviewer, Scope.REVIEW).get(f"queue/{case.pk}").json()["evidence"]
        assert shown["is_clear"] is False
        assert [flag["kind"] for flag in shown["flags"]] == ["other_organization"]
        refused = bulk(reviewer, case, now)
        assert refused.outcome == "refused"
        assert "Proved to work elsewhere than stated" in refused.why
        client.force_login(reviewer)
        assert f"/queue/{case.pk}" not in client.get("/queue?flag=clear").text

    def test_a_famous_name_beside_the_proved_one_is_a_claim_too(self, repo, now):
        make_organization("mit.edu", name="Massachusetts Institute of Technology")
        both = "Massachusetts Institute of Technology (Example University)"
        case = claim(repo, now, organization=both)
        assert kinds(case, now) == [FlagKind.ORGANIZATION]

    def test_another_country_than_the_proved_organizations(self, repo, now):
        case = claim(repo, now, country="IR")
        assert kinds(case, now) == [FlagKind.COUNTRY]
        (flag,) = assessment_of(case, now).flags
        assert "Example University: Netherlands" in flag.detail
        assert "Stated: Iran" in flag.detail

    def test_another_sector(self, repo, now):
        case = claim(repo, now, sector="industry_lab")
        assert kinds(case, now) == [FlagKind.SECTOR]

    def test_all_of_it_as_proved_is_clear(self, repo, reviewer, now):
        case = claim(repo, now)
        assert kinds(case, now) == []
        assert bulk(reviewer, case, now).outcome == "decided"

    def test_nothing_proved_is_no_flag_and_not_clear(self, repo, reviewer, now):
        case = make_request(repo, now=now)
        assert kinds(case, now) == []
        refused = bulk(reviewer, case, now)
        assert "Nothing proves that they work at" in refused.why


class TestHistory:
    def test_a_refusal_elsewhere_counts_without_its_words(self, repo, reviewer, now):
        case = make_proved_request(repo, now=now)
        private = make_repo(private=True, undo_minutes=None)
        refused = make_request(private, case.applicant, now=now)
        decision = decline(refused, make_reviewer(private), now, reason_text="Their secret.")
        assert kinds(case, now) == [FlagKind.DECLINED]
        (flag,) = assessment_of(case, now, reviewer).flags
        assert "at a model of another team" in flag.title
        text = f"{flag.title} {flag.detail}"
        assert private.name not in text
        assert "secret" not in text
        assert flag.other is None
        undo_decision(actor=decision.decided_by, request_id=refused.pk, now=now)
        assert kinds(case, now) == []

    def test_a_refusal_by_ones_own_team_is_linked(self, repo, reviewer, client, now):
        second = make_repo()
        second.team.create(user=reviewer, role="reviewer")
        case = make_proved_request(repo, now=now)
        refused = make_request(second, case.applicant, now=now)
        decline(refused, reviewer, now)
        (flag,) = assessment_of(case, now, reviewer).flags
        assert flag.other == refused
        client.force_login(reviewer)
        assert f'href="/queue/{refused.pk}"' in client.get(f"/queue/{case.pk}").text

    def test_an_access_that_a_lab_ended(self, repo, now):
        other = make_repo()
        case = make_proved_request(repo, now=now)
        grant = make_grant(other, case.applicant, now=now)
        assert kinds(case, now) == []
        owner = make_user(superuser=True)
        revoke_grant(actor=owner, grant_id=grant.pk, reason="Passed on.", now=now)
        assert kinds(case, now) == [FlagKind.ENDED]
        (flag,) = assessment_of(case, now, make_reviewer(repo)).flags
        assert "Passed on" not in flag.detail + flag.title
        (flag,) = assessment_of(case, now, owner).flags
        assert flag.detail == "Passed on."

    def test_a_hold_anywhere_and_one_that_was_lifted(self, repo, now):
        case = make_proved_request(repo, now=now)
        elsewhere, operator = make_repo(), make_user(superuser=True)
        hold = place_hold(
            actor=operator,
            repo_id=elsewhere.pk,
            scope="person",
            subject_id=case.applicant.pk,
            reason="Under inquiry.",
            now=now,
        )
        assert kinds(case, now) == [FlagKind.HOLD]
        (flag,) = assessment_of(case, now, make_reviewer(repo)).flags
        assert "another model" in flag.title
        assert flag.detail == ""
        hold.lifted_at = now
        hold.save()
        assert "lifted" in assessment_of(case, now).flags[0].title

    def test_of_an_organization_only_a_standing_hold(self, repo, now):
        case = make_proved_request(repo, now=now)
        colleague = make_user()
        affiliate(colleague, case.organization)
        other = make_request(repo, colleague, now=now)
        decline(other, make_reviewer(repo), now)
        assert kinds(case, now) == []
        hold = Hold.objects.create(
            scope="organization",
            organization=case.organization,
            reason="Sanctions.",
            placed_by=make_user(superuser=True),
            placed_at=now,
        )
        assert kinds(case, now) == [FlagKind.HOLD]
        hold.lifted_at = now
        hold.save()
        assert kinds(case, now) == []


class TestReferences:
    @pytest.mark.parametrize(
        ("email", "kind"),
        [
            ("head@gmail.com", FlagKind.FREE_MAIL),
            ("head@other.edu", FlagKind.ELSEWHERE),
            ("head@uni.edu", None),
        ],
    )
    def test_where_it_comes_from(self, repo, now, email, kind):
        university = make_organization("uni.edu", name="Example University")
        person = make_user()
        case = make_request(repo, person, now=now)
        _, secret = make_reference(person, now=now, organization_id=university.pk, email=email)
        answer_reference(secret=secret, verdict="confirmed", comment="", now=now)
        assert kinds(case, now) == ([kind] if kind else [])
        assert case.evidence_is_clear == (kind is None)

    def test_ones_own_second_mailbox_proves_nothing(self, repo, reviewer, client, now):
        person = make_user()
        case = make_request(repo, person, now=now)
        _, secret = make_reference(
            person, now=now, email="second@lab.edu", organization_name="Example University"
        )
        answer_reference(secret=secret, verdict="confirmed", comment="", now=now)
        assert kinds(case, now) == []
        assert case.evidence_is_clear
        give_address(person, "second+me@lab.edu")
        assert kinds(case, now) == [FlagKind.OWN_MAILBOX]
        assert not case.evidence_is_clear
        client.force_login(reviewer)
        text = client.get(f"/queue/{case.pk}").text
        assert ADVICE[FlagKind.OWN_MAILBOX] in text
        assert "Known to" not in text, "and stands among what is proved no more"

    def test_a_no_is_a_flag_in_the_queue_too(self, repo, now):
        case = make_proved_request(repo, now=now)
        _, secret = make_reference(case.applicant, now=now)
        answer_reference(secret=secret, verdict="denied", comment="Never seen.", now=now)
        assert kinds(case, now) == [FlagKind.DENIED]


def test_letters_that_do_not_arrive(repo, now):
    case = make_proved_request(repo, now=now)
    address = case.applicant.email
    BouncedAddress.objects.create(address=address, reason="No such user", at=now)
    assert kinds(case, now) == [FlagKind.BOUNCED]
    give_address(case.applicant, "reached@uni.edu")
    assert kinds(case, now) == []


def test_a_lookalike_is_a_flag_of_both(repo, now):
    first, second = claim(repo, now, purpose=LONG), claim(repo, now, purpose=LONG)
    assert kinds(second, now) == [FlagKind.LOOKALIKE]
    first.refresh_from_db()
    assert not first.evidence_is_clear
    assert tick(now)["evidence"] == 1
    assert kinds(first, now) == [FlagKind.LOOKALIKE]


def test_the_queue_counts_names_and_filters(repo, reviewer, client, now):
    flagged, clear = claim(repo, now, country="IR", sector="industry_lab"), claim(repo, now)
    client.force_login(reviewer)
    page = client.get("/queue").text
    assert "2 flags: another country, another sector" in page
    listed = client.get("/queue?flag=other_country").text
    assert f"/queue/{flagged.pk}" in listed
    assert f"/queue/{clear.pk}" not in listed
    api = by_token(reviewer, Scope.REVIEW)
    rows = {row["id"]: row for row in api.get("queue").json()["results"]}
    assert rows[flagged.pk]["flags"] == ["other_country", "other_sector"]
    assert (rows[flagged.pk]["is_clear"], rows[clear.pk]["is_clear"]) == (False, True)
    (row,) = api.get("queue", flag="other_sector").json()["results"]
    assert row["id"] == flagged.pk


def test_the_zip_of_the_team_has_them_and_the_applicants_has_not(repo, reviewer, now):
    case = claim(repo, now, country="IR")
    files = files_of(archive_of(reviewer, case.pk, now), now)
    evidence = json.loads(files["evidence.json"])
    assert [flag["kind"] for flag in evidence["flags"]] == ["other_country"]
    assert evidence["is_clear"] is False
    own = files_of(archive_of(case.applicant, case.pk, now), now)
    assert "evidence.json" not in own
    assert b"evidence_" not in own["request.json"]
    assert "evidence_flags" in REQUESTS.columns


def test_every_kind_has_words_and_advice():
    assert set(WORDS) == set(ADVICE) == set(FlagKind)


def test_many_are_assessed_in_as_many_queries_as_one(repo, reviewer, now):
    cases = [make_proved_request(repo, now=now) for _ in range(8)]
    _, secret = make_reference(cases[0].applicant, now=now)
    answer_reference(secret=secret, verdict="confirmed", comment="", now=now)

    def queries(some):
        with CaptureQueriesContext(connection) as captured:
            assess(some, now, reviewer)
        return len(captured)

    assert queries(cases) == queries(cases[:1]) <= 20


def test_what_time_alone_ends_the_clock_sees(repo, now):
    person = make_user()
    affiliate(person, expires_at=now + timedelta(minutes=90))
    case = make_request(repo, person, now=now)
    assert case.evidence_is_clear
    later = now + timedelta(hours=2)
    assert tick(later)["evidence"] == 1
    case.refresh_from_db()
    assert not case.evidence_is_clear
    assert "evidence" not in tick(later)
