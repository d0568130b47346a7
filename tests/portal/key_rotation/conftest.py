from __future__ import annotations

import pytest

from tests.portal.key_rotation.installation import KeyInstallation


@pytest.fixture
def installation(settings, monkeypatch, tmp_path) -> KeyInstallation:
    return KeyInstallation(tmp_path / "weightgate.env", settings, monkeypatch)
