"""No secret reaches a log: what looks like a token or a link's signature is blotted out."""

from __future__ import annotations

import logging
import re

# What follows one of these in an address opens something. nginx's log is masked by the same list.
SECRET_PATHS = (
    "/-/d/",
    "/-/u/",
    "/accounts/confirm-email/",
    "/accounts/password/reset/key/",
    "/affiliations/prove/",
    "/inbox/address/",
    "/references/",
)
BASIC = r"(?<=Basic )[0-9A-Za-z+/=_-]{8,}"  # a token, encoded
SECRETS = re.compile(
    "|".join([r"wg_[0-9A-Za-z]{8,}", BASIC, *(rf"(?<={path})[^/\s\"']+" for path in SECRET_PATHS)])
)


class RedactSecrets(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        redacted = SECRETS.sub("***", message)
        if redacted != message:
            record.msg, record.args = redacted, None
        return True
