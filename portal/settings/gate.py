"""Grants, affiliations, screening and certificates."""

from __future__ import annotations

from portal import env
from portal.settings.site import VAR

GRANT_DAYS = env.integer("WEIGHTGATE_GRANT_DAYS", 365, minimum=1)
SCREENING_STANDING = env.choice(
    "WEIGHTGATE_SCREENING_STANDING", "continue", ("continue", "suspend")
)
AFFILIATION_DAYS = env.integer("WEIGHTGATE_AFFILIATION_DAYS", 365, minimum=1)
TOKEN_MAX_DAYS = 365
SIGNING_KEY_FILE = env.path(
    "WEIGHTGATE_SIGNING_KEY_FILE",
    shown="$WEIGHTGATE_VAR/signing/key.pem",
    default=VAR / "signing" / "key.pem",
)
SIGNING_CERT_FILE = env.path(
    "WEIGHTGATE_SIGNING_CERT_FILE",
    shown="$WEIGHTGATE_VAR/signing/certificate.pem",
    default=VAR / "signing" / "certificate.pem",
)
