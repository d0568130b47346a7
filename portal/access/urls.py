from __future__ import annotations

from django.urls import path

from portal.access.views import applicant, certificate, drafting, reviewer, signing

app_name = "access"
urlpatterns = [
    path("requests", applicant.requests, name="requests"),
    path("requests/new/<str:namespace>/<str:name>", applicant.start, name="start"),
    path("requests/<int:request_id>", applicant.show, name="request"),
    path("requests/<int:request_id>/form/<slug:step>", drafting.form, name="form"),
    path("requests/<int:request_id>/autosave", drafting.autosave, name="autosave"),
    path("requests/<int:request_id>/answer", applicant.answer, name="answer"),
    path("requests/<int:request_id>/withdraw", applicant.withdraw, name="withdraw"),
    path("requests/<int:request_id>/discard", applicant.discard, name="discard"),
    path("queue", reviewer.queue, name="queue"),
    path("queue/<int:request_id>", reviewer.case, name="case"),
    path("queue/<int:request_id>/approve", reviewer.approve, name="approve"),
    path("queue/<int:request_id>/ask", reviewer.ask, name="ask"),
    path("queue/<int:request_id>/decline", reviewer.decline, name="decline"),
    path("queue/<int:request_id>/revoke", reviewer.revoke, name="revoke"),
    path("signatures", certificate.signatures, name="signatures"),
    path(
        "signatures/<int:acceptance_id>/certificate.pdf",
        certificate.certificate,
        name="certificate",
    ),
    path(
        "record/signing-certificate.pem",
        certificate.signing_certificate,
        name="signing_certificate",
    ),
    path("sign/<str:namespace>/<str:name>", signing.sign, name="sign"),
]
