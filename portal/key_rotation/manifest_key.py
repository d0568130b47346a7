"""Change the key that signs manifests; what the former one has signed is verified as before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.db import transaction

from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.manifests.key import fingerprint, manifest_key, public_pem
from portal.catalog.models import ManifestKey
from portal.own_keys import private_pem
from portal.private_files import write_private


@dataclass(frozen=True)
class ChangedKey:
    """The fingerprints of a former key and a new one, and where the former one is kept."""

    former: str
    current: str
    kept: Path


def rotate_manifest_key(*, now: datetime, is_dry: bool) -> ChangedKey:
    """Sign manifests by a new key of the same curve. Raises NoManifestKey.

    Its public half is published before it signs anything.
    """
    file: Path = settings.MANIFEST_KEY_FILE
    former = manifest_key()
    key = ec.generate_private_key(former.curve)
    public, old = key.public_key(), fingerprint(former.public_key())
    changed = ChangedKey(old, fingerprint(public), file.with_name(f"former-{old[:12]}.pem"))
    if is_dry:
        return changed
    _publish(public, changed, now)
    status = file.stat()
    write_private(changed.kept, file.read_text("ascii"), like=status)
    write_private(file, private_pem(key).decode(), like=status)
    return changed


@transaction.atomic
def _publish(public: ec.EllipticCurvePublicKey, changed: ChangedKey, now: datetime) -> None:
    """Commit the public half, so that nobody meets a signature of a key that isn't known yet."""
    target = ManifestKey.objects.create(
        fingerprint=changed.current, public_pem=public_pem(public).decode(), first_used_at=now
    )
    former = changed.former
    record(
        EventType.KEYS_ROTATED, actor=None, target=target, at=now, step="manifest", former=former
    )
