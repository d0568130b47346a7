"""The format of a token: ``wg_``, 30 random base-62 digits, and 6 of their CRC32.

By the checksum, secret scanners recognize our tokens offline, and a mistyped token is refused
without a look-up.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
import zlib

from django.conf import settings

PREFIX = "wg_"
DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM_DIGITS, CHECK_DIGITS = 30, 6


def _checksum(payload: str) -> str:
    number, digits = zlib.crc32(payload.encode()), ""
    for _ in range(CHECK_DIGITS):
        number, digit = divmod(number, len(DIGITS))
        digits = DIGITS[digit] + digits
    return digits


def new_secret() -> str:
    payload = "".join(secrets.choice(DIGITS) for _ in range(RANDOM_DIGITS))
    return f"{PREFIX}{payload}{_checksum(payload)}"


def is_well_formed(secret: str) -> bool:
    payload = secret.removeprefix(PREFIX)
    if payload == secret or len(payload) != RANDOM_DIGITS + CHECK_DIGITS:
        return False
    return hmac.compare_digest(
        payload[RANDOM_DIGITS:].encode(), _checksum(payload[:RANDOM_DIGITS]).encode()
    )


def secret_hash(secret: str) -> str:
    """Return the HMAC-SHA-256 under the installation's pepper, so that a stolen table is no use."""
    return _hash_under(settings.TOKEN_PEPPER, secret)


def known_hashes(secret: str) -> list[str]:
    """Return the hashes that a secret may be stored as: under today's pepper and former ones."""
    peppers = dict.fromkeys((settings.TOKEN_PEPPER, *settings.TOKEN_PEPPER_FALLBACKS))
    return [_hash_under(pepper, secret) for pepper in peppers]


def _hash_under(pepper: str, secret: str) -> str:
    return hmac.new(pepper.encode(), secret.encode(), hashlib.sha256).hexdigest()
