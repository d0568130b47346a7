"""Measure the reviewers' queue: 1,000 open requests, against 100,000 and a million closed.

    make bench                         # both sizes; a throwaway PostgreSQL, gone afterwards
    scripts/bench_queue.py --rounds 50

Two databases stand side by side in one server, and the pages are asked of each in turn, so that
what else the machine does weighs on both.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

from throwaway import servers

SIZES = {"small": (1_000, 10_000), "large": (100_000, 1_000_000)}
PAGES = {
    "queue": "",
    "queue, new": "?view=new",
    "queue, overdue": "?flag=overdue",
    "queue, one country": "?country=KE",
    "queue, a rare word": "?q=marmoset",
    "queue, a common word": "?q=calibration",
    "queue, grouped": "?group=organization",
    "queue, decided": "?view=decided",
}
MOST = 1.2


USERS = """
INSERT INTO accounts_user (password, is_superuser, username, name, email, is_staff, is_active,
                           date_joined)
SELECT '', false, 'bench-' || n, 'Researcher ' || n, 'bench-' || n || '@example.org', false, true,
       now() - interval '300 days'
FROM generate_series(1, %(people)s) n
"""
REQUESTS = """
INSERT INTO access_accessrequest (repo_id, applicant_id, state, draft, created_at, saved_at,
    submitted_at, due_at, closed_at, organization_name, sector, country, evidence_is_clear,
    escalation_level, was_asked)
SELECT %(repo)s, u.id,
    CASE WHEN %(closed)s THEN (ARRAY['approved', 'declined'])[1 + u.n %% 2]
         ELSE (ARRAY['in_review', 'in_review', 'in_review', 'needs_info', 'held'])[1 + u.n %% 5]
    END,
    jsonb_build_object('name', 'Researcher ' || u.n, 'organization', 'University ' || u.n %% 500,
        'modes', jsonb_build_array('download'), 'sector', 'academia',
        'purpose', 'We study calibration of models, question word' || u.n %% 50000
            || CASE WHEN u.n %% (%(people)s / 20) = 7 THEN ' of marmosets' ELSE '' END,
        'outputs', 'A paper and code.'),
    at, at, at, at + interval '14 days', CASE WHEN %(closed)s THEN at + interval '9 days' END,
    'University ' || u.n %% 500, 'academia',
    (ARRAY['NL', 'KE', 'BR', 'IN', 'DE', 'US', 'JP', 'NG', 'FR', 'CA'])[1 + u.n %% 10],
    u.n %% 3 = 0, 0, u.n %% 5 = 3
FROM (SELECT id, row_number() OVER () AS n FROM accounts_user WHERE username LIKE 'bench-%%') u,
     LATERAL (SELECT now() - interval '250 days' * (u.n / %(people)s::float)
              - interval '1 day' * %(batch)s AS at) t
"""


def fill(repo_id: int, open_count: int, closed_count: int) -> None:
    """Make one person for each open request; the closed requests are theirs too."""
    from django.db import connection

    parameters = {"people": open_count, "repo": repo_id}
    with connection.cursor() as cursor:
        cursor.execute(USERS, parameters)
        cursor.execute(REQUESTS, parameters | {"closed": False, "batch": 0})
        for batch in range(closed_count // open_count):
            cursor.execute(REQUESTS, parameters | {"closed": True, "batch": 30 + batch})
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def use(name: str) -> None:
    from django.db import connection

    connection.close()
    connection.settings_dict["NAME"] = name


def prepare(name: str, open_count: int, closed_count: int) -> int:
    """Make a database of this size; return the primary key of its reviewer."""
    from django.core.management import call_command
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
    home = connection.settings_dict["NAME"]
    use(name)
    call_command("migrate", verbosity=0)
    from tests.factories.catalog import make_repo, make_reviewer

    repo = make_repo()
    reviewer = make_reviewer(repo)
    began = time.perf_counter()
    fill(repo.pk, open_count, closed_count)
    print(
        f"{name}: {open_count:,} open, {closed_count:,} closed; filled in "
        f"{time.perf_counter() - began:.0f} s",
        flush=True,
    )
    use(home)
    return reviewer.pk


def measure(reviewers: dict[str, int], rounds: int) -> dict[tuple[str, str], list[float]]:
    """Seconds of each page in each database, asked in turn."""
    from django.test import Client

    from portal.accounts.models import User

    times: dict[tuple[str, str], list[float]] = {}
    clients = {name: Client() for name in reviewers}
    for name, client in clients.items():
        use(name)
        client.force_login(User.objects.get(pk=reviewers[name]))
    for number in range(rounds + 1):
        for name, client in clients.items():
            use(name)
            client.get("/queue")  # a connection, and what it keeps
            for page, query in PAGES.items():
                for _ in range(3):
                    began = time.perf_counter()
                    response = client.get(f"/queue{query}")
                    seconds = time.perf_counter() - began
                    assert response.status_code == 200, response.status_code  # noqa: S101
                    if number:  # the first round warms up
                        times.setdefault((page, name), []).append(seconds)
    return times


def report(times: dict[tuple[str, str], list[float]]) -> bool:
    """Print each page's p50 and p95 in ms, and the ratios; True if the queue is within MOST."""
    print(f"{'page':22} {'p50':>7} {'p50':>7} {'ratio':>6} {'p95':>8} {'p95':>7} {'ratio':>6}")
    is_within_bound = True
    for page in PAGES:
        figures = []
        for at in (50, 95):
            small, large = (
                1000 * statistics.quantiles(times[page, name], n=100)[at - 1] for name in SIZES
            )
            figures += [small, large, large / small]
        print("{:22} {:7.1f} {:7.1f} {:6.2f} {:8.1f} {:7.1f} {:6.2f}".format(page, *figures))
        is_within_bound = is_within_bound and (page != "queue" or figures[5] <= MOST)
    return is_within_bound


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="three of each page a round")
    rounds = parser.parse_args().rounds
    with servers():
        import django
        from django.test.utils import setup_test_environment

        django.setup()
        setup_test_environment(debug=False)
        reviewers = {name: prepare(name, *size) for name, size in SIZES.items()}
        is_within_bound = report(measure(reviewers, rounds))
        from django.db import connection

        connection.close()
    print(
        "The queue is as fast when it is long." if is_within_bound else f"p95 is past {MOST} times."
    )
    return 0 if is_within_bound else 1


if __name__ == "__main__":
    sys.exit(main())
