"""Measure how long the server works on each page: the median of some visits, in milliseconds.

``make bench`` runs it and prints the slowest; without ``PAGES_BENCH`` there is nothing to do.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from statistics import median

import pytest

from tests.architecture.permissions.test_permissions import undone
from tests.browser.every_page.test_by_request import browse
from tests.browser.every_page.visits import Visit, visits
from tests.browser.every_page.world import crowd, make_portal

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not os.environ.get("PAGES_BENCH"), reason="make bench measures"),
]
VISITS = 9
SHOWN = 20  # of the slowest
TARGET_MS = 60


def test_the_server_answers_each_page_soon(
    tmp_path: Path, settings, monkeypatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.DEMO = True
    monkeypatch.setattr("portal.site.views.operations.CHECKS", {})
    portal = make_portal(tmp_path)
    crowd(portal)
    taken = {str(visit): milliseconds(visit) for visit in visits(portal)}
    slowest = sorted(taken.items(), key=lambda item: -item[1])
    with capsys.disabled():
        print(f"\n{len(taken)} pages, median {median(taken.values()):.0f} ms; the slowest:")
        for name, took in slowest[:SHOWN]:
            print(f"{took:7.0f} ms{'  over' if took > TARGET_MS else ''}  {name}")
    assert taken


def milliseconds(visit: Visit) -> float:
    """Return the median time of the server's part, without network and browser."""
    client, times = browse(visit.person), []
    for _ in range(VISITS + 1):  # the first fills caches of templates and compiled queries
        with undone():
            began = time.perf_counter()
            client.get(visit.path, follow=True)
            times.append(time.perf_counter() - began)
    return 1000 * median(times[1:])
