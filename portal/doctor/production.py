"""Check settings that are right for trying out, and wrong for an installation that people use."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Tags, run_checks
from django.http.request import validate_host

from portal import env
from portal.database.refusals import reason_of
from portal.doctor.findings import Findings, fault, ok, warning

PORTS = {"http": 80, "https": 443}
COLLECTOR_SECONDS = 2.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# What Django says of http alone: one finding here says it once.
OF_HTTP = {"security.W004", "security.W008", "security.W012", "security.W016"}


def settings_for_production() -> Findings:
    """Check names, DEBUG, DEMO, the address, where traces go, and what `check --deploy` says."""
    parts = (_unknown_names, _switches, _address, _metrics, _traces, _deployment)
    findings = [finding for part in parts for finding in part()]
    return findings or [ok("They are fit for an installation that people use.")]


def _unknown_names() -> Findings:
    """Name what looks like a setting and is none, since nothing else would ever tell."""
    return [
        warning(
            f"{name} is no setting, and does nothing.",
            f"Did you mean {nearest}?" if nearest else "Take it out; docs/settings.md has all.",
        )
        for name, nearest in env.unknown().items()
    ]


def _switches() -> Findings:
    findings = []
    if settings.DEBUG:
        findings.append(
            fault(
                "WEIGHTGATE_DEBUG is 1: error pages show the code, settings and data.",
                "Set it to 0.",
            )
        )
    if settings.DEMO:
        findings.append(fault("WEIGHTGATE_DEMO is 1: everybody can read all mail.", "Set it to 0."))
    return findings


def _address() -> Findings:
    host = urlsplit(settings.BASE_URL).hostname or ""
    findings = []
    if not settings.HTTPS and host in LOOPBACK:
        findings.append(
            warning(
                f"{settings.BASE_URL} can be reached from this host alone.",
                "Set WEIGHTGATE_BASE_URL to the https address that people will use.",
            )
        )
    elif not settings.HTTPS:
        findings.append(
            fault(
                f"{settings.BASE_URL} isn’t https: passwords, cookies and tokens can be read on "
                "their way.",
                "Get a certificate for nginx, and set WEIGHTGATE_BASE_URL to the https address.",
            )
        )
    if not validate_host(host, settings.ALLOWED_HOSTS):
        findings.append(
            fault(
                f"{host} isn’t among WEIGHTGATE_ALLOWED_HOSTS: every request is refused.",
                f"Add {host} to it.",
            )
        )
    return findings


def _metrics() -> Findings:
    """Return what makes /metrics readable to more than those who watch the installation."""
    open_to_all = [str(net) for net in settings.METRICS_NETWORKS if not net.prefixlen]
    if open_to_all:
        return [
            fault(
                f"Anybody can read /metrics: WEIGHTGATE_METRICS_NETWORKS has {open_to_all[0]}.",
                "Name the networks of your own that Prometheus is in, or use a token.",
            )
        ]
    if any(net.is_loopback for net in settings.METRICS_NETWORKS):
        return [
            warning(
                "This host may read /metrics without a token, and so may whoever reaches the "
                "portal through a proxy on it that isn’t by deploy/nginx.conf.template.",
                "Use WEIGHTGATE_METRICS_TOKEN instead, where there is such a proxy.",
            )
        ]
    return []


def _traces() -> Findings:
    """Try to reach the collector; its address may hold a password, and isn't repeated."""
    if not settings.OTLP_ENDPOINT:
        return []
    name = "OTEL_EXPORTER_OTLP_ENDPOINT"
    try:
        url = urlsplit(settings.OTLP_ENDPOINT)
        host, port = url.hostname, url.port or PORTS[url.scheme]
    except (ValueError, KeyError):
        host, port = None, 0
    if not host:
        remedy = "Write it as http://collector:4318, or unset it."
        return [fault(f"{name} is no address: traces go nowhere.", remedy)]
    try:
        socket.create_connection((host, port), COLLECTOR_SECONDS).close()
    except OSError as error:
        remedy = f"Start the collector, or correct {name}. Meanwhile traces are lost."
        return [warning(f"{host}:{port} of {name} can’t be reached: {reason_of(error)}", remedy)]
    return []


def _deployment() -> Findings:
    """Return Django's warnings; those about http are said already."""
    messages = run_checks(tags=[Tags.security], include_deployment_checks=True)
    ignored = set() if settings.HTTPS else OF_HTTP
    return [
        fault(message.msg, message.hint or f"See {message.id} in Django’s list of checks.")
        for message in messages
        if message.id not in ignored and message.id != "security.W018"  # DEBUG, said already
    ]
