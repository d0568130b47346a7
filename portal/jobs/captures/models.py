"""Files of captures, and the blobs that hold them."""

from __future__ import annotations

from django.db import models

from portal.catalog.models.fields import SHA256


class CapturedBlob(models.Model):
    """Bytes in the blob store that files of captures name, apart from those of models.

    The row comes before the bytes, and goes after them: a killed process leaves no bytes that
    nothing knows of. Backups have neither.
    """

    sha256 = models.CharField(max_length=64, primary_key=True, validators=[SHA256])
    size_bytes = models.BigIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="captured_blobs_by_age")]

    def __str__(self) -> str:
        return self.sha256


class CaptureFile(models.Model):
    """The captures of one attempt at a job. They count once the job has succeeded with them."""

    job = models.ForeignKey("jobs.Job", on_delete=models.CASCADE, related_name="capture_files")
    attempt = models.PositiveSmallIntegerField()
    blob = models.ForeignKey(CapturedBlob, on_delete=models.PROTECT, related_name="capture_files")
    # By tensor: its dtype and shape.
    tensors = models.JSONField(default=dict)
    is_whole = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "attempt"], name="captures_of_attempt"),
            models.UniqueConstraint(
                fields=["job"], condition=models.Q(is_whole=True), name="captures_of_job"
            ),
        ]

    def __str__(self) -> str:
        return f"Captures of job {self.job_id}, attempt {self.attempt}"


class CaptureShard(models.Model):
    """A stored file whose bytes are in the blob store: captures of a batch's lines."""

    file = models.OneToOneField(
        "jobs.StoredFile", primary_key=True, on_delete=models.CASCADE, related_name="shard"
    )
    batch = models.ForeignKey("jobs.Batch", on_delete=models.CASCADE, related_name="capture_shards")
    number = models.PositiveIntegerField()
    blob = models.ForeignKey(CapturedBlob, on_delete=models.PROTECT, related_name="shards")
    # By tensor: its dtype and shape.
    tensors = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "number"], name="capture_shards_in_order"),
        ]

    def __str__(self) -> str:
        return f"Shard {self.number} of batch {self.batch_id}"
