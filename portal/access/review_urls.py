"""The addresses of the reviewers' side, a part of ``access``."""

from __future__ import annotations

from django.urls import path

from portal.access.views import bulk, casework, letters, reviewer

urlpatterns = [
    path("queue", reviewer.queue, name="queue"),
    path("queue/bulk", bulk.bulk, name="bulk"),
    path("queue/<int:request_id>", reviewer.case, name="case"),
    path("queue/<int:request_id>/approve", reviewer.approve, name="approve"),
    path("queue/<int:request_id>/ask", reviewer.ask, name="ask"),
    path("queue/<int:request_id>/decline", reviewer.decline, name="decline"),
    path("queue/<int:request_id>/revoke", reviewer.revoke, name="revoke"),
    path("queue/<int:request_id>/claim", casework.claim, name="claim"),
    path("queue/<int:request_id>/release", casework.release, name="release"),
    path("queue/<int:request_id>/assign", casework.assign, name="assign"),
    path("queue/<int:request_id>/note", casework.note, name="note"),
    path("queue/<int:request_id>/declare", casework.declare, name="declare"),
    path("queue/<int:request_id>/vouch", casework.vouch, name="vouch"),
    path("queue/<int:request_id>/undo", casework.undo, name="undo"),
    path("queue/<int:request_id>/reopen", casework.reopen, name="reopen"),
    path("gates/<str:namespace>/<str:name>/letters", letters.letters, name="letters"),
    path(
        "gates/<str:namespace>/<str:name>/letters/<slug:kind>", letters.letter, name="letter_words"
    ),
]
