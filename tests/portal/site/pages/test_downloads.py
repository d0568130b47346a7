"""Downloads of a model: the team's page, the API's list, and the operator's report."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from portal import formatting
from portal.accounts.models import User
from portal.delivery.accounting.usage import Grouping, usage_of
from portal.delivery.models import Download
from tests.factories.access import make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_folder, make_repo, make_reviewer, make_revision
from tests.factories.grants import make_administrator, make_entity_grant, make_member
from tests.portal.api.api_calls import in_session
from tests.portal.world import SHARD, make_world


@pytest.fixture
def world(db, tmp_path):
    return make_world(tmp_path / "in")


@pytest.fixture
def fetched(world):
    """One download: asked for so much, sent so much."""

    def fetched(person, length_bytes, sent=None, *, at=None, revision=None):
        revision = revision or world.revision
        Download.objects.create(
            person=person,
            file=revision.files.get(path=SHARD),
            revision=revision,
            length_bytes=length_bytes,
            bytes_sent=sent,
            status_code=200,
            started_at=at or timezone.now(),
        )

    return fetched


def lines(repo, by, **within):
    usages = usage_of(repo, by, **within)
    return [(usage.label, usage.downloads, usage.size_bytes) for usage in usages]


def test_by_person_what_was_sent_or_else_asked_for(world, fetched):
    fetched(world.researcher, 100, 40)
    fetched(world.researcher, 60)
    fetched(None, 500, 500)
    assert lines(world.repo, Grouping.PERSON) == [
        ("Nobody signed in", 1, 500),
        (world.researcher.display_name, 2, 100),
    ]
    assert lines(make_repo(), Grouping.PERSON) == []


def test_by_organization_as_requests_name_it_members_by_their_holder(world, fetched):
    now = timezone.now() - timedelta(minutes=9)
    asker = make_user()
    make_request(world.repo, asker, now=now, organization="Other University")
    holder = make_user()
    make_request(world.repo, holder, now=now)
    grant = make_entity_grant(world.repo, person=holder, now=now)
    member = make_member(grant, now=now).person
    offered = make_entity_grant(world.repo, now=now).person
    people = {world.researcher: 1, asker: 20, member: 4, make_user(): 30, offered: 3}
    for person, sent in people.items():
        fetched(person, sent)
    assert lines(world.repo, Grouping.ORGANIZATION) == [
        ("No organization named", 1, 30),
        ("Other University", 1, 20),
        ("Example University", 2, 5),
        ("Example University, Dean", 1, 3),
    ]


def test_by_revision_and_within_a_time(world, fetched, tmp_path):
    make_folder(world.folder, **{"config.json": '{"a": 1}'})
    second = make_revision(world.repo, world.folder, title="Second", now=timezone.now())
    yesterday = timezone.now() - timedelta(days=1)
    fetched(world.researcher, 7, at=yesterday)
    fetched(world.stranger, 9, revision=second)
    assert lines(world.repo, Grouping.REVISION) == [("Second", 1, 9), ("First", 1, 7)]
    later = yesterday + timedelta(hours=1)
    assert lines(world.repo, Grouping.REVISION, since=later) == [("Second", 1, 9)]
    assert lines(world.repo, Grouping.REVISION, until=later) == [("First", 1, 7)]
    assert lines(world.repo, Grouping.REVISION, since=yesterday, until=yesterday) == []


@pytest.mark.parametrize("by", list(Grouping))
def test_it_costs_the_same_however_many(world, fetched, django_assert_max_num_queries, by):
    people = User.objects.bulk_create(
        User(username=f"many-{number}", email=f"many-{number}@example.org") for number in range(60)
    )
    for person in people:
        fetched(person, 5)
    with django_assert_max_num_queries(5):
        assert usage_of(world.repo, by)


def test_the_page_is_the_teams(world, fetched, client):
    fetched(world.researcher, 3_000_000)
    url = f"/downloads/{world.repo.full_name}"
    client.force_login(world.researcher)
    assert client.get(url).status_code == 403
    client.force_login(make_reviewer(world.repo))
    assert f'href="{url}"' in client.get(f"/{world.repo.full_name}").text
    for by, shown in {
        "person": world.researcher.display_name,
        "organization": "Example University",
        "revision": "First",
        "nonsense": world.researcher.display_name,
    }.items():
        page = client.get(f"{url}?by={by}")
        assert page.status_code == 200
        assert shown in page.text
    assert formatting.size(3_000_000) in page.text


def test_a_page_without_downloads_says_so(world, client):
    client.force_login(make_reviewer(world.repo))
    assert "No downloads yet" in client.get(f"/downloads/{world.repo.full_name}").text


def test_the_api_lists_the_same_in_pages(world, fetched):
    for number in range(3):
        fetched(make_user(), 10 + number)
    api = in_session(make_administrator(world.repo))
    url = f"/api/v1/models/{world.repo.full_name}/downloads/"
    content = api.get(f"{url}?limit=2").json()
    assert content["count"] == 3
    assert [row["size_bytes"] for row in content["results"]] == [12, 11]
    assert content["next"]
    assert api.get(f"{url}?by=organization").json()["results"][0]["people"] == 3
    later = (timezone.now() + timedelta(days=1)).isoformat().replace("+", "%2B")
    assert api.get(f"{url}?since={later}").json()["results"] == []
    for wrong, field in (
        ("by=nobody", "by"),
        ("since=soon", "since"),
        ("page_size=3", "page_size"),
    ):
        refused = api.get(f"{url}?{wrong}")
        assert refused.status_code == 400
        assert field in refused.json()["error"]["fields"]


def report(*arguments):
    out = io.StringIO()
    call_command("report_usage", *arguments, stdout=out)
    return out.getvalue()


def test_the_report_as_table_json_and_csv(world, fetched):
    User.objects.filter(pk=world.researcher.pk).update(name="=1+1")
    fetched(world.researcher, 5_000)
    table = report()
    for by in Grouping:
        assert f"{world.repo.full_name}, by {by}" in table
    assert "5,000 bytes" in table
    assert f"=1+1 ({world.researcher.username})" in table
    fetched(None, 7)
    assert "Nobody signed in\n" in report("--by", "person")
    row, _ = json.loads(report("--json", "--by", "person", "--repo", world.repo.full_name))
    assert (row["key"], row["bytes"], row["downloads"]) == (world.researcher.username, 5_000, 1)
    line, _ = csv.DictReader(io.StringIO(report("--csv", "--by", "person")))
    assert (line["label"], line["bytes"]) == ("'=1+1", "5000")


def test_the_report_is_of_the_time_asked_for(world, fetched):
    fetched(world.researcher, 5, at=timezone.now() - timedelta(days=40))
    since = f"{timezone.now() - timedelta(days=2):%Y-%m-%d}"
    assert "There were no downloads" in report("--since", since)
    assert "5 bytes" in report("--until", since)


def test_the_report_says_what_it_cannot_read(world):
    with pytest.raises(CommandError, match="2026-11-01"):
        report("--since", "2026-13-45")
    with pytest.raises(CommandError, match="namespace/name"):
        report("--repo", "nobody/nothing")
