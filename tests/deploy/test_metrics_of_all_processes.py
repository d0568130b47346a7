"""Behind nginx, one scrape tells of each process of the site."""

from __future__ import annotations

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.waiting import wait_until

SERVICES = {"pages", "streams", "worker"}


@pytest.mark.xdist_group("live_split")
def test_one_scrape_tells_of_pages_streams_and_worker(live_split):
    base, token = live_split.base_url, live_split.account("operator")["token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx2.get(f"{base}/metrics").status_code == 404
    assert httpx2.get(f"{base}/v1/models", headers=headers).status_code == 200

    def seen():
        families = text_string_to_metric_families(
            httpx2.get(f"{base}/metrics", headers=headers).text
        )
        samples = [sample for family in families for sample in family.samples]
        routes = {
            (sample.labels["service"], sample.labels["route"])
            for sample in samples
            if sample.name == "weightgate_http_requests_total"
        }
        services = {sample.labels["service"] for sample in samples if "service" in sample.labels}
        loaded = any(sample.name == "weightgate_engine_slots" for sample in samples)
        # What a process counts is seen some seconds later.
        counted = ("pages", "metrics") in routes and "streams" in {service for service, _ in routes}
        return loaded and services == SERVICES and counted

    wait_until(seen, 60, "each service's figures")
