"""Repos with their names, gates and teams."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Namespace
from portal.accounts.names import validate_name
from portal.catalog.models.licences import Licence
from portal.catalog.querysets import ModelRepoQuerySet
from portal.formatting import enumerated
from portal.text.lines import LineField


class Gate(models.TextChoices):
    """The condition for one mode of access: download or inference."""

    OPEN = "open", _("Open")
    LICENCE = "licence", _("Sign the licence")
    REVIEW = "review", _("By request")


class Mode(models.TextChoices):
    DOWNLOAD = "download", _("Download")
    INFERENCE = "inference", _("Hosted inference")


IN_A_SENTENCE = {Mode.DOWNLOAD: _("download"), Mode.INFERENCE: _("hosted inference")}


def modes_in_words(modes: Iterable[str]) -> str:
    """Write modes in the order that is given: “download and hosted inference”."""
    return enumerated(str(IN_A_SENTENCE[Mode(mode)]) for mode in modes)


class EngineName(models.TextChoices):
    """The engines that workers run, by the names that settings have for them."""

    NATIVE = "native", "Native, for OPT"
    VLLM = "vllm", "vLLM"


class ToolParser(models.TextChoices):
    """The formats in which models call tools, by the names that vLLM has for their parsers."""

    HERMES = "hermes", "Hermes, with tags (Qwen too)"
    LLAMA3_JSON = "llama3_json", "Llama 3, JSON alone"


class ModelRepo(models.Model):
    """A repo ``namespace/name``: what is released, and the gate before each mode.

    A deleted one keeps its row, since grants, signatures and events name it; its name is free.
    """

    namespace = models.ForeignKey(Namespace, on_delete=models.PROTECT, related_name="repos")
    name = models.CharField(max_length=96, validators=[validate_name])
    summary = LineField(max_length=300, blank=True)
    why_gated = models.TextField(blank=True)
    family = LineField(max_length=60, blank=True)
    parameters = models.BigIntegerField(null=True, blank=True)
    context_length = models.PositiveIntegerField(null=True, blank=True)
    private = models.BooleanField(default=False)
    download_gate = models.CharField(max_length=7, choices=Gate, default=Gate.REVIEW)
    inference_gate = models.CharField(max_length=7, choices=Gate, default=Gate.REVIEW)
    licence = models.ForeignKey(
        Licence, null=True, blank=True, on_delete=models.PROTECT, related_name="repos"
    )
    hosted = models.BooleanField(default=False)
    # Which engine serves it; empty: the one that its architecture has.
    engine = models.CharField(
        max_length=6, choices=EngineName, blank=True, default="", db_default=""
    )
    # In which format it calls tools of a chat; empty: it calls none by itself.
    tool_parser = models.CharField(
        max_length=11, choices=ToolParser, blank=True, default="", db_default=""
    )
    # For how many days prompts and outputs are kept after a job's end; None: as the site keeps them
    prompt_days = models.PositiveSmallIntegerField(null=True, blank=True)
    decision_days = models.PositiveSmallIntegerField(default=14)
    pickles_allowed = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = ModelRepoQuerySet.as_manager()

    class Meta:
        ordering = ["namespace__name", "name"]
        constraints = [
            models.UniqueConstraint(
                "namespace",
                Lower("name"),
                condition=models.Q(deleted_at=None),
                name="standing_repo_name_any_case",
            ),
            models.CheckConstraint(
                name="a_gate_has_a_licence",
                condition=models.Q(licence__isnull=False)
                | models.Q(download_gate="open", inference_gate="open"),
            ),
        ]

    def __str__(self) -> str:
        return self.full_name

    @property
    def full_name(self) -> str:
        return f"{self.namespace.name}/{self.name}"

    def gate(self, mode: Mode) -> Gate:
        return Gate(self.download_gate if mode == Mode.DOWNLOAD else self.inference_gate)

    @property
    def is_gated(self) -> bool:
        return self.download_gate != Gate.OPEN

    @property
    def takes_requests(self) -> bool:
        return Gate.REVIEW in (self.download_gate, self.inference_gate)


class FormerName(models.Model):
    """A name that a repo bore before it moved, and that leads to it until it is given up."""

    namespace = models.ForeignKey(Namespace, on_delete=models.PROTECT, related_name="former_names")
    name = models.CharField(max_length=96)
    repo = models.ForeignKey(ModelRepo, on_delete=models.CASCADE, related_name="former_names")

    class Meta:
        constraints = [
            models.UniqueConstraint("namespace", Lower("name"), name="former_name_any_case")
        ]

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}, now {self.repo}"


class TeamMember(models.Model):
    """A seat on a repo's team: somebody who reviews its requests, or administers it."""

    class Role(models.TextChoices):
        REVIEWER = "reviewer"
        ADMINISTRATOR = "administrator"

    repo = models.ForeignKey(ModelRepo, on_delete=models.CASCADE, related_name="team")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="team_memberships"
    )
    role = models.CharField(max_length=13, choices=Role)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["repo", "user"], name="one_seat_each")]

    def __str__(self) -> str:
        return f"{self.user}, {self.role} of {self.repo}"


class NamespaceSeat(models.Model):
    """A seat on the teams of all repos of a namespace, those that are made later included."""

    namespace = models.ForeignKey(Namespace, on_delete=models.CASCADE, related_name="seats")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="namespace_seats"
    )
    role = models.CharField(max_length=13, choices=TeamMember.Role)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["namespace", "user"], name="one_namespace_seat_each")
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.role} in {self.namespace}"
