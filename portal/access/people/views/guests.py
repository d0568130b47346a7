"""The actions on the page of a case that are about its guests."""

from __future__ import annotations

from datetime import datetime

from portal.access.people.guests import remove_guest
from portal.access.people.invitations import invite_guest
from portal.access.policy.request_actions import RequestAction
from portal.access.review.views.case_action import CaseAction


class InviteGuest(CaseAction):
    dialog = "invite"
    action = RequestAction.INVITE
    words = ""

    def perform(self, now: datetime) -> None:
        invited = invite_guest(
            actor=self.reviewer, request_id=self.request_id, now=now, **self.answers
        )
        self.words = invited.words

    def message(self) -> str:
        return self.words


class RemoveGuest(CaseAction):
    """End the seat of the guest whose username is posted."""

    action = RequestAction.INVITE

    def perform(self, now: datetime) -> None:
        username = self.request.POST.get("username", "")
        remove_guest(actor=self.reviewer, request_id=self.request_id, username=username, now=now)

    def message(self) -> str:
        return "They can no longer open this request, and a vote of theirs no longer counts."
