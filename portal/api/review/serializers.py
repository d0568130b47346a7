"""The serializers that show the queue and its cases."""

from __future__ import annotations

from rest_framework import serializers

from portal.access.evidence.flags import WORDS, FlagKind
from portal.access.models import AccessRequest
from portal.accounts.models import Sector
from portal.api.base.fields import IdField
from portal.api.base.serializers import Output, PersonOutput, QuotasOutput
from portal.api.requests.serializers import DecisionOutput, QuestionOutput


class BulkResultOutput(Output):
    request_id = IdField()
    outcome = serializers.ChoiceField(choices=["decided", "voted", "refused"])
    why = serializers.CharField(help_text="Why it was refused; else empty.")


class BulkOutput(Output):
    dry_run = serializers.BooleanField()
    results = BulkResultOutput(many=True)


class RowOutput(Output):
    """One request as the queue shows it."""

    id = IdField(source="access_request.pk")
    reference = serializers.CharField(source="access_request.reference")
    repo = serializers.CharField(source="access_request.repo.full_name")
    state = serializers.CharField(source="access_request.state")
    applicant = PersonOutput(source="access_request.applicant")
    organization = serializers.CharField(
        source="workplace.name",
        help_text="The proved organization; else the one that the applicant names.",
    )
    said_organization = serializers.CharField(
        source="workplace.said",
        help_text="The one that the applicant names, where another is proved.",
    )
    sector = serializers.CharField()
    modes = serializers.CharField(help_text="In words.")
    mark = serializers.CharField(source="badge.text", help_text="The status, in words.")
    due = serializers.CharField(help_text="calm, near, late, waits, or none.")
    assignee = serializers.CharField(
        help_text="The reviewer who has taken the case; empty if nobody has."
    )
    flags = serializers.ListField(
        child=serializers.CharField(),
        help_text="The kinds of the flags that stand, while the request is undecided.",
    )
    is_clear = serializers.BooleanField(
        allow_null=True, help_text="All is proved and no flag stands; null once it is decided."
    )
    submitted_at = serializers.DateTimeField(source="access_request.submitted_at")
    due_at = serializers.DateTimeField(source="access_request.due_at")


class AnswerOutput(Output):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    text = serializers.CharField()


class FactOutput(Output):
    title = serializers.CharField()
    detail = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)


class SaidOutput(Output):
    label = serializers.CharField()  # type: ignore[assignment]
    text = serializers.CharField()


class FlagOutput(Output):
    """``request_id``: another request that it leads to. A settled flag stands against nothing."""

    kind = serializers.ChoiceField(choices=[(str(kind), WORDS[kind]) for kind in FlagKind])
    title = serializers.CharField()
    detail = serializers.CharField()
    advice = serializers.CharField(help_text="What to do about it; empty once it is settled.")
    settled = serializers.CharField(help_text="How it was settled; empty while it stands.")
    request_id = serializers.IntegerField(source="other.pk", allow_null=True, default=None)


class RecordOutput(Output):
    approved = serializers.IntegerField()
    declined = serializers.IntegerField()


class EvidenceOutput(Output):
    """Evidence: what is proved, what is claimed, flags, and the organization’s past decisions."""

    proved = FactOutput(many=True)
    said = SaidOutput(many=True)
    flags = FlagOutput(many=True)
    record = RecordOutput(allow_null=True)
    missing = serializers.ListField(
        child=serializers.CharField(), help_text="What isn’t proved, in a sentence each."
    )
    is_clear = serializers.BooleanField(
        help_text="All is proved, the claimed organization first, and no flag stands."
    )


class VoteOutput(Output):
    reviewer = PersonOutput()
    verdict = serializers.CharField()
    modes = serializers.ListField(child=serializers.CharField())
    expires_at = serializers.DateTimeField(allow_null=True)
    conditions = serializers.DictField()
    quotas = serializers.DictField()
    reason_code = serializers.CharField()
    reason_text = serializers.CharField()
    cast_at = serializers.DateTimeField()


class VotesOutput(Output):
    quorum = serializers.IntegerField()
    approvals_missing = serializers.IntegerField()
    declines_missing = serializers.IntegerField()
    votes = VoteOutput(many=True, help_text="The votes that the caller may see.")


class CaseQuestionOutput(QuestionOutput):
    """A question as the team reads it: asked when it was written, before it can't be undone."""

    asked_at = serializers.DateTimeField()


class CaseDecisionOutput(DecisionOutput):
    """A decision as the team reads it: taken when somebody decided, before it can't be undone."""

    decided_at = serializers.DateTimeField()
    decided_by = PersonOutput()
    is_override = serializers.BooleanField()
    chair_reason = serializers.CharField(
        help_text="Why the chair decided so, where the votes differed; else empty."
    )
    undo_until = serializers.DateTimeField()
    undone_at = serializers.DateTimeField(allow_null=True)


class CaseStateOutput(serializers.ModelSerializer[AccessRequest]):
    """The state of a case, and what the caller may do to it now."""

    reference = serializers.CharField()
    repo = serializers.CharField(source="repo.full_name")
    assigned_to = PersonOutput(allow_null=True)
    votes = VotesOutput()
    allowed_acts = serializers.ListField(child=serializers.CharField())
    undo_until = serializers.DateTimeField(allow_null=True)
    grant_id = serializers.IntegerField(allow_null=True, help_text="The first of ``grant_ids``.")
    grant_ids = serializers.ListField(
        child=IdField(), help_text="One for each licence of the models that were given."
    )

    class Meta:
        model = AccessRequest
        fields: tuple[str, ...] = (
            "id",
            "reference",
            "repo",
            "state",
            "submitted_at",
            "due_at",
            "closed_at",
            "escalation_level",
            "assigned_to",
            "votes",
            "undo_until",
            "grant_id",
            "grant_ids",
            "allowed_acts",
        )


class CaseQuotasOutput(Output):
    """Quotas of hosted use: those that hold by default, and the most that an approval may name."""

    suggested = QuotasOutput(
        help_text="The defaults; ``has_floor`` is guessed from the answer on compute."
    )
    most = QuotasOutput()


class CaseOutput(CaseStateOutput):
    applicant = PersonOutput()
    sector = serializers.ChoiceField(choices=Sector.choices, allow_blank=True)
    conflicts = serializers.ListField(
        child=serializers.CharField(), help_text="The caller’s own, in words."
    )
    answers = AnswerOutput(many=True)
    quotas = CaseQuotasOutput()
    evidence = EvidenceOutput()
    questions = CaseQuestionOutput(many=True)
    decisions = CaseDecisionOutput(many=True)
    appeal = serializers.CharField(allow_blank=True)
    bundle_url = serializers.CharField(
        help_text="The evidence as one ZIP file; by POST, in a session."
    )

    class Meta(CaseStateOutput.Meta):
        fields = (
            *CaseStateOutput.Meta.fields,
            "applicant",
            "organization_name",
            "sector",
            "country",
            "conflicts",
            "answers",
            "quotas",
            "evidence",
            "questions",
            "decisions",
            "appeal",
            "bundle_url",
        )


class NoteOutput(Output):
    id = IdField()
    author = PersonOutput()
    text = serializers.CharField()
    written_at = serializers.DateTimeField()


class GroupOutput(Output):
    """Requests that belong together; the filter of the queue that lists them all."""

    label = serializers.CharField()  # type: ignore[assignment]
    count = serializers.IntegerField(help_text="Among the first thousand of the queue.")
    filter = serializers.DictField(
        child=serializers.CharField(), help_text="Empty where the queue has no such filter."
    )
    rows = RowOutput(many=True, help_text="The first of them.")
