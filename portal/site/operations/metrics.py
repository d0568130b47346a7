"""The metrics that Prometheus scrapes: counts of rows, and counters that all processes share."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count
from django.utils import timezone
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from portal.access.models import AccessRequest, Grant
from portal.audit.models import AuditEvent
from portal.catalog.models import StorageFinding
from portal.delivery.accounting.counters import refusals
from portal.jobs.models import Job
from portal.outbox.models import OutboxMessage

BY_STATE: dict[str, tuple[str, type[AccessRequest | Job | OutboxMessage]]] = {
    "weightgate_requests": ("Access requests by state", AccessRequest),
    "weightgate_jobs": ("Jobs by state", Job),
    "weightgate_mails": ("Mails in the outbox by state", OutboxMessage),
}


class RowCounts(Collector):
    """A collector that counts rows at each scrape, so that the figures survive restarts."""

    def collect(self) -> Iterator[Metric]:
        for name, (help_text, model) in BY_STATE.items():
            family = GaugeMetricFamily(name, help_text, labels=["state"])
            counted = model.objects.order_by().values_list("state").annotate(Count("pk"))
            for state, count in counted:
                family.add_metric([state], count)
            yield family
        active = Grant.objects.active_at(timezone.now()).count()
        yield GaugeMetricFamily("weightgate_grants_active", "Grants active now", value=active)
        refused = CounterMetricFamily(
            "weightgate_link_refusals", "Download links refused, by reason", labels=["reason"]
        )
        for reason, count in refusals().items():
            refused.add_metric([reason], count)
        yield refused
        findings = StorageFinding.objects.filter(mended_at=None).count()
        help_text = "Blobs that have changed, are gone, or belong to nothing"
        yield GaugeMetricFamily("weightgate_storage_findings", help_text, value=findings)
        head = AuditEvent.objects.count()
        yield GaugeMetricFamily("weightgate_audit_events", "Events in the chain", value=head)


registry = CollectorRegistry(auto_describe=False)
registry.register(RowCounts())
