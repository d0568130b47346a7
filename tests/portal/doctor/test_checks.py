"""Each check names what is wrong, and how to mend it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.db import connection
from django.utils import timezone

from portal.doctor import broker, database, host, mail, production, storage, web, workers
from portal.doctor import keys as key_checks
from portal.doctor.database import judged_log
from portal.doctor.findings import Findings, FindingState
from portal.jobs.ticks import KEY, last_tick, note_tick
from portal.own_keys import private_pem
from portal.redis_client import redis_client
from portal.storage import blob_store
from tests.buckets import COMMANDS, make_s3_store
from tests.live import free_port
from workers.maintenance import sweep_jobs


def faults(findings: Findings) -> list[str]:
    return [finding.message for finding in findings if finding.state == FindingState.FAULT]


def warnings(findings: Findings) -> list[str]:
    return [finding.message for finding in findings if finding.state == FindingState.WARNING]


def remedies(findings: Findings) -> str:
    return " ".join(finding.remedy for finding in findings)


def test_a_key_that_others_read_is_a_fault(keys):
    file = keys / "manifest/key.pem"
    file.chmod(0o644)
    findings = key_checks.signing_keys()
    assert len(faults(findings)) == 1
    assert f"chmod 600 {file}" in remedies(findings)


def test_keys_that_are_not_there_are_not_made(keys, settings):
    settings.MANIFEST_KEY_FILE = keys / "elsewhere/key.pem"
    settings.SIGNING_KEY_FILE = keys / "elsewhere/signing.pem"
    findings = key_checks.signing_keys()
    assert len(warnings(findings)) == 2
    assert "setup" in remedies(findings)
    assert not (keys / "elsewhere").exists()


def test_a_key_that_cannot_be_read_and_a_certificate_of_another_are_faults(keys, settings):
    (keys / "manifest/key.pem").write_text("no key")
    settings.SIGNING_KEY_FILE = keys / "other.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    settings.SIGNING_KEY_FILE.write_bytes(private_pem(key))
    settings.SIGNING_KEY_FILE.chmod(0o600)
    findings = key_checks.signing_keys()
    assert "WEIGHTGATE_MANIFEST_KEY_FILE" in remedies(findings)
    assert "isn’t the certificate of" in " ".join(faults(findings))


@pytest.mark.parametrize("make", list(COMMANDS))
def test_a_bucket_is_tried_by_its_links_too(s3_servers, settings, make):
    settings.STORAGE = "s3"
    store = make_s3_store(s3_servers(make), settings)
    blob_store.cache_clear()
    assert faults(storage.round_trip()) == []
    assert list(store.stored()) == []
    settings.S3_SECRET_ACCESS_KEY = "another"
    blob_store.cache_clear()
    findings = storage.round_trip()
    assert len(faults(findings)) == 1
    assert "WEIGHTGATE_S3_BUCKET" in remedies(findings)


def test_a_folder_that_cannot_be_written_is_a_fault(settings, tmp_path):
    (tmp_path / "file").write_text("")
    settings.BLOB_DIR = settings.VAR = tmp_path / "file/blobs"
    blob_store.cache_clear()
    assert "WEIGHTGATE_BLOB_DIR" in remedies(storage.round_trip())
    assert faults(host.disk())


def test_the_clock_is_looked_at(settings):
    (finding,) = host.clock()
    assert finding.state in (FindingState.OK, FindingState.WARNING)


def test_mail_is_tried_and_a_letter_arrives(postbox, settings):
    settings.MAIL = "smtp"
    settings.DEFAULT_FROM_EMAIL = "Example Lab <gate@lab.example>"
    assert faults(mail.server()) == []
    assert postbox.taken == []
    (sent,) = mail.letter_to("operator@lab.example")
    assert postbox.taken == ["operator@lab.example"]
    assert b"@lab.example>" in postbox.contents[0].partition(b"Message-ID: ")[2].splitlines()[0]
    assert "_dmarc.lab.example" in sent.message
    postbox.refusals["nobody@lab.example"] = "550 No such person here"
    assert "No such person here" in faults(mail.letter_to("nobody@lab.example"))[0]


def test_a_mail_server_that_is_away_is_a_fault(settings):
    settings.MAIL, settings.EMAIL_HOST, settings.EMAIL_PORT = "smtp", "127.0.0.1", free_port()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert "WEIGHTGATE_SMTP_HOST" in remedies(mail.server())
    settings.MAIL = "files"
    assert warnings(mail.server())


def test_eviction_and_an_old_version_are_named():
    drops = broker.judged({"redis_version": "7.4.1", "maxmemory_policy": "allkeys-lru"})
    assert "maxmemory-policy" in remedies(drops)
    assert faults(broker.judged({"redis_version": "5.0.14"}))
    (well,) = broker.judged({"valkey_version": "8.1.0", "redis_version": "7.2.4"})
    assert well.message.startswith("Valkey 8.1.0")


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_away_is_a_fault_and_its_tasks_leave_a_sign():
    redis_client().delete(KEY)
    assert last_tick() is None
    assert "weightgate worker" in remedies(workers.alive())
    before = timezone.now()
    sweep_jobs()
    ticked_at = last_tick()
    assert ticked_at
    assert abs(ticked_at - before) < timedelta(seconds=60)
    note_tick(before - timedelta(hours=1))
    assert last_tick() == before - timedelta(hours=1)


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("DEBUG", True, "Set it to 0."),
        ("DEMO", True, "Set it to 0."),
        ("BASE_URL", "http://weights.example.org", "https address"),
        ("ALLOWED_HOSTS", ["other.example.org"], "Add weights.example.org to it."),
        ("SECRET_KEY", "short", "SECRET_KEY"),
        ("SESSION_COOKIE_SECURE", False, "SESSION_COOKIE_SECURE"),
        ("OTLP_ENDPOINT", "garbage", "Write it as http://collector:4318"),
        ("OTLP_ENDPOINT", "http://[::1", "Write it as http://collector:4318"),
        ("OTLP_ENDPOINT", "collector:4318", "Write it as http://collector:4318"),
    ],
)
def test_what_is_for_trying_out_is_a_fault_of_an_installation(settings, name, value, remedy):
    fit_for_production(settings)
    assert faults(production.settings_for_production()) == []
    setattr(settings, name, value)
    if name == "BASE_URL":
        settings.HTTPS = False
    findings = production.settings_for_production()
    assert len(faults(findings)) >= 1
    assert remedy in " ".join(faults(findings)) + remedies(findings)


def test_a_collector_that_is_away_is_warned_of(settings):
    settings.OTLP_ENDPOINT = f"http://user:secret@127.0.0.1:{free_port()}"
    findings = production.settings_for_production()
    assert "can’t be reached" in " ".join(warnings(findings))
    assert "secret@" not in str(findings)


def test_a_misspelt_setting_is_warned_of_with_the_nearest_name(monkeypatch):
    for name in ("WEIGHTGATE_SMTP_PROT", "WEIGHTGATE_XYZZY_PLUGH", "WEIGHTGATE_SETUP_EMAIL"):
        monkeypatch.setenv(name, "25")
    findings = production.settings_for_production()
    assert "WEIGHTGATE_SMTP_PROT is no setting, and does nothing." in warnings(findings)
    assert "Did you mean WEIGHTGATE_SMTP_PORT?" in remedies(findings)
    assert "WEIGHTGATE_XYZZY_PLUGH is no setting, and does nothing." in warnings(findings)
    assert "WEIGHTGATE_SETUP_EMAIL" not in str(findings)


def fit_for_production(settings) -> None:
    settings.BASE_URL, settings.HTTPS = "https://weights.example.org", True
    settings.ALLOWED_HOSTS = ["weights.example.org"]
    settings.DEBUG = settings.DEMO = False
    settings.SECRET_KEY = "k0J3v-" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True


@pytest.mark.django_db(transaction=True)
def test_another_server_at_the_address_is_a_fault(settings, postbox):
    """A mail server speaks no HTTP; whatever answers, it isn't the portal."""
    settings.BASE_URL = f"http://127.0.0.1:{settings.EMAIL_PORT}"
    assert len(faults(web.address())) == 1


def test_without_nginx_its_check_is_skipped(settings):
    settings.X_ACCEL_PREFIX = ""
    (finding,) = web.bytes_by_nginx()
    assert finding.state == FindingState.SKIPPED


# --- what PostgreSQL writes into its log

LOGGED = "with their values"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, None),
        ({"log_statement": "ddl"}, None),
        ({"log_statement": "mod"}, LOGGED),
        ({"log_statement": "all", "log_parameter_max_length": "0"}, None),
        ({"log_min_duration_statement": "500"}, LOGGED),
        ({"log_min_duration_sample": "100", "log_statement_sample_rate": "0.1"}, LOGGED),
        ({"log_min_duration_sample": "100", "log_statement_sample_rate": "0"}, None),
        ({"log_transaction_sample_rate": "0.01"}, LOGGED),
        ({"log_parameter_max_length_on_error": "-1"}, "that fail"),
        ({"auto_explain.log_min_duration": "0"}, None),
        (
            {
                "auto_explain.log_min_duration": "0",
                "auto_explain.log_parameter_max_length": "-1",
            },
            "auto_explain",
        ),
    ],
    ids=str,
)
def test_a_log_that_would_hold_prompts_is_warned_of(changed, words):
    with connection.cursor() as cursor:
        for name, value in changed.items():
            if not name.startswith("auto_explain"):
                cursor.execute(f"SET LOCAL {name} = '{value}'")
        cursor.execute(database.LOG_SETTINGS)
        found = judged_log({**dict(cursor.fetchall()), **changed})
    assert [words in warning for warning in warnings(found)] == ([True] if words else [])
    assert faults(found) == []
    assert "SET" in remedies(found) or not words


@pytest.mark.django_db
def test_the_servers_own_log_is_looked_at(monkeypatch):
    seen = []
    monkeypatch.setattr(database, "judged_log", lambda settings: seen.append(settings) or [])
    database.server()
    assert {"log_statement", "log_parameter_max_length"} <= seen[0].keys()
