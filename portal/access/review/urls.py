"""The addresses of the reviewers' side, a part of ``access``."""

from __future__ import annotations

from django.urls import path

from portal.access.gate.views import letters
from portal.access.review.views import actions, bulk, pages

urlpatterns = [
    path("queue", pages.queue, name="queue"),
    path("queue/bulk", bulk.bulk, name="bulk"),
    path("queue/<int:request_id>", pages.case, name="case"),
    path("queue/<int:request_id>/approve", pages.approve, name="approve"),
    path("queue/<int:request_id>/ask", pages.ask, name="ask"),
    path("queue/<int:request_id>/decline", pages.decline, name="decline"),
    path("queue/<int:request_id>/revoke", pages.revoke, name="revoke"),
    path("queue/<int:request_id>/claim", actions.claim, name="claim"),
    path("queue/<int:request_id>/release", actions.release, name="release"),
    path("queue/<int:request_id>/assign", actions.assign, name="assign"),
    path("queue/<int:request_id>/note", actions.note, name="note"),
    path("queue/<int:request_id>/declare", actions.declare, name="declare"),
    path("queue/<int:request_id>/vouch", actions.vouch, name="vouch"),
    path("queue/<int:request_id>/undo", actions.undo, name="undo"),
    path("queue/<int:request_id>/reopen", actions.reopen, name="reopen"),
    path("gates/<str:namespace>/<str:name>/letters", letters.letters, name="letters"),
    path(
        "gates/<str:namespace>/<str:name>/letters/<slug:kind>", letters.letter, name="letter_words"
    ),
]
