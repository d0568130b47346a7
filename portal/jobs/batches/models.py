"""Stored files, and the batches that read and write them."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from portal.accounts.models import AccessToken
from portal.accounts.tokens.authentication import Caller
from portal.observability.request_ids import http_request_id

OPEN_BATCHES = ("validating", "in_progress", "finalizing", "cancelling")
LEFT = ("waiting", "running", "stopped")  # states of lines that are in no file yet
LONGEST_CUSTOM_ID = 256


class StoredFile(models.Model):
    """A file of its owner alone. Its bytes are in ``StoredPart``, beside the prompts of jobs."""

    class Purpose(models.TextChoices):
        BATCH = "batch"
        BATCH_OUTPUT = "batch_output"
        TENSORS = "tensors"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="stored_files"
    )
    # The token by which it came: one that is for some models alone sees no other files.
    token = models.ForeignKey(
        AccessToken,
        null=True,
        on_delete=models.PROTECT,
        related_name="stored_files",
        db_index=False,
    )
    purpose = models.CharField(max_length=12, choices=Purpose)
    filename = models.CharField(max_length=255)
    size_bytes = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    # For how many days, where a model that it is for is kept for fewer than all.
    text_days = models.PositiveSmallIntegerField(null=True)
    # By tensor, of a file of tensors: its dtype and shape.
    tensors = models.JSONField(null=True)
    is_whole = models.BooleanField(default=True)  # False while a batch writes into it

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["person", "created_at"], name="stored_files_of_person"),
            models.Index(fields=["created_at"], name="stored_files_by_age"),
        ]
        constraints = [
            models.CheckConstraint(name="stored_file_size", condition=models.Q(size_bytes__gte=0)),
        ]

    def __str__(self) -> str:
        return f"File {self.pk}: {self.filename}"


class StoredPart(models.Model):
    """A piece of a file, small enough to be read and sent at once."""

    file = models.ForeignKey(StoredFile, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["file", "number"], name="stored_parts_in_order"),
        ]

    def __str__(self) -> str:
        return f"Part {self.number} of file {self.file_id}"


class Batch(models.Model):
    """A file of requests that are run as the engine has room, within a day."""

    class State(models.TextChoices):
        VALIDATING = "validating"
        FAILED = "failed"
        IN_PROGRESS = "in_progress"
        FINALIZING = "finalizing"
        COMPLETED = "completed"
        EXPIRED = "expired"
        CANCELLING = "cancelling"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="batches"
    )
    token = models.ForeignKey(
        AccessToken, null=True, on_delete=models.PROTECT, related_name="batches"
    )
    endpoint = models.CharField(max_length=40)
    model_name = models.CharField(max_length=200, blank=True)  # once the file was read
    # Files by their ids alone: their owner may delete them, and the batch still names them.
    input_file_id = models.UUIDField()
    output_file_id = models.UUIDField(null=True)
    error_file_id = models.UUIDField(null=True)
    capture_index_id = models.UUIDField(null=True)  # which of its captures is in which file

    state = models.CharField(max_length=11, choices=State, default=State.VALIDATING)
    metadata = models.JSONField(default=dict)
    errors = models.JSONField(default=list)
    total = models.PositiveIntegerField(default=0)
    completed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    # Why the next line can't run yet, in the words of the refusal; "" while lines run.
    waiting_for = models.TextField(blank=True, db_default="", default="")
    # Sums over its lines, once it has ended.
    prompt_tokens = models.PositiveBigIntegerField(null=True)
    completion_tokens = models.PositiveBigIntegerField(null=True)
    http_request_id = models.CharField(
        max_length=32, blank=True, default=http_request_id, editable=False
    )

    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    in_progress_at = models.DateTimeField(null=True)
    finalizing_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    expired_at = models.DateTimeField(null=True)
    cancelling_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["person", "created_at"], name="batches_of_person"),
            models.Index(
                fields=["created_at"],
                condition=models.Q(state__in=OPEN_BATCHES),
                name="batches_open",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="batch_state_has_its_time",
                condition=models.Q(state="validating")
                | models.Q(state="failed", failed_at__isnull=False)
                | models.Q(state="in_progress", in_progress_at__isnull=False)
                | models.Q(state="finalizing", finalizing_at__isnull=False)
                | models.Q(state="completed", completed_at__isnull=False)
                | models.Q(state="expired", expired_at__isnull=False)
                | models.Q(state="cancelling", cancelling_at__isnull=False)
                | models.Q(state="cancelled", cancelled_at__isnull=False),
            ),
            models.CheckConstraint(
                name="batch_failed_says_why",
                condition=~models.Q(state="failed") | ~models.Q(errors=[]),
            ),
        ]

    def __str__(self) -> str:
        return f"Batch {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_BATCHES

    @property
    def can_be_cancelled(self) -> bool:
        return self.state in (self.State.VALIDATING, self.State.IN_PROGRESS)

    @property
    def file_ids(self) -> dict[str, uuid.UUID]:
        """Return the ids of its files by kind; those that it writes once they are whole."""
        ids: dict[str, uuid.UUID | None] = {"input": self.input_file_id}
        if not self.is_open:
            ids |= {"output": self.output_file_id, "error": self.error_file_id}
            ids["captures"] = self.capture_index_id
        return {kind: file_id for kind, file_id in ids.items() if file_id}

    @property
    def caller(self) -> Caller:
        """Return the person who submitted it, with the token that they used."""
        return Caller(self.person, self.token)


class BatchLine(models.Model):
    """A request of a batch: waiting, then a job, then a line of one of the batch's files."""

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"  # a job has it, which may have ended meanwhile
        STOPPED = "stopped"  # it will not run, and ``outcome`` says why
        COMPLETED = "completed"  # it is in the output file
        FAILED = "failed"  # it is in the error file

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="lines")
    number = models.PositiveIntegerField()
    custom_id = models.CharField(max_length=LONGEST_CUSTOM_ID)
    body = models.TextField(blank=True)  # JSON, until a job has it; not jsonb, which refuses U+0000
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    outcome = models.JSONField(null=True)
    job = models.OneToOneField(
        "jobs.Job", null=True, on_delete=models.PROTECT, related_name="batch_line"
    )

    class Meta:
        ordering = ["number"]
        indexes = [
            models.Index(fields=["batch", "state", "number"], name="batch_lines_by_state"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["batch", "custom_id"], name="batch_line_has_own_id"),
            models.CheckConstraint(
                name="batch_line_running_has_job",
                condition=~models.Q(state="running") | models.Q(job__isnull=False),
            ),
            models.CheckConstraint(
                name="batch_line_stopped_says_why",
                condition=~models.Q(state="stopped") | models.Q(outcome__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"Line {self.number} of batch {self.batch_id}"
