"""The check that a revision passes before everybody sees it."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.base.permissions import HasPublishScope
from portal.api.base.repos import RepoMixin
from portal.api.base.schema import example
from portal.api.base.serializers import Output
from portal.api.base.views import ApiRetrieveView
from portal.api.catalog.settings_serializers import ConsentInput, consent_in
from portal.catalog.models import Revision, RevisionCheck
from portal.catalog.quarantine.checking import check_again
from portal.catalog.quarantine.consenting import give_consent
from portal.catalog.quarantine.questions import questions_of
from portal.catalog.services.lookup import find_revision
from portal.hub.rate_limit import count_write


class RevisionCheckOutput(Output):
    """A check’s findings, or how far it has come. Only publishers see what isn’t ``passed``."""

    commit = serializers.CharField(source="revision.commit")
    state = serializers.ChoiceField(choices=RevisionCheck.State.choices)
    missing = serializers.ListField(child=serializers.CharField())
    problems = serializers.ListField(child=serializers.CharField())
    warnings = serializers.ListField(child=serializers.CharField())
    questions = serializers.SerializerMethodField()
    read_bytes = serializers.IntegerField()
    total_bytes = serializers.IntegerField()
    path = serializers.CharField()
    received_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_questions(self, check: RevisionCheck) -> list[str]:
        """Say what is to be agreed to before others see the revision."""
        return questions_of(check.revision).words


@extend_schema_view(get=extend_schema(operation_id="show_revision_check"))
class RevisionCheckView(RepoMixin, ApiRetrieveView):
    """Show the check of a revision, to whoever may publish it."""

    permission_classes = write_permission_classes = [HasPublishScope]
    serializer_class = RevisionCheckOutput
    input_serializer_class = ConsentInput

    def get_revision(self) -> Revision:
        repo = self.get_publishable_repo()
        return find_revision(repo, self.kwargs["revision"], caller=self.caller)

    def get_object(self) -> RevisionCheck:
        return check_or_passed(self.get_revision())

    @extend_schema(
        operation_id="check_revision_again",
        request=ConsentInput,
        examples=example(licensor=True, changed_terms=True),
    )
    def post(self, request: Request, namespace: str, name: str, revision: str) -> Response:
        """Check a revision again, as after a change of the settings, or agree to what is asked."""
        waiting = self.get_revision()
        consent = consent_in(self.validated_data)
        count_write(self.user, self.now)
        if consent:
            give_consent(actor=self.user, revision=waiting, consent=consent, now=self.now)
        check_again(waiting, timezone.now)
        return self.retrieve(request)


def check_or_passed(revision: Revision) -> RevisionCheck:
    """Return a revision's check; one that passed as a folder has none, and reads as passed."""
    check = RevisionCheck.objects.filter(revision=revision).select_related("revision").first()
    passed = RevisionCheck.State.PASSED
    return check or RevisionCheck(
        revision=revision,
        state=passed,
        received_at=revision.created_at,
        ended_at=revision.passed_at,
    )
