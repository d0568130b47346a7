from __future__ import annotations

import pytest

from tests.factories.catalog import make_licence
from tests.portal.hub.desk import Desk, file_line

CARD = b"---\nlicense: other\nlicense_name: noncommercial\n---\n# A model\n"


@pytest.fixture
def licensed(desk: Desk) -> Desk:
    """Make a repo whose card names a licence that is published here."""
    make_licence()
    desk.commit(file_line("README.md", CARD))
    return desk
