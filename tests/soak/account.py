"""`python -m tests.soak.account FILE`: say which acknowledged acts the site has lost."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import django

django.setup()

from django.utils import timezone  # noqa: E402, Django is set up first

from portal.audit.models import AuditEvent  # noqa: E402
from portal.catalog.models import Revision  # noqa: E402
from portal.jobs.models import Job  # noqa: E402
from portal.outbox.models import OutboxMessage  # noqa: E402
from portal.outbox.naming import message_id  # noqa: E402

KINDS_OF_EVENTS = ("request.submitted", "request.withdrawn", "request.approved", "grant.closed")


def is_kept(entry: dict[str, Any]) -> bool:
    kind, key = entry["kind"], entry["key"]
    if kind in KINDS_OF_EVENTS:
        return AuditEvent.objects.filter(type=kind, target_id=key).exists()
    if kind == "commit":
        return Revision.in_history.filter(commit=key).exists()  # in quarantine too
    ended = (Job.State.SUCCEEDED, Job.State.CANCELLED)  # by a reader whose connection broke
    return Job.objects.filter(http_request_id=key, state__in=ended).exists()


def main(path: Path) -> None:
    acknowledged = json.loads(path.read_text())
    state = OutboxMessage.State
    letters = OutboxMessage.objects.filter(due_at__lte=timezone.now())
    sent = letters.filter(state=state.SENT)
    found = {
        "lost": [entry for entry in acknowledged if not is_kept(entry)],
        "open_jobs": Job.objects.open().count(),
        "queued_letters": letters.filter(state=state.QUEUED).count(),
        "failed_letters": letters.filter(state=state.FAILED).count(),
        "sent_letters": [message_id(key) for key in sent.values_list("key", flat=True)],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
