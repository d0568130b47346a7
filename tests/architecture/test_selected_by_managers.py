"""Operators, active people and labs are selected by their managers, nowhere by hand."""

from __future__ import annotations

import re

from tests.architecture.test_one_rule import ROOT, SOURCES

BY_HAND = re.compile(
    r"filter\([^)]*is_superuser=True|Namespace\.objects\.filter\([^)]*person=None"
    r"|NamespaceSeat\.objects\.filter\(namespace__in"
)
MANAGERS = {"portal/accounts/managers.py", "portal/catalog/labs/seats.py"}


def test_operators_labs_and_teams_are_selected_in_one_place():
    by_hand = {
        str(path.relative_to(ROOT)) for path in SOURCES if BY_HAND.search(path.read_text("utf-8"))
    }
    assert by_hand <= MANAGERS
