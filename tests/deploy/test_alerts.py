"""The alerts of deploy/prometheus fire when they should, and name metrics and pages that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
ALERTS = DEPLOY / "prometheus/alerts.yml"
EXTRACTED = ROOT / ".venv-peers/prometheus/usr/bin/promtool"
SOURCES = (
    ROOT / "portal/observability/metrics.py",
    *sorted((ROOT / "portal/site/operations").glob("*.py")),
    ROOT / "workers/metrics.py",
)
NAME = re.compile(r"\bweightgate_[a-z_]+")
PAGE = (ROOT / "docs/watching.md").read_text("utf-8")

rules = [
    rule for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"] for rule in group["rules"]
]
known = {
    name[1:-1]
    for path in SOURCES
    for name in re.findall(r'"weightgate_[a-z_]+"', path.read_text("utf-8"))
}


def metrics_of(text: str) -> set[str]:
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in NAME.findall(text)}


def test_each_metric_is_documented_and_nothing_else_is():
    rows = re.findall(r"^\| `(weightgate_\w+)` \| (\w+) \| ", PAGE, re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(known)
    assert {name for name, kind in rows if kind == "counter"} == {
        name for name in known if name.endswith("_total")
    }


def test_alerts_and_dashboard_name_metrics_that_exist():
    dashboard = (DEPLOY / "grafana/weightgate.json").read_text("utf-8")
    assert metrics_of(" ".join(rule["expr"] for rule in rules)) <= known
    panels = json.loads(dashboard)["panels"]
    asked = " ".join(target["expr"] for panel in panels for target in panel.get("targets", ()))
    assert len(metrics_of(asked)) > 20
    assert metrics_of(asked) <= known


def test_each_alert_leads_to_what_to_do():
    headings = re.findall(r"^### (\w+)$", PAGE, re.MULTILINE)
    assert headings == [rule["alert"] for rule in rules]
    for rule in rules:
        link = f"docs/watching.md#{rule['alert'].lower()}"
        assert rule["annotations"]["runbook_url"] == link


# --- run by Prometheus's own tool

REQUESTS = "weightgate_http_requests_total"
DURATION = "weightgate_http_request_duration_seconds_bucket"
GONE, LONG_AGO = "0x3000", "0x3000"
# What makes each alert fire, as promtool writes series: a start, a step a minute, how often.
FIRES = {
    "WeightgateDown": {'up{job="weightgate"}': "0x3000"},
    "WeightgateDatabaseDown": {"weightgate_database_up": "0x3000"},
    "WeightgateBrokerDown": {"weightgate_broker_up": "0x3000"},
    "WeightgateErrors": {
        f'{REQUESTS}{{status="500"}}': "0+1x3000",
        f'{REQUESTS}{{status="200"}}': "0+40x3000",
    },
    "WeightgateSlow": {
        f'{DURATION}{{surface="page",le="1"}}': "0+10x3000",
        f'{DURATION}{{surface="page",le="5"}}': "0+20x3000",
        f'{DURATION}{{surface="page",le="+Inf"}}': "0+20x3000",
    },
    "WeightgateConnectionsSpent": {'weightgate_db_pool_waiting{service="pages"}': "3x3000"},
    "WeightgateDiskFilling": {
        'weightgate_disk_free_bytes{folder="var"}': "9x3000",
        'weightgate_disk_size_bytes{folder="var"}': "100x3000",
    },
    "WeightgateRequestsOverdue": {"weightgate_requests_overdue": "1x3000"},
    "WeightgateAccessSuspended": {"weightgate_access_suspended": "1x3000"},
    "WeightgateRecordBroken": {"weightgate_audit_chain_broken": "1x3000"},
    "WeightgateRecordUnchecked": {
        "weightgate_audit_chain_checked_timestamp_seconds": "-172800x3000",
    },
    "WeightgateWorkerGone": {"weightgate_worker_last_tick_timestamp_seconds": "0x3000"},
    "WeightgateMailStuck": {"weightgate_mails_oldest_seconds": "0+60x3000"},
    "WeightgateMailFailed": {'weightgate_mails{state="failed"}': "0+1x3000"},
    "WeightgateModelUnserved": {'weightgate_hosted_model_ready{model="lab/m"}': "0x3000"},
    "WeightgateQueueOld": {"weightgate_jobs_oldest_queued_seconds": "300x3000"},
    "WeightgateLeasesLost": {"weightgate_lease_losses_total": "0+1x3000"},
    "WeightgateStorageFindings": {'weightgate_storage_findings{kind="missing"}': "1x3000"},
    "WeightgateBlobsUnreadable": {
        'weightgate_refusals_total{reason="blob_unavailable"}': "0+1x3000",
    },
    "WeightgateBackupOld": {"weightgate_backup_last_timestamp_seconds": "-172800x3000"},
    "WeightgateRehearsalOld": {"weightgate_rehearsal_last_sound_timestamp_seconds": "-700000x3000"},
    "WeightgateEndingsWaiting": {"weightgate_endings_waiting": "2x3000"},
}
# A site that is well: the clock moves on with each minute.
WELL = {
    'up{job="weightgate"}': "1x3000",
    "weightgate_database_up": "1x3000",
    "weightgate_broker_up": "1x3000",
    f'{REQUESTS}{{status="200"}}': "0+40x3000",
    f'{REQUESTS}{{status="500"}}': "0x3000",
    f'{DURATION}{{surface="page",le="1"}}': "0+20x3000",
    f'{DURATION}{{surface="page",le="+Inf"}}': "0+20x3000",
    f'{DURATION}{{surface="openai",le="1"}}': "0x3000",
    f'{DURATION}{{surface="openai",le="+Inf"}}': "0+20x3000",
    'weightgate_disk_free_bytes{folder="var"}': "50x3000",
    'weightgate_disk_size_bytes{folder="var"}': "100x3000",
    "weightgate_requests_overdue": "0x3000",
    "weightgate_audit_chain_checked_timestamp_seconds": "0+60x3000",
    "weightgate_worker_last_tick_timestamp_seconds": "0+60x3000",
    "weightgate_mails_oldest_seconds": "5x3000",
    'weightgate_mails{state="failed"}': "7x3000",
    'weightgate_hosted_model_ready{model="lab/m"}': "1x3000",
    "weightgate_lease_losses_total": "3x3000",
    'weightgate_storage_findings{kind="orphan"}': "4x3000",
    'weightgate_storage_findings{kind="missing"}': "0x3000",
    "weightgate_backup_last_timestamp_seconds": "0+60x3000",
    "weightgate_rehearsal_last_sound_timestamp_seconds": "0+60x3000",
    "weightgate_endings_waiting": "0x3000",
}


def case(series: dict[str, str], *alerts: str) -> dict[str, object]:
    """Return one test of promtool's: with these series, two days later, these alerts fire."""
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": "49h",
                "exp_samples": [
                    {"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in alerts
                ],
            }
        ],
    }


@pytest.fixture
def promtool():
    program = shutil.which("promtool") or (EXTRACTED.exists() and str(EXTRACTED))
    if not program:
        pytest.skip("promtool isn't here: scripts/test-packages fetches it where apt-get is")
    return lambda *arguments: subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def test_prometheus_reads_the_rules_and_the_example(promtool, tmp_path):
    for name in ("alerts.yml", "prometheus.yml"):
        shutil.copy(DEPLOY / "prometheus" / name, tmp_path)
    checked = promtool("check", "config", "--syntax-only", str(tmp_path / "prometheus.yml"))
    assert checked.returncode == 0, checked.stderr
    checked = promtool("check", "rules", str(tmp_path / "alerts.yml"))
    assert checked.returncode == 0, checked.stderr


def test_each_alert_fires_for_its_cause_and_none_where_all_is_well(promtool, tmp_path):
    assert list(FIRES) == [rule["alert"] for rule in rules]
    cases = [case(WELL), *(case(series, alert) for alert, series in FIRES.items())]
    file = tmp_path / "test.yml"
    file.write_text(
        yaml.safe_dump({"rule_files": [str(ALERTS)], "evaluation_interval": "15m", "tests": cases}),
        "utf-8",
    )
    tested = promtool("test", "rules", str(file))
    assert tested.returncode == 0, tested.stdout + tested.stderr
