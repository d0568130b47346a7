"""The list of checks. Each is a function of its subject's module."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from portal.doctor import (
    backups,
    broker,
    database,
    host,
    keys,
    mail,
    production,
    storage,
    web,
    workers,
)
from portal.doctor.examination import DoctorCheck

CHECKS: Sequence[DoctorCheck] = (
    DoctorCheck("settings", "Settings", production.settings_for_production),
    DoctorCheck("database", "Database", database.server),
    DoctorCheck("migrations", "Tables", database.migrations),
    DoctorCheck("broker", "Redis or Valkey", broker.server),
    DoctorCheck("storage", "Blob store", storage.round_trip),
    DoctorCheck("keys", "Signing keys", keys.signing_keys),
    DoctorCheck("backups", "Backups", backups.kept_and_tried),
    DoctorCheck("mail", "Mail", mail.server),
    DoctorCheck("clock", "Clock", host.clock),
    DoctorCheck("disk", "Disk", host.disk),
    DoctorCheck("workers", "Worker and beat", workers.alive),
    DoctorCheck("address", "Address", web.address),
    DoctorCheck("streams", "Streams", web.streams),
    DoctorCheck("nginx", "Bytes by nginx", web.bytes_by_nginx),
)


def letter_check(address: str) -> DoctorCheck:
    """Return a check that sends a letter, which nobody wants at every examination."""
    return DoctorCheck("letter", "A letter", partial(mail.letter_to, address))
