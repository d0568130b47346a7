"""Everything that a page offers leads somewhere, for every role; a lost session loses nobody."""

from __future__ import annotations

import os

import pytest

from tests.live import Live
from tests.walker import Walker

pytestmark = [pytest.mark.xdist_group("live"), pytest.mark.timeout(7200)]
WHOLE = bool(os.environ.get("WALK_ALL"))
SAMPLED = ["", "approved", "reviewer", "operator"]
OTHERS = [  # all are walked by make soak
    *("offered", "applicant", "newcomer", "publisher", "publisher2", "reviewer2", "held", "asked"),
    *("appellant", "declined", "late", "former", "renewing", "holder", "member", "invited"),
    "waiting",
]
AT_MOST, OF_A_KIND = (3000, 12) if WHOLE else (45, 1)
START = ["/", "/accounts/signup/", "/accounts/password/reset/"]


@pytest.mark.parametrize("role", SAMPLED + (OTHERS if WHOLE else []))
def test_what_is_offered_is_there(live: Live, role: str) -> None:
    account = live.account(role) if role else None
    walk = Walker(live.base_url, account, OF_A_KIND).walk(START, AT_MOST)
    print(f"{role or 'anonymous'}: {walk.pages} pages, {walk.links} links, {walk.forms} forms")
    assert walk.faults == []
    assert walk.pages >= 15
    assert walk.forms > 1
