from __future__ import annotations

from datetime import timedelta

import pytest

from portal.audit.heads import publish_heads
from portal.audit.models import AuditEvent
from tests.factories.accounts import make_user
from tests.portal.audit.chains import append


@pytest.fixture
def five_events(now) -> list[AuditEvent]:
    """Append four events to the one that an account records itself."""
    append(make_user(), *[now] * 4)
    return list(AuditEvent.objects.all())


@pytest.fixture
def five_published(five_events, now) -> list[AuditEvent]:
    """Publish the head of the day of ``five_events``."""
    publish_heads(now + timedelta(days=1))
    return five_events
