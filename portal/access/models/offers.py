"""Votes for an offer that nobody asked for, at gates that want several."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from portal.access.models.fields import modes_field, person_field
from portal.catalog.models import ModelRepo


class OfferVote(models.Model):
    """One administrator's vote to offer a person access, on these terms.

    Voting again voids the earlier vote, which stays on record. An offer voids the votes that it
    rests on.
    """

    repo = models.ForeignKey(ModelRepo, on_delete=models.PROTECT, related_name="offer_votes")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="offer_votes"
    )
    voter = person_field()
    modes = modes_field()
    conditions = models.JSONField(default=dict)
    expires_at = models.DateTimeField()
    cast_at = models.DateTimeField()
    voided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["cast_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["repo", "person", "voter"],
                condition=models.Q(voided_at=None),
                name="one_vote_for_an_offer_each",
            )
        ]

    def __str__(self) -> str:
        return f"{self.voter} would offer {self.repo} to {self.person}"
