"""Choices of the people of a gate, what they are written about, and items of their digests."""

from __future__ import annotations

from django.db import models

from portal.access.models.fields import person_field
from portal.access.models.grants import Renewal
from portal.access.models.requests import AccessRequest
from portal.access.models.screenings import Screening
from portal.catalog.models import ModelRepo


class TeamEvent(models.TextChoices):
    """Something that the people of a gate are told of, each as often as they choose."""

    NEW_REQUEST = "new_request", "Somebody asks for access"
    ANSWER = "answer", "An applicant answers a question"
    HELD = "held", "A screening list holds a case or an access, and waits for me"
    APPEAL = "appeal", "An applicant appeals"
    RENEWAL = "renewal", "A renewal waits for the team"
    VOTE_NEEDED = "vote_needed", "A request waits for my vote"
    VOTE_VOIDED = "vote_voided", "Changed answers void my vote"
    ASSIGNED = "assigned", "A request is assigned to me"
    DECIDED = "decided", "Colleagues decide requests"


class Frequency(models.TextChoices):
    """A time to be told of an event: at once, in the digest, or never."""

    AT_ONCE = "at_once", "At once"
    DAILY = "daily", "In the daily digest"
    NEVER = "never", "Never"


class NotificationChoice(models.Model):
    """A person's choice of when to be told of an event. Without a row, the default holds."""

    user = person_field(related_name="notification_choices", on_delete=models.CASCADE)
    event = models.CharField(max_length=11, choices=TeamEvent)
    frequency = models.CharField(max_length=7, choices=Frequency)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_choice_an_event", fields=["user", "event"])
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.event} {self.frequency}"


class DigestItem(models.Model):
    """An event that a person's next digest tells; it goes with the digest.

    ``key`` names the event, so that it stands in a digest once. ``happened_at`` is when it may be
    told at the earliest: a decision only once it can't be undone.
    """

    reader = person_field(related_name="digest_items", on_delete=models.CASCADE)
    event = models.CharField(max_length=11, choices=TeamEvent)
    key = models.CharField(max_length=100)
    repo = models.ForeignKey(ModelRepo, on_delete=models.CASCADE, related_name="+")
    request = models.ForeignKey(
        AccessRequest, null=True, on_delete=models.CASCADE, related_name="+"
    )
    renewal = models.ForeignKey(Renewal, null=True, on_delete=models.CASCADE, related_name="+")
    screening = models.ForeignKey(Screening, null=True, on_delete=models.CASCADE, related_name="+")
    happened_at = models.DateTimeField()

    class Meta:
        ordering = ["happened_at", "pk"]
        constraints = [models.UniqueConstraint(name="told_once", fields=["reader", "key"])]

    def __str__(self) -> str:
        return f"{self.event} for {self.reader}"
