"""Downloads, range by range, in rows of their own: they are too many to be audit events."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from portal.accounts.models import AccessToken
from portal.catalog.models import File, Revision


class Download(models.Model):
    """One GET of a file's bytes.

    ``bytes_sent`` and ``ended_at`` stay empty where a bucket sends; where nginx does, until its log
    is read.
    """

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="downloads"
    )
    token = models.ForeignKey(
        AccessToken, null=True, on_delete=models.PROTECT, related_name="downloads"
    )
    file = models.ForeignKey(File, on_delete=models.PROTECT, related_name="downloads")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="downloads")
    range_start = models.BigIntegerField(default=0)
    length_bytes = models.BigIntegerField()
    bytes_sent = models.BigIntegerField(null=True)
    status_code = models.PositiveSmallIntegerField()
    ip = models.GenericIPAddressField(null=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-started_at", "-pk"]
        indexes = [
            models.Index(fields=["revision", "started_at"]),
            models.Index(fields=["person", "started_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.file} by {self.person or 'nobody known'}"


class LogPosition(models.Model):
    """A position up to which a log has been read."""

    path = models.TextField(unique=True)
    inode = models.BigIntegerField(null=True)
    offset_bytes = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.path} from byte {self.offset_bytes}"
