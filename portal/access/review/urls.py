"""The addresses of the reviewers' side, a part of ``access``."""

from __future__ import annotations

from django.urls import path

from portal.access.gate.views import letters
from portal.access.review.views import actions, bulk, pages

urlpatterns = [
    path("queue", pages.queue, name="queue"),
    path("queue/bulk", bulk.bulk, name="bulk"),
    path("queue/bulk/undo", bulk.undo, name="bulk_undo"),
    path("queue/<int:request_id>", pages.case, name="case"),
    path("queue/<int:request_id>/approve", actions.Approve.as_view(), name="approve"),
    path("queue/<int:request_id>/ask", actions.Ask.as_view(), name="ask"),
    path("queue/<int:request_id>/decline", actions.Decline.as_view(), name="decline"),
    path("queue/<int:request_id>/revoke", actions.Revoke.as_view(), name="revoke"),
    path("queue/<int:request_id>/claim", actions.Claim.as_view(), name="claim"),
    path("queue/<int:request_id>/release", actions.Release.as_view(), name="release"),
    path("queue/<int:request_id>/assign", actions.Assign.as_view(), name="assign"),
    path("queue/<int:request_id>/note", actions.WriteNote.as_view(), name="note"),
    path("queue/<int:request_id>/declare", actions.DeclareConflict.as_view(), name="declare"),
    path("queue/<int:request_id>/vouch", actions.Vouch.as_view(), name="vouch"),
    path("queue/<int:request_id>/undo", actions.Undo.as_view(), name="undo"),
    path("queue/<int:request_id>/reopen", actions.Reopen.as_view(), name="reopen"),
    path("gates/<str:namespace>/<str:name>/letters", letters.letters, name="letters"),
    path(
        "gates/<str:namespace>/<str:name>/letters/<slug:kind>", letters.letter, name="letter_words"
    ),
]
