"""Letters to the caller, and a team's own words for the letters that it sends."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.letters.kinds import KINDS, LetterKind
from portal.access.letters.mailer import scope_of
from portal.api.base.permissions import HasAdminScope, IsForAllModels
from portal.api.base.repos import RepoMixin
from portal.api.base.schema import example
from portal.api.base.views import ApiListView, ApiRetrieveView, ApiView
from portal.api.letters.serializers import (
    LetterDetailOutput,
    LetterOutput,
    TemplateOutput,
    WordsInput,
    WordsOutput,
)
from portal.catalog.models import ModelRepo
from portal.errors import NotFound
from portal.outbox.models import OutboxMessage
from portal.outbox.services import mark_read, resend_mail
from portal.outbox.templates import (
    edited_words,
    preview,
    reset_letter_template,
    save_letter_template,
    words_of,
)
from portal.site.letters import letters_of, resendable_by


@extend_schema_view(get=extend_schema(operation_id="list_letters"))
class LetterListView(ApiListView):
    """List the caller's letters, the newest first."""

    permission_classes = [IsForAllModels]
    serializer_class = LetterOutput

    def get_queryset(self) -> QuerySet[OutboxMessage]:
        return letters_of(self.user, self.now)


class OwnLetterMixin(RetrieveModelMixin, ApiView):
    """A view of one of the caller's letters."""

    permission_classes = [IsForAllModels]
    serializer_class = LetterDetailOutput

    def get_object(self) -> OutboxMessage:
        letters = letters_of(self.user, self.now)
        letter = letters.filter(pk=self.kwargs["letter_id"]).first()
        if letter is None:
            raise NotFound("You have no letter with that number.")
        return letter


@extend_schema_view(get=extend_schema(operation_id="show_letter"))
class LetterView(OwnLetterMixin, ApiRetrieveView):
    """Show one letter. Reading it here doesn't mark it as read."""


class LetterReadView(OwnLetterMixin):
    @extend_schema(operation_id="read_letter")
    def post(self, request: Request, letter_id: int) -> Response:
        """Mark a letter as read."""
        mark_read(recipient=self.user, message_id=self.get_object().pk, now=self.now)
        return self.retrieve(request)


class LetterResendView(ApiView):
    serializer_class = LetterOutput

    @extend_schema(operation_id="resend_letter", responses={201: LetterOutput})
    def post(self, request: Request, letter_id: int) -> Response:
        """Send a letter again: the caller's own, or one to an applicant whom they review."""
        among = resendable_by(self.user, letter_id, self.now)
        letter = resend_mail(actor=self.user, message_id=letter_id, among=among, now=self.now)
        return Response(self.get_serializer(letter).data, status=201)


def _template(repo: ModelRepo, kind: str) -> dict[str, Any]:
    letter_kind = KINDS[kind]
    edited = edited_words(scope_of(repo), kind)
    return {
        "kind": kind,
        "label": letter_kind.label,
        "is_edited": edited is not None,
        "words": edited or letter_kind.words,
        "default_words": letter_kind.words,
        "placeholders": sorted(letter_kind.samples),
        "required_placeholders": sorted(letter_kind.required),
    }


@extend_schema_view(get=extend_schema(operation_id="list_templates"))
class TemplateListView(RepoMixin, ApiListView):
    """List the letters that a team may put into its own words."""

    permission_classes = write_permission_classes = [HasAdminScope]
    serializer_class = TemplateOutput

    def get_queryset(self) -> Any:
        repo = self.get_administered_repo()
        return [_template(repo, kind) for kind in KINDS]


TEMPLATE_EXAMPLE = {
    "subject": "Your access is open",
    "text": "You have access to {repo} until {until}.",
}


class TemplateMixin(RepoMixin):
    """A view of one kind of letter of a model."""

    permission_classes = write_permission_classes = [HasAdminScope]
    input_serializer_class = WordsInput

    def get_kind(self) -> LetterKind:
        kind = self.kwargs["kind"]
        if kind not in KINDS:
            raise NotFound(f"There’s no such kind of letter. Choose among {', '.join(KINDS)}.")
        return KINDS[kind]


@extend_schema_view(get=extend_schema(operation_id="show_template"))
class TemplateView(TemplateMixin, ApiRetrieveView):
    """Show the words of one kind of letter, and what may stand in braces."""

    serializer_class = TemplateOutput

    def get_object(self) -> dict[str, Any]:
        repo = self.get_administered_repo()
        self.get_kind()
        return _template(repo, self.kwargs["kind"])

    @extend_schema(operation_id="save_template", examples=example(**TEMPLATE_EXAMPLE))
    def put(self, request: Request, namespace: str, name: str, kind: str) -> Response:
        """Put a kind of letter into the team's own words."""
        repo, letter_kind = self.get_administered_repo(), self.get_kind()
        save_letter_template(
            actor=self.user,
            scope=scope_of(repo),
            kind=kind,
            subject=self.validated_data["subject"],
            paragraphs=self.validated_data["text"],
            allowed=letter_kind.samples.keys(),
            required=letter_kind.required,
            now=self.now,
        )
        return self.retrieve(request)

    @extend_schema(operation_id="reset_template", responses={200: TemplateOutput})
    def delete(self, request: Request, namespace: str, name: str, kind: str) -> Response:
        """Go back to the default words."""
        repo = self.get_administered_repo()
        self.get_kind()
        reset_letter_template(actor=self.user, scope=scope_of(repo), kind=kind, now=self.now)
        return self.retrieve(request)


class TemplatePreviewView(TemplateMixin):
    serializer_class = WordsOutput

    @extend_schema(operation_id="preview_template", examples=example(**TEMPLATE_EXAMPLE))
    def post(self, request: Request, namespace: str, name: str, kind: str) -> Response:
        """Show a letter of these words, filled with sample facts. Nothing is kept."""
        self.get_administered_repo()
        letter_kind = self.get_kind()
        words = words_of(self.validated_data["subject"], self.validated_data["text"])
        shown = preview(words, letter_kind.samples, required=letter_kind.required)
        return Response(self.get_serializer(shown).data)
