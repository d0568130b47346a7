from __future__ import annotations

from tests.portal.storage.conftest import s3_servers, s3_store  # noqa: F401
