from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import transaction

from tests.browser.every_page.world import Portal, make_portal


@pytest.fixture(scope="module")
def beside_playwrights_loop() -> Iterator[None]:
    """Let Django use the database in this thread, in which Playwright's loop runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


@pytest.fixture
def shown_portal(
    beside_playwrights_loop: None, transactional_db: None, tmp_path: Path, settings, monkeypatch
) -> Portal:
    """Make a portal for a live server to show."""
    settings.DEMO = True
    monkeypatch.setattr("portal.site.views.operations.CHECKS", {})
    with transaction.atomic():
        return make_portal(tmp_path)
