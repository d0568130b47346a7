"""Keep what each request and letter logs out of the soak's output."""

from __future__ import annotations

import logging

for name in ("httpx2", "mail.log"):
    logging.getLogger(name).setLevel(logging.WARNING)
