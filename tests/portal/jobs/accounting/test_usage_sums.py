"""Use is added up by month, model, person and organization, for whoever may see it."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from portal.access.policy.administering import usage_seen_by
from portal.accounts.models import Organization
from portal.catalog.models import TeamMember
from portal.jobs.accounting.footprint import Metered
from portal.jobs.accounting.idle import keep_idle_energy
from portal.jobs.accounting.usage import UsageGrouping, in_all, usage_sums
from portal.jobs.models import EnergySource
from tests.factories.accounts import make_user, the_operator
from tests.factories.catalog import make_reviewer
from tests.factories.jobs import make_ended, make_guest
from tests.portal.api.api_calls import by_token, in_session

NOVEMBER, DECEMBER = datetime(2026, 11, 30, 23, 59, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
IN_MONTHS = {"first": "2026-11", "last": "2026-12"}
MONTHS = "first=2026-11&last=2026-12"


@pytest.fixture
def guest(hosted):
    return make_guest(hosted)


@pytest.fixture
def administrator(hosted):
    return make_reviewer(hosted, role=TeamMember.Role.ADMINISTRATOR)


def keys(person, by=UsageGrouping.PERSON, **within):
    return [(line.key, line.jobs) for line in usage_sums(usage_seen_by(person), by, **within)]


def test_people_see_their_own_administrators_their_models_and_operators_all(
    hosted, guest, administrator
):
    stranger = make_guest(hosted)
    make_ended(hosted, guest)
    make_ended(hosted, stranger, energy_wh=9.0)
    both = [(stranger.username, 1), (guest.username, 1)]
    assert keys(guest) == both[1:]
    assert keys(administrator) == both
    assert keys(the_operator()) == both
    assert keys(make_user()) == []


def test_months_are_whole_in_utc_and_the_newest_comes_first(hosted, guest):
    make_ended(hosted, guest, NOVEMBER)
    make_ended(hosted, guest, DECEMBER)
    make_ended(hosted, guest, DECEMBER)
    assert keys(guest, UsageGrouping.MONTH) == [("2026-12", 2), ("2026-11", 1)]
    assert keys(guest, UsageGrouping.MONTH, until=DECEMBER) == [("2026-11", 1)]


def test_organizations_are_those_at_submission(hosted, guest):
    place = Organization.objects.create(name="Example University", created_at=NOVEMBER)
    make_ended(hosted, guest, organization=place, energy_wh=9.0)
    make_ended(hosted, guest)
    lines = usage_sums(usage_seen_by(guest), UsageGrouping.ORGANIZATION)
    assert [line.label for line in lines] == ["Example University", "No organization proved"]


def test_a_sum_says_how_much_of_it_was_measured(hosted, guest):
    make_ended(hosted, guest, meter="nvml")
    make_ended(hosted, guest, meter="estimate")
    make_ended(hosted, guest, meter="", currency="CHF")
    francs, euros = usage_sums(usage_seen_by(guest), UsageGrouping.MONTH)[::-1]
    assert (euros.measured, euros.energy_wh, euros.measured_wh) == ("partly measured", 4.0, 2.0)
    assert (euros.jobs, euros.prompt_tokens, euros.completion_tokens) == (2, 20, 10)
    assert (euros.engine_seconds, euros.co2_g, euros.cost) == (72.0, 2.0, 6)
    assert (francs.measured, francs.cost) == ("estimated", 3)
    assert [total.currency for total in in_all([euros, francs])] == ["EUR", "CHF"]


def keep_idle(hosted, at, joules):
    total = Metered(joules, EnergySource.RAPL)
    keep_idle_energy(session=uuid4(), repo_id=hosted.pk, day=at.date(), total=total, now=at)


def test_idle_energy_goes_with_models_and_months_not_with_people(
    hosted, guest, administrator, settings
):
    settings.ENGINE_PUE = 1.0
    make_ended(hosted, guest, NOVEMBER)
    keep_idle(hosted, NOVEMBER, 3600.0)
    keep_idle(hosted, NOVEMBER, 7200.0)
    keep_idle(hosted, DECEMBER, 3600.0)
    seen = usage_seen_by(administrator)
    months = usage_sums(seen, UsageGrouping.MONTH)
    assert [(line.key, line.jobs, line.idle_wh) for line in months] == [
        ("2026-12", 0, 1.0),
        ("2026-11", 1, 3.0),
    ]
    [model] = usage_sums(seen, UsageGrouping.MODEL)
    assert (model.key, model.idle_wh) == (hosted.full_name, 4.0)
    [person] = usage_sums(seen, UsageGrouping.PERSON)
    assert person.idle_wh is None
    [own] = usage_sums(usage_seen_by(guest), UsageGrouping.MODEL)
    assert own.idle_wh is None


@pytest.mark.parametrize("by", list(UsageGrouping), ids=str)
def test_two_queries_do_however_many_jobs_there_are(
    hosted, guest, administrator, by, django_assert_max_num_queries
):
    for person in (guest, make_guest(hosted), administrator):
        make_ended(hosted, person)
    with django_assert_max_num_queries(2):
        usage_sums(usage_seen_by(administrator), by)


# --- the page


def page(client, person, query=MONTHS, name="usage"):
    client.force_login(person)
    return client.get(f"/{name}?{query}")


def test_the_page_shows_sums_and_which_figures_priced_them(client, hosted, guest):
    make_ended(hosted, guest, prompt_tokens=12345)
    shown = page(client, guest, f"{MONTHS}&by=model")
    text = shown.content.decode()
    assert hosted.full_name in text
    assert "12,345" in text
    assert "measured" in text
    assert "0.385 kg CO₂e per kWh" in text


def test_a_wrong_month_is_refused_by_name(client, guest):
    shown = page(client, guest, "first=soon&last=2026-12")
    assert shown.status_code == 422
    assert "Write the month as in 2026-11." in shown.content.decode()
    assert page(client, guest, "first=2026-12&last=2026-11").status_code == 422
    assert page(client, guest, "first=soon", "usage.csv").status_code == 400
    assert page(client, guest, "model=no/model").status_code == 404


def test_the_csv_has_the_same_lines_and_runs_no_formula(client, hosted, administrator):
    person = make_guest(hosted)
    person.name = "=1+1"
    person.save()
    make_ended(hosted, person)
    shown = page(client, administrator, f"{MONTHS}&by=person", "usage.csv")
    [row] = csv.DictReader(io.StringIO(shown.content.decode()))
    assert row["label"] == "'=1+1"
    assert (row["key"], row["jobs"], row["energy_wh"]) == (person.username, "1", "2.0")
    assert 'filename="usage-person-2026-11-2026-12.csv"' in shown["Content-Disposition"]


# --- the API


def test_the_api_answers_the_same(hosted, guest, administrator):
    make_ended(hosted, guest)
    api = in_session(administrator)
    answer = api.get("usage", **IN_MONTHS, by="person", limit=1).json()
    assert answer["count"] == 1
    [line] = answer["results"]
    assert (line["key"], line["energy_wh"], line["measured"]) == (guest.username, 2.0, "measured")
    assert line["cost"] == "3.00000000"
    refused = api.get("usage", first="soon")
    assert refused.status_code == 400
    assert "first" in refused.content.decode()


def test_a_token_that_may_only_prompt_reads_its_owners_use_alone(hosted, guest, administrator):
    make_ended(hosted, guest)
    make_ended(hosted, administrator)

    def read(*scopes):
        answer = by_token(administrator, *scopes).get("usage", **IN_MONTHS, by="person")
        return sorted(line["key"] for line in answer.json()["results"])

    assert read("infer") == [administrator.username]
    assert read("admin") == sorted([administrator.username, guest.username])


# --- the command


def report(*arguments):
    out = io.StringIO()
    call_command("report_usage", "--hosted", *arguments, stdout=out)
    return out.getvalue()


def test_operators_get_the_same_sums_from_the_command(hosted, guest):
    assert report().strip() == "No job ended in that time."
    make_ended(hosted, guest)
    assert hosted.full_name in report()
    [line] = json.loads(report("--by", "model", "--repo", hosted.full_name, "--json"))
    assert (line["by"], line["key"], line["jobs"]) == ("model", hosted.full_name, 1)
    assert report("--csv", "--by", "month").count("\n") == 2
    with pytest.raises(CommandError, match="--by"):
        report("--by", "revision")
