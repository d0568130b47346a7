"""Prometheus reads figures of rows and of all processes, in a bounded number of queries."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

import pytest
from django.db import InterfaceError, connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from portal.audit.checking import ChainReport, Fault
from portal.audit.last_check import note_chain_check
from portal.jobs.ticks import note_tick
from portal.observability import metrics, sharing
from portal.outbox.models import OutboxMessage
from portal.redis_client import redis_client

QUERIES = 24
SUSPENSIONS = "access_accesssuspension"  # a row for each restore, of which there are few
TOKEN = "the scraper's"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(autouse=True)
def _token(settings):
    settings.METRICS_TOKEN = TOKEN
    redis_client().flushdb()


@pytest.fixture
def scrape(db):
    """Read the metrics as Prometheus does: a value for each name and labels."""

    def read():
        answer = Client().get("/metrics", headers=HEADERS)
        assert answer.status_code == HTTPStatus.OK
        return {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }

    return read


def mail(**fields):
    now = timezone.now()
    fields = {
        "key": f"k{OutboxMessage.objects.count()}",
        "created_at": now,
        "due_at": now,
        **fields,
    }
    return OutboxMessage.objects.create(kind="x", address="a@b.example", subject="s", **fields)


def test_more_rows_take_no_more_queries(scrape, django_assert_max_num_queries):
    for _ in range(3):
        mail()
    with django_assert_max_num_queries(QUERIES):
        scrape()


def test_the_age_of_mail_that_the_server_does_not_take(scrape):
    now = timezone.now()
    assert scrape()["weightgate_mails_oldest_seconds",] == 0
    mail(created_at=now - timedelta(days=9), due_at=now + timedelta(hours=1))  # it isn't due yet
    assert scrape()["weightgate_mails_oldest_seconds",] == 0
    mail(created_at=now - timedelta(hours=2), due_at=now + timedelta(hours=1), last_error="away")
    figures = scrape()
    assert 7200 <= figures["weightgate_mails_oldest_seconds",] < 7300
    assert figures["weightgate_mails", "queued"] == 2


def test_when_the_clock_and_the_chain_were_last_seen(scrape):
    now = timezone.now()
    figures = scrape()
    assert figures["weightgate_worker_last_tick_timestamp_seconds",] == 0
    assert figures["weightgate_audit_chain_checked_timestamp_seconds",] == 0
    note_tick(now)
    note_chain_check(ChainReport(fault=Fault(3, "link", "it does not fit")), now)
    figures = scrape()
    assert figures["weightgate_worker_last_tick_timestamp_seconds",] == now.timestamp()
    assert figures["weightgate_audit_chain_checked_timestamp_seconds",] == now.timestamp()
    assert figures["weightgate_audit_chain_broken",] == 1


def requests_of(figures, route, status="200"):
    name = "weightgate_http_requests_total"
    return sum(value for key, value in figures.items() if {name, route, status} <= set(key))


def test_each_request_counts_for_its_route_and_never_for_its_path(scrape):
    before = scrape()
    Client().get("/healthz?secret=one")
    Client().get("/no/such/page/two")
    after = scrape()
    assert requests_of(after, "healthz") == requests_of(before, "healthz") + 1
    assert requests_of(after, "none", "404") == requests_of(before, "none", "404") + 1
    answer = Client().get("/metrics", headers=HEADERS).text
    assert "secret" not in answer
    assert "/no/such" not in answer


@pytest.mark.django_db
async def test_a_request_on_the_event_loop_counts_for_its_time_and_is_over():
    count = metrics.http_requests.labels("page", "healthz", 200)._value.get
    before = count()
    assert (await AsyncClient().get("/healthz")).status_code == HTTPStatus.OK
    assert count() == before + 1
    assert metrics.http_in_flight._value.get() == 0


def test_what_another_process_counts_is_added_until_it_is_gone(scrape):
    other = sharing.SharedProcess("worker", "elsewhere:7")
    Client().get("/healthz")
    own = requests_of(scrape(), "healthz")
    other.write()
    figures = scrape()
    assert requests_of(figures, "healthz") == 2 * own
    assert {"worker", "elsewhere:7"} <= {label for key in figures for label in key}
    redis_client().delete("weightgate:metrics:elsewhere:7")  # as it lapses by itself
    assert requests_of(scrape(), "healthz") == own
    assert not redis_client().exists(sharing.NAMES)


def test_while_database_and_redis_are_away_what_processes_count_is_there(scrape, settings):
    Client().get("/healthz")
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with connection.execute_wrapper(_broken):
        figures = scrape()
    assert (figures["weightgate_database_up",], figures["weightgate_broker_up",]) == (0, 0)
    assert requests_of(figures, "healthz")


def _broken(execute, sql, params, many, context):
    raise InterfaceError


def test_no_table_has_to_be_read_whole(scrape):
    """Ask for each query's plan where reading a whole table is the last resort."""
    with CaptureQueriesContext(connection) as captured:
        scrape()
    queries = [query["sql"] for query in captured if query["sql"].startswith("SELECT")]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plans = {query: plan_of(cursor, query) for query in queries}
    read_whole = [query for query, plan in plans.items() if "Seq Scan" in plan]
    assert len(plans) > 10
    assert [query for query in read_whole if SUSPENSIONS not in query] == []


def plan_of(cursor, query):
    cursor.execute(f"EXPLAIN {query}")
    return "\n".join(line for (line,) in cursor.fetchall())
