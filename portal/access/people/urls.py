"""Addresses of invitations and of the guests of a case, a part of ``access``."""

from __future__ import annotations

from django.urls import path

from portal.access.people.views import guests, invitations

urlpatterns = [
    path("invitations/<int:invitation_id>", invitations.own, name="own_invitation"),
    path("invitations/<str:secret>", invitations.invitation, name="invitation"),
    path(
        "invitations/<int:invitation_id>/withdraw",
        invitations.withdraw,
        name="invitation_withdraw",
    ),
    path("invitations/<int:invitation_id>/again", invitations.again, name="invitation_again"),
    path("queue/<int:request_id>/invite", guests.InviteGuest.as_view(), name="invite"),
    path("queue/<int:request_id>/uninvite", guests.RemoveGuest.as_view(), name="uninvite"),
]
