from __future__ import annotations

from django.urls import path

from portal.access.applicant.views import amending, requests, wizard
from portal.access.certificates import views
from portal.access.gate.views import gate, questions
from portal.access.grants.checks import views as checks
from portal.access.grants.members import views as members
from portal.access.grants.quotas import views as quotas
from portal.access.grants.views import holder, licence_gate, team
from portal.access.holds import views as holds
from portal.access.notifications import views as notifications
from portal.access.people import urls as people
from portal.access.people.views import team as team_seats
from portal.access.review import urls
from portal.access.review.views import screening

app_name = "access"
urlpatterns = [
    path("requests/new/<str:namespace>/<str:name>", requests.start, name="start"),
    path("requests/<int:request_id>", requests.show, name="request"),
    path("requests/<int:request_id>/form/<slug:step>", wizard.form, name="form"),
    path("requests/<int:request_id>/autosave", wizard.autosave, name="autosave"),
    path("requests/<int:request_id>/answer", amending.answer, name="answer"),
    path("requests/<int:request_id>/correct", amending.correct, name="correct"),
    path("requests/<int:request_id>/appeal", amending.appeal, name="appeal"),
    path("requests/<int:request_id>/withdraw", requests.withdraw, name="withdraw"),
    path("requests/<int:request_id>/discard", requests.discard, name="discard"),
    *urls.urlpatterns,
    *people.urlpatterns,
    path("queue/<int:request_id>/screening", screening.dispose, name="dispose"),
    path("gates/<str:namespace>/<str:name>", gate.gate, name="gate"),
    path("gates/<str:namespace>/<str:name>/team", team_seats.seat, name="gate_seat"),
    path(
        "gates/<str:namespace>/<str:name>/team/<int:user_id>/remove",
        gate.unseat,
        name="gate_unseat",
    ),
    path("gates/<str:namespace>/<str:name>/copy-form", questions.copy, name="form_copy"),
    path("gates/<str:namespace>/<str:name>/chair", gate.chair, name="gate_chair"),
    path("gates/<str:namespace>/<str:name>/form", questions.request_form, name="request_form"),
    path(
        "gates/<str:namespace>/<str:name>/form/<slug:question>",
        questions.question,
        name="question",
    ),
    path(
        "gates/<str:namespace>/<str:name>/form/<slug:question>/arrange",
        questions.arrange,
        name="question_arrange",
    ),
    path("settings/notifications", notifications.notifications, name="notifications"),
    path("screening", screening.entries, name="screening"),
    path("screening/import", screening.import_lines, name="screening_import"),
    path("screening/<int:entry_id>/remove", screening.remove, name="screening_remove"),
    path("checks", checks.checks, name="checks"),
    path("checks/<int:screening_id>", checks.check, name="check"),
    path("signatures", views.signatures, name="signatures"),
    path(
        "signatures/<int:acceptance_id>/certificate.pdf",
        views.certificate,
        name="certificate",
    ),
    path(
        "record/signing-certificate.pem",
        views.signing_certificate,
        name="signing_certificate",
    ),
    path("grants/<int:grant_id>/models/<int:repo_id>/end", team.end_model, name="grant_model_end"),
    path("grants/of/<str:namespace>/<str:name>", team.granted, name="granted"),
    path("grants/of/<str:namespace>/<str:name>/offers", team.second_offer, name="second_offer"),
    path("grants/of/<str:namespace>/<str:name>/notice", team.notice, name="notice"),
    path("grants/<int:grant_id>", holder.grant, name="grant"),
    path("grants/<int:grant_id>/offer", holder.offer, name="offer"),
    path("grants/<int:grant_id>/decline", holder.offer_decline, name="offer_decline"),
    path("grants/<int:grant_id>/renew", holder.renew, name="renew"),
    path("grants/<int:grant_id>/newer", holder.newer, name="newer"),
    path("grants/<int:grant_id>/close", holder.close, name="close"),
    path("grants/<int:grant_id>/revoke", team.revoke, name="grant_revoke"),
    path("grants/<int:grant_id>/revoke/withdraw", team.take_proposal_back, name="proposal_back"),
    path("grants/<int:grant_id>/notice/withdraw", team.take_notice_back, name="notice_back"),
    path("grants/<int:grant_id>/quotas", quotas.quotas, name="grant_quotas"),
    path("grants/<int:grant_id>/members", members.members, name="members"),
    path("memberships/<int:membership_id>", members.join, name="join"),
    path("memberships/<int:membership_id>/end", members.end, name="member_end"),
    path("memberships/<int:membership_id>/clear", members.clear, name="member_clear"),
    path("renewals/<int:renewal_id>", team.decide, name="renewal"),
    path("holds", holds.holds, name="holds"),
    path("holds/new", holds.place, name="hold_place"),
    path("holds/<int:hold_id>", holds.hold, name="hold"),
    path("holds/<int:hold_id>/lift", holds.lift, name="hold_lift"),
    path("sign/<str:namespace>/<str:name>", licence_gate.sign_licence, name="sign"),
]
