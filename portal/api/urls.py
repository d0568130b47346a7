"""The addresses of the API, each with its view."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from portal.api.catalog import check_views as revision_checks
from portal.api.catalog import planner_views as planner
from portal.api.catalog import settings_views as model_settings
from portal.api.catalog import views as catalog
from portal.api.collections import views as collections
from portal.api.disclosures import views as disclosures
from portal.api.docs import views as docs
from portal.api.gate import views as gate
from portal.api.grants import check_views as checks
from portal.api.grants import member_views as members
from portal.api.grants import team_views as team_grants
from portal.api.grants import views as grants
from portal.api.holds import views as holds
from portal.api.jobs import views as jobs
from portal.api.labs import guest_views as guests
from portal.api.labs import invitation_views as invitations
from portal.api.labs import operator_views as operators
from portal.api.labs import views as labs
from portal.api.letters import views as letters
from portal.api.licences import views as licences
from portal.api.notifications import views as notifications
from portal.api.people import views as people
from portal.api.record import views as record
from portal.api.requests import action_views as request_actions
from portal.api.requests import views as requests
from portal.api.requests.form_views import RequestFormView
from portal.api.review import action_views as actions
from portal.api.review import case_views as cases
from portal.api.review import decision_views as decisions
from portal.api.review import queue_views as queue
from portal.api.screening import views as screening
from portal.api.uploads import views as uploads
from portal.api.usage import views as usage

app_name = "api"
MODEL = "models/<str:namespace>/<str:name>/"
REQUEST = "requests/<int:request_id>/"
CASE = "queue/<int:request_id>/"
GRANT = "grants/<int:grant_id>/"
TEMPLATE = f"{MODEL}letters/<str:kind>/"

MODELS = [
    path("planner/", planner.PlannerView.as_view(), name="planner"),
    path("models/", catalog.ModelListView.as_view(), name="models"),
    path(MODEL, catalog.ModelView.as_view(), name="model"),
    path(f"{MODEL}settings/", model_settings.ModelSettingsView.as_view(), name="model_settings"),
    path(f"{MODEL}rename/", model_settings.ModelRenameView.as_view(), name="model_rename"),
    path(f"{MODEL}delete/", model_settings.ModelDeleteView.as_view(), name="model_delete"),
    path(
        f"{MODEL}revisions/<str:revision>/check/",
        revision_checks.RevisionCheckView.as_view(),
        name="revision_check",
    ),
    path(f"{MODEL}licence/", licences.LicenceInForceView.as_view(), name="model_licence"),
    path(f"{MODEL}request-form/", RequestFormView.as_view(), name="request_form"),
    path(f"{MODEL}sign/", licences.SignView.as_view(), name="sign"),
    path(f"{MODEL}gate/", gate.GateSettingsView.as_view(), name="gate"),
    path(f"{MODEL}forms/", gate.FormListView.as_view(), name="forms"),
    path(f"{MODEL}team/", gate.TeamView.as_view(), name="team"),
    path(f"{MODEL}team/<str:username>/", gate.SeatView.as_view(), name="seat"),
    path(f"{MODEL}grants/", team_grants.GrantedListView.as_view(), name="granted"),
    path(f"{MODEL}notice/", team_grants.NoticeView.as_view(), name="notice"),
    path(
        f"{MODEL}notice/withdraw/", team_grants.NoticeWithdrawView.as_view(), name="notice_withdraw"
    ),
    path(f"{MODEL}renewals/", team_grants.RenewalListView.as_view(), name="renewals"),
    path(f"{MODEL}downloads/", catalog.DownloadListView.as_view(), name="downloads"),
    path(f"{MODEL}exports/", catalog.ExportListView.as_view(), name="exports"),
    path(f"{MODEL}letters/", letters.TemplateListView.as_view(), name="templates"),
    path(TEMPLATE, letters.TemplateView.as_view(), name="template"),
    path(f"{TEMPLATE}preview/", letters.TemplatePreviewView.as_view(), name="template_preview"),
    path(
        "former-names/<str:namespace>/<str:name>/",
        catalog.FormerNameView.as_view(),
        name="former_name",
    ),
]
REQUESTS = [
    path("requests/", requests.RequestListView.as_view(), name="requests"),
    path(REQUEST, requests.RequestView.as_view(), name="request"),
    path(f"{REQUEST}submit/", request_actions.SubmitView.as_view(), name="submit"),
    path(f"{REQUEST}answer/", request_actions.AnswerView.as_view(), name="answer"),
    path(f"{REQUEST}correct/", request_actions.CorrectView.as_view(), name="correct"),
    path(f"{REQUEST}withdraw/", request_actions.WithdrawView.as_view(), name="withdraw"),
    path(f"{REQUEST}resume/", request_actions.ResumeView.as_view(), name="resume"),
    path(f"{REQUEST}appeal/", request_actions.AppealView.as_view(), name="appeal"),
    path(f"{REQUEST}events/", requests.RequestEventListView.as_view(), name="request_events"),
    path(f"{REQUEST}snapshots/", requests.RequestSnapshotListView.as_view(), name="snapshots"),
    path(f"{REQUEST}differences/", requests.RequestChangeListView.as_view(), name="differences"),
]
QUEUE = [
    path("queue/", queue.QueueView.as_view(), name="queue"),
    path("queue/groups/", queue.QueueGroupListView.as_view(), name="queue_groups"),
    path("queue/bulk/", queue.BulkView.as_view(), name="bulk"),
    path(CASE, cases.CaseView.as_view(), name="case"),
    path(f"{CASE}events/", cases.CaseEventListView.as_view(), name="case_events"),
    path(f"{CASE}snapshots/", cases.CaseSnapshotListView.as_view(), name="case_snapshots"),
    path(f"{CASE}differences/", cases.CaseChangeListView.as_view(), name="case_differences"),
    path(f"{CASE}notes/", cases.NoteListView.as_view(), name="notes"),
    path(f"{CASE}claim/", actions.ClaimView.as_view(), name="claim"),
    path(f"{CASE}release/", actions.ReleaseView.as_view(), name="release"),
    path(f"{CASE}assign/", actions.AssignView.as_view(), name="assign"),
    path(f"{CASE}declare/", actions.DeclareConflictView.as_view(), name="declare"),
    path(f"{CASE}ask/", actions.AskView.as_view(), name="ask"),
    path(f"{CASE}approve/", decisions.ApproveView.as_view(), name="approve"),
    path(f"{CASE}decline/", decisions.DeclineView.as_view(), name="decline"),
    path(f"{CASE}settle/", decisions.SettleView.as_view(), name="settle"),
    path(f"{CASE}override/", decisions.OverrideView.as_view(), name="override"),
    path(f"{CASE}dispose/", actions.DisposeView.as_view(), name="dispose"),
    path(f"{CASE}undo/", actions.UndoView.as_view(), name="undo"),
    path(f"{CASE}reopen/", actions.ReopenView.as_view(), name="reopen"),
    path(f"{CASE}vouch/", actions.VouchView.as_view(), name="vouch"),
]
GRANTS = [
    path("grants/", grants.GrantListView.as_view(), name="grants"),
    path(GRANT, grants.GrantView.as_view(), name="grant"),
    path(f"{GRANT}accept/", grants.OfferAcceptView.as_view(), name="accept"),
    path(f"{GRANT}decline/", grants.OfferDeclineView.as_view(), name="decline_offer"),
    path(f"{GRANT}renew/", grants.GrantRenewView.as_view(), name="renew"),
    path(f"{GRANT}newer/", grants.NewerTextSignView.as_view(), name="sign_newer"),
    path(f"{GRANT}close/", grants.GrantCloseView.as_view(), name="close"),
    path(f"{GRANT}end-model/", team_grants.GrantModelEndView.as_view(), name="end_model"),
    path(f"{GRANT}quotas/", team_grants.GrantQuotasView.as_view(), name="grant_quotas"),
    path(f"{GRANT}revoke/", team_grants.GrantRevokeView.as_view(), name="revoke"),
    path(
        f"{GRANT}revoke/withdraw/",
        team_grants.RevocationWithdrawView.as_view(),
        name="revoke_withdraw",
    ),
    path(f"{GRANT}members/", members.MemberListView.as_view(), name="members"),
    path("memberships/<int:membership_id>/join/", members.MemberJoinView.as_view(), name="join"),
    path(
        "memberships/<int:membership_id>/check/",
        members.MemberCheckView.as_view(),
        name="member_check",
    ),
    path(
        "memberships/<int:membership_id>/end/", members.MemberEndView.as_view(), name="end_member"
    ),
    path("checks/", checks.CheckListView.as_view(), name="checks"),
    path("checks/<int:screening_id>/", checks.CheckView.as_view(), name="check"),
    path("renewals/<int:renewal_id>/", team_grants.RenewalView.as_view(), name="renewal"),
    path("holds/", holds.HoldListView.as_view(), name="holds"),
    path("holds/<int:hold_id>/", holds.HoldView.as_view(), name="hold"),
    path("holds/<int:hold_id>/lift/", holds.HoldLiftView.as_view(), name="lift"),
    path("disclosures/", disclosures.DisclosureListView.as_view(), name="disclosures"),
    path(
        "disclosures/<int:disclosure_id>/",
        disclosures.DisclosureView.as_view(),
        name="disclosure",
    ),
    path(
        "disclosures/<int:disclosure_id>/confirm/",
        disclosures.DisclosureConfirmView.as_view(),
        name="disclosure_confirm",
    ),
    path(
        "disclosures/<int:disclosure_id>/texts/",
        disclosures.DisclosureTextsView.as_view(),
        name="disclosure_texts",
    ),
    path("screening/", screening.EntryListView.as_view(), name="screening"),
    path("screening/import/", screening.ImportView.as_view(), name="screening_import"),
    path("screening/<int:entry_id>/", screening.EntryView.as_view(), name="screening_entry"),
]
PEOPLE = [
    path("organizations/", people.OrganizationListView.as_view(), name="organizations"),
    path("affiliations/", people.AffiliationListView.as_view(), name="affiliations"),
    path("affiliations/check/", people.AffiliationCheckView.as_view(), name="affiliations_check"),
    path(
        "affiliations/<int:affiliation_id>/renew/",
        people.AffiliationRenewalView.as_view(),
        name="affiliation_renew",
    ),
    path("references/", people.ReferenceListView.as_view(), name="references"),
    path(
        "references/<int:reference_id>/resend/",
        people.ReferenceResendView.as_view(),
        name="reference_resend",
    ),
    path(
        "references/<int:reference_id>/address/",
        people.ReferenceAddressView.as_view(),
        name="reference_address",
    ),
    path(
        "references/<int:reference_id>/cancel/",
        people.ReferenceCancelView.as_view(),
        name="reference_cancel",
    ),
    path("usage/", usage.UsageListView.as_view(), name="usage"),
    path("notifications/", notifications.NotificationsView.as_view(), name="notifications"),
    path("signatures/", licences.SignatureListView.as_view(), name="signatures"),
    path("signatures/<int:acceptance_id>/", licences.SignatureView.as_view(), name="signature"),
    path("letters/", letters.LetterListView.as_view(), name="letters"),
    path("letters/<int:letter_id>/", letters.LetterView.as_view(), name="letter"),
    path("letters/<int:letter_id>/read/", letters.LetterReadView.as_view(), name="letter_read"),
    path(
        "letters/<int:letter_id>/resend/", letters.LetterResendView.as_view(), name="letter_resend"
    ),
]
LAB = "labs/<str:namespace>/"
LABS = [
    path("labs/", labs.LabListView.as_view(), name="labs"),
    path(LAB, labs.LabView.as_view(), name="lab"),
    path(f"{LAB}people/", labs.LabPersonListView.as_view(), name="lab_people"),
    path(f"{LAB}people/<str:username>/<slug:role>/", labs.LabRoleView.as_view(), name="lab_role"),
    path(f"{LAB}invitations/", invitations.LabInvitationListView.as_view(), name="lab_invitations"),
    path(
        f"{LAB}invitations/<int:invitation_id>/",
        invitations.LabInvitationView.as_view(),
        name="lab_invitation",
    ),
    path(
        f"{LAB}invitations/<int:invitation_id>/again/",
        invitations.LabInvitationAgainView.as_view(),
        name="lab_invitation_again",
    ),
    path("invitations/", invitations.OwnInvitationListView.as_view(), name="own_invitations"),
    path(
        "invitations/<int:invitation_id>/accept/",
        invitations.OwnInvitationAcceptView.as_view(),
        name="own_invitation_accept",
    ),
    path("operators/", operators.OperatorListView.as_view(), name="operators"),
    path(
        "operators/invitations/",
        invitations.OperatorInvitationListView.as_view(),
        name="operator_invitations",
    ),
    path(
        "operators/invitations/<int:invitation_id>/",
        invitations.OperatorInvitationView.as_view(),
        name="operator_invitation",
    ),
    path(
        "operators/invitations/<int:invitation_id>/again/",
        invitations.OperatorInvitationAgainView.as_view(),
        name="operator_invitation_again",
    ),
    path("operators/<str:username>/", operators.OperatorView.as_view(), name="operator"),
    path(f"{MODEL}invitations/", guests.TeamInvitationListView.as_view(), name="team_invitations"),
    path(f"{CASE}guests/", guests.GuestListView.as_view(), name="guests"),
    path(f"{CASE}guests/<str:username>/", guests.GuestView.as_view(), name="guest"),
]
JOBS = [
    path("jobs/", jobs.JobListView.as_view(), name="jobs"),
    path("jobs/<str:job_id>/", jobs.JobView.as_view(), name="job"),
    path("jobs/<str:job_id>/cancel/", jobs.JobCancelView.as_view(), name="job_cancel"),
    path("jobs/<str:job_id>/again/", jobs.JobAgainView.as_view(), name="job_again"),
]
PUBLIC = [
    path("licences/", licences.LicenceListView.as_view(), name="licences"),
    path("licences/<slug:slug>/", licences.VersionListView.as_view(), name="versions"),
    path("licences/<slug:slug>/<str:version>/", licences.VersionView.as_view(), name="version"),
    path(
        "licences/<slug:slug>/<str:version>/changes/<str:other>/",
        licences.VersionDiffView.as_view(),
        name="version_changes",
    ),
    path("record/heads/", record.HeadListView.as_view(), name="heads"),
    path("record/verify/", record.VerificationView.as_view(), name="verify"),
    path("transparency/", record.TransparencyView.as_view(), name="transparency"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", docs.index, name="docs"),
    path("docs/<slug:slug>/", docs.group, name="docs_group"),
]
UPLOADS = [
    path(f"{MODEL}uploads/", uploads.UploadListView.as_view(), name="uploads"),
    path(f"{MODEL}commits/", uploads.CommitListView.as_view(), name="commits"),
]
LAB_COLLECTION = "labs/<str:namespace>/collections/<str:slug>/"
COLLECTIONS = [
    path("collections/", collections.CollectionListView.as_view(), name="collections"),
    path(
        "collections/<str:namespace>/<str:slug>/",
        collections.CollectionView.as_view(),
        name="collection",
    ),
    path(
        "labs/<str:namespace>/collections/",
        collections.LabCollectionListView.as_view(),
        name="lab_collections",
    ),
    path(LAB_COLLECTION, collections.LabCollectionView.as_view(), name="lab_collection"),
    path(
        f"{LAB_COLLECTION}models/",
        collections.CollectionModelsView.as_view(),
        name="collection_models",
    ),
    path(
        f"{LAB_COLLECTION}models/<str:name>/",
        collections.CollectionModelView.as_view(),
        name="collection_model",
    ),
]
urlpatterns = [
    *(*COLLECTIONS, *MODELS, *UPLOADS, *REQUESTS, *QUEUE, *GRANTS, *PEOPLE, *LABS, *JOBS),
    *PUBLIC,
]
