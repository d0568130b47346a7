"""Two workers at once: each mail goes out, and none goes out twice."""

from __future__ import annotations

import pytest

from portal.outbox.models import OutboxMessage
from portal.outbox.services import deliver_due, deliver_one
from tests.portal.outbox.mails import queue

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_one_in_a_workers_hands_is_passed_over(now, in_a_thread, slow_server):
    queue(now, key="one", subject="one")
    first = in_a_thread(lambda: deliver_one(now=now))
    slow_server.has_one.wait(10)
    assert deliver_one(now=now) is False  # it is due, and yet in other hands
    slow_server.may_go_on.set()
    assert first.result(10) is True
    assert slow_server.taken == ["one"]


def test_many_mails_go_out_once_each(now, in_a_thread, slow_server):
    slow_server.may_go_on.set()
    names = [f"mail {number}" for number in range(20)]
    for name in names:
        queue(now, key=name, subject=name)
    ends = [in_a_thread(lambda: deliver_due(now=now)) for _ in range(3)]
    assert sum(end.result(20) for end in ends) == 20
    assert sorted(slow_server.taken) == sorted(names)
    assert set(OutboxMessage.objects.values_list("state", flat=True)) == {"sent"}
