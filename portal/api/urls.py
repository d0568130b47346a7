from __future__ import annotations

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from portal.api.base.endpoint import address
from portal.api.catalog import download_views as usage
from portal.api.catalog import export_views as exports
from portal.api.catalog import name_views as names
from portal.api.catalog import views as catalogue
from portal.api.gate import views as gate
from portal.api.grants import check_views as checks
from portal.api.grants import member_check_views as member_checks
from portal.api.grants import team_views as granted
from portal.api.grants import views as grants
from portal.api.holds import views as holds
from portal.api.letters import views as letters
from portal.api.licences import views as licences
from portal.api.people import views as people
from portal.api.record import views as record
from portal.api.requests import form_views as request_form
from portal.api.requests import views as requests
from portal.api.review import case_views as queue
from portal.api.review import queue_views as queue_lists
from portal.api.screening import views as screening

app_name = "api"
docs = SpectacularSwaggerSplitView.as_view(  # its script is a file of its own, as the CSP asks
    url_name="api:schema", template_name="site/api_docs.html", http_method_names=["get", "head"]
)
MODEL = "models/<str:namespace>/<str:name>/"
REQUEST = "requests/<int:request_id>/"
CASE = "queue/<int:request_id>/"
GRANT = "grants/<int:grant_id>/"
TEMPLATE = f"{MODEL}letters/<str:kind>/"

MODELS = [
    address("models/", "models", get=catalogue.list_models),
    address(MODEL, "model", get=catalogue.show_model),
    address(f"{MODEL}licence/", "model_licence", get=licences.show_licence_in_force),
    address(f"{MODEL}request-form/", "request_form", get=request_form.show_request_form),
    address(f"{MODEL}sign/", "sign", post=licences.sign),
    address(f"{MODEL}gate/", "gate", get=gate.show_gate, patch=gate.change_gate),
    address(f"{MODEL}forms/", "forms", get=gate.list_forms, post=gate.save_form),
    address(f"{MODEL}team/", "team", get=gate.list_team, put=gate.seat),
    address(f"{MODEL}team/<str:username>/", "seat", delete=gate.unseat),
    address(f"{MODEL}grants/", "granted", get=granted.list_granted),
    address(f"{MODEL}notice/", "notice", post=granted.give_notice),
    address(f"{MODEL}notice/withdraw/", "notice_withdraw", post=granted.take_notice_back),
    address(f"{MODEL}renewals/", "renewals", get=granted.list_renewals),
    address(f"{MODEL}downloads/", "downloads", get=usage.list_downloads),
    address(f"{MODEL}exports/", "exports", get=exports.list_exports),
    address(f"{MODEL}letters/", "templates", get=letters.list_templates),
    address(
        TEMPLATE,
        "template",
        get=letters.show_template,
        put=letters.save_template,
        delete=letters.reset_template,
    ),
    address(f"{TEMPLATE}preview/", "template_preview", post=letters.preview_template),
    address("former-names/<str:namespace>/<str:name>/", "former_name", delete=names.give_up),
]
REQUESTS = [
    address("requests/", "requests", get=requests.list_requests, post=requests.start_request),
    address(
        REQUEST,
        "request",
        get=requests.show_request,
        patch=requests.save_request,
        delete=requests.discard_request,
    ),
    address(f"{REQUEST}submit/", "submit", post=requests.submit),
    address(f"{REQUEST}answer/", "answer", post=requests.answer),
    address(f"{REQUEST}correct/", "correct", post=requests.correct),
    address(f"{REQUEST}withdraw/", "withdraw", post=requests.withdraw),
    address(f"{REQUEST}resume/", "resume", post=requests.resume),
    address(f"{REQUEST}appeal/", "appeal", post=requests.appeal),
    address(f"{REQUEST}events/", "request_events", get=requests.list_events),
    address(f"{REQUEST}snapshots/", "snapshots", get=requests.list_snapshots),
    address(f"{REQUEST}differences/", "differences", get=requests.list_differences),
]
QUEUE = [
    address("queue/", "queue", get=queue_lists.list_queue),
    address("queue/groups/", "queue_groups", get=queue_lists.list_groups),
    address("queue/bulk/", "bulk", post=queue_lists.bulk_decide),
    address(CASE, "case", get=queue.show_case),
    address(f"{CASE}events/", "case_events", get=queue.list_case_events),
    address(f"{CASE}snapshots/", "case_snapshots", get=queue.list_case_snapshots),
    address(f"{CASE}differences/", "case_differences", get=queue.list_case_differences),
    address(f"{CASE}notes/", "notes", get=queue.list_notes, post=queue.write_note),
    address(f"{CASE}claim/", "claim", post=queue.claim),
    address(f"{CASE}release/", "release", post=queue.release),
    address(f"{CASE}assign/", "assign", post=queue.assign),
    address(f"{CASE}declare/", "declare", post=queue.declare_conflict),
    address(f"{CASE}ask/", "ask", post=queue.ask),
    address(f"{CASE}approve/", "approve", post=queue.approve),
    address(f"{CASE}decline/", "decline", post=queue.decline),
    address(f"{CASE}override/", "override", post=queue.override),
    address(f"{CASE}dispose/", "dispose", post=queue.dispose),
    address(f"{CASE}undo/", "undo", post=queue.undo),
    address(f"{CASE}reopen/", "reopen", post=queue.reopen),
    address(f"{CASE}vouch/", "vouch", post=queue.vouch),
]
GRANTS = [
    address("grants/", "grants", get=grants.list_grants),
    address(GRANT, "grant", get=grants.show_grant),
    address(f"{GRANT}accept/", "accept", post=grants.accept_grant_offer),
    address(f"{GRANT}decline/", "decline_offer", post=grants.decline_grant_offer),
    address(f"{GRANT}renew/", "renew", post=grants.renew),
    address(f"{GRANT}newer/", "sign_newer", post=grants.sign_newer),
    address(f"{GRANT}close/", "close", post=grants.close),
    address(f"{GRANT}revoke/", "revoke", post=granted.revoke),
    address(f"{GRANT}revoke/withdraw/", "revoke_withdraw", post=granted.take_proposal_back),
    address(f"{GRANT}members/", "members", get=grants.list_members, post=grants.invite),
    address("memberships/<int:membership_id>/join/", "join", post=grants.join),
    address(
        "memberships/<int:membership_id>/check/",
        "member_check",
        get=member_checks.show_member_check,
        post=member_checks.clear_member_check,
    ),
    address("memberships/<int:membership_id>/end/", "end_member", post=grants.end_member),
    address("checks/", "checks", get=checks.list_checks),
    address("checks/<int:screening_id>/", "check", get=checks.show_check, post=checks.clear),
    address("renewals/<int:renewal_id>/", "renewal", post=granted.decide),
    address("holds/", "holds", get=holds.list_holds, post=holds.place),
    address("holds/<int:hold_id>/", "hold", get=holds.show_hold),
    address("holds/<int:hold_id>/lift/", "lift", post=holds.lift),
    address("screening/", "screening", get=screening.list_entries, post=screening.add),
    address("screening/import/", "screening_import", post=screening.import_lines),
    address("screening/<int:entry_id>/", "screening_entry", delete=screening.remove),
]
PEOPLE = [
    address("organizations/", "organizations", get=people.list_organizations),
    address("affiliations/", "affiliations", get=people.list_affiliations),
    address("affiliations/check/", "affiliations_check", post=people.check_affiliations),
    address(
        "affiliations/<int:affiliation_id>/renew/",
        "affiliation_renew",
        post=people.renew_affiliation,
    ),
    address("references/", "references", get=people.list_references, post=people.ask_for_reference),
    address(
        "references/<int:reference_id>/resend/", "reference_resend", post=people.resend_question
    ),
    address(
        "references/<int:reference_id>/cancel/", "reference_cancel", post=people.cancel_question
    ),
    address("signatures/", "signatures", get=licences.list_signatures),
    address("signatures/<int:acceptance_id>/", "signature", get=licences.show_signature),
    address("letters/", "letters", get=letters.list_letters),
    address("letters/<int:letter_id>/", "letter", get=letters.show_letter),
    address("letters/<int:letter_id>/read/", "letter_read", post=letters.read_letter),
    address("letters/<int:letter_id>/resend/", "letter_resend", post=letters.resend_letter),
]
PUBLIC = [
    address("licences/", "licences", get=licences.list_licences, post=licences.publish_version),
    address("licences/<slug:slug>/", "versions", get=licences.list_versions),
    address("licences/<slug:slug>/<str:version>/", "version", get=licences.show_version),
    address(
        "licences/<slug:slug>/<str:version>/changes/<str:other>/",
        "version_changes",
        get=licences.show_changes,
    ),
    address("record/heads/", "heads", get=record.list_heads),
    address("record/verify/", "verify", get=record.verify),
    address("transparency/", "transparency", get=record.show_transparency),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", docs, name="docs"),
]
urlpatterns = [*MODELS, *REQUESTS, *QUEUE, *GRANTS, *PEOPLE, *PUBLIC]
