"""Appending looks up one place in an index, however long the chain."""

from __future__ import annotations

import pytest
from django.db import connection

from portal.audit.models import AuditEvent

pytestmark = pytest.mark.django_db


def test_the_head_is_found_by_the_index_alone(five_events):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # five rows fit one page: no index needed
    plan = AuditEvent.objects.order_by("-sequence").values_list("sequence", "hash")[:1].explain()
    assert "Index Scan Backward using audit_auditevent_pkey" in plan
    assert "Sort" not in plan
