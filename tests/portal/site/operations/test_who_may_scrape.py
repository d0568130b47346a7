"""The metrics are for the scraper's token, for a network that settings name, and for operators."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from portal import env
from portal.doctor.production import settings_for_production

NEAR, FAR = "10.1.2.3", "192.0.2.7"
PORT = {"REMOTE_ADDR": NEAR}
SOCKET = {"REMOTE_ADDR": ""}  # as gunicorn says it of a unix socket


@pytest.fixture
def status(db):
    def ask(headers=None, **environ):
        return Client().get("/metrics", headers=headers or {}, **environ).status_code

    return ask


@pytest.fixture
def _networks(settings):
    settings.METRICS_NETWORKS = [ip_network("10.1.0.0/16"), ip_network("::1")]


def test_without_a_setting_nobody_reads_not_even_this_host(status):
    assert status(REMOTE_ADDR="127.0.0.1") == 404
    assert status(**SOCKET, headers={"X-Forwarded-For": "127.0.0.1"}) == 404


def test_an_empty_token_is_nobodys(status, settings):
    settings.METRICS_TOKEN = ""
    assert status({"Authorization": "Bearer "}) == 404
    settings.METRICS_TOKEN = "a-token"
    assert status({"Authorization": "Bearer a-toke"}) == 401
    assert status({"Authorization": "Bearer a-token"}) == 200


@pytest.mark.usefixtures("_networks")
@pytest.mark.parametrize("address", [NEAR, f"::ffff:{NEAR}", "::1"])
def test_a_network_that_is_named_reads(status, address):
    assert status(REMOTE_ADDR=address) == 200
    assert status(**SOCKET, headers={"X-Forwarded-For": address}) == 200


@pytest.mark.usefixtures("_networks")
def test_another_network_does_not(status):
    assert status(REMOTE_ADDR=FAR) == 404
    assert status(**SOCKET, headers={"X-Forwarded-For": FAR}) == 404
    assert status(**SOCKET) == 404


@pytest.mark.usefixtures("_networks")
@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Via", "X-Real-IP"]
)
def test_at_a_port_a_proxy_in_a_named_network_does_not_let_others_in(status, name):
    assert status({name: NEAR}, **PORT) == 404


@pytest.mark.usefixtures("_networks")
@pytest.mark.parametrize("headers", [{"Forwarded": f"for={FAR}"}, {"Via": "1.1 front"}])
def test_nor_does_a_proxy_before_our_own(status, headers):
    assert status({**headers, "X-Forwarded-For": NEAR}, **SOCKET) == 404


@pytest.mark.usefixtures("_networks")
def test_what_a_client_wrote_before_our_proxy_did_counts_for_nothing(status):
    assert status({"X-Forwarded-For": f"{NEAR}, {FAR}"}, **SOCKET) == 404


def test_a_network_that_cannot_be_read_stops_the_start(monkeypatch):
    monkeypatch.setenv("WEIGHTGATE_METRICS_NETWORKS", "10.1.2.3/16")
    with pytest.raises(ImproperlyConfigured, match=r"WEIGHTGATE_METRICS_NETWORKS.*host bits"):
        env.networks("WEIGHTGATE_METRICS_NETWORKS")


@pytest.mark.parametrize(("network", "words"), [("0.0.0.0/0", "Anybody"), ("127.0.0.0/8", "proxy")])
def test_the_doctor_names_a_network_that_is_too_wide(settings, network, words):
    settings.METRICS_NETWORKS = [ip_network(network)]
    said = [
        finding.message for finding in settings_for_production() if "/metrics" in finding.message
    ]
    assert len(said) == 1
    assert words in said[0]
