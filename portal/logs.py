"""No secret reaches a log: what looks like a token or a link's signature is blotted out."""

from __future__ import annotations

import logging
import re

SECRETS = re.compile(
    r"wg_[0-9A-Za-z]{8,}"
    r"|(?<=/-/d/)[^/\s\"']+|(?<=/confirm-email/)[^/\s\"']+|(?<=/reset/key/)[^/\s\"']+"
    r"|(?<=/references/)[^/\s\"']+|(?<=/affiliations/prove/)[^/\s\"']+"
)


class RedactSecrets(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        redacted = SECRETS.sub("***", message)
        if redacted != message:
            record.msg, record.args = redacted, None
        return True
