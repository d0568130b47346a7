"""Actions of the caller on their own request; each answers with its new state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.applicant.submission import submit_request
from portal.access.models import AccessRequest
from portal.access.requests.answering import answer_question, resume_request
from portal.access.requests.appeals import appeal_request
from portal.access.review.decisions.applicant_acts import correct_as_shown, withdraw_as_shown
from portal.api.base.schema import example
from portal.api.base.serializers import SIGNATURE_EXAMPLE
from portal.api.base.views import SigningMixin
from portal.api.requests.serializers import (
    AnswerInput,
    AppealInput,
    CorrectInput,
    RequestDetailOutput,
    SubmitInput,
)
from portal.api.requests.views import OwnRequestMixin, require_asked
from portal.errors import FieldErrors


class RequestActionView(RetrieveModelMixin, OwnRequestMixin):
    """A view that does one thing to a request of the caller's, and shows its new state."""

    serializer_class = RequestDetailOutput

    def get_object(self) -> AccessRequest:
        return self.get_request()

    def post(self, request: Request, request_id: int) -> Response:
        self.perform(self.get_request())
        return self.retrieve(request)

    def perform(self, access_request: AccessRequest) -> None:
        """Call the service. Each view says which."""
        raise NotImplementedError

    def get_changes(self, access_request: AccessRequest) -> dict[str, Any]:
        """Return the changes to the answers that were sent, if only to what the form asks."""
        changes: dict[str, Any] = self.validated_data.get("changes", {})
        newest = access_request.submissions.select_related("form").last()
        require_asked(changes, newest.form if newest else None, inside="changes")
        return changes


@extend_schema_view(
    post=extend_schema(operation_id="submit", examples=example(signature=SIGNATURE_EXAMPLE))
)
class SubmitView(SigningMixin, RequestActionView):
    """Sign each licence in force, and submit the draft to the reviewers. The draft is frozen."""

    input_serializer_class = SubmitInput

    def perform(self, access_request: AccessRequest) -> None:
        sent = self.validated_data
        signatures = [sent["signature"]] if "signature" in sent else sent.get("signatures", [])
        try:
            submit_request(
                applicant=self.user,
                request_id=access_request.pk,
                signatures=list(map(self.as_signed, signatures)),
                now=self.now,
            )
        except FieldErrors as error:
            raise FieldErrors(self._as_sent(error.errors)) from error

    def _as_sent(self, errors: dict[str, str]) -> dict[str, str]:
        """Name the only signature as it was sent: the service takes a list of them."""
        if "signature" not in self.validated_data:
            return errors
        first = "signatures.0."
        return {
            f"signature.{name.removeprefix(first)}" if name.startswith(first) else name: text
            for name, text in errors.items()
        }


ANSWER_EXAMPLE = example(answer="The checkpoints stay on the cluster.")


@extend_schema_view(post=extend_schema(operation_id="answer", examples=ANSWER_EXAMPLE))
class AnswerView(RequestActionView):
    """Answer the open question, with changes to the answers where they are wanted."""

    input_serializer_class = AnswerInput
    answer: Callable[..., object] = staticmethod(answer_question)

    def perform(self, access_request: AccessRequest) -> None:
        self.answer(
            applicant=self.user,
            request_id=access_request.pk,
            answer=self.validated_data["answer"],
            changes=self.get_changes(access_request),
            now=self.now,
        )


@extend_schema_view(
    post=extend_schema(
        operation_id="correct",
        examples=example(changes={"outputs": "A paper, its code, and no checkpoints."}),
    )
)
class CorrectView(RequestActionView):
    """Correct what was submitted. A change makes a new snapshot; no change makes none."""

    input_serializer_class = CorrectInput

    def perform(self, access_request: AccessRequest) -> None:
        changes = self.get_changes(access_request)
        correct_as_shown(
            applicant=self.user, request_id=access_request.pk, changes=changes, now=self.now
        )


@extend_schema_view(post=extend_schema(operation_id="withdraw"))
class WithdrawView(RequestActionView):
    """End a request that nobody has decided. Another may be made at any time."""

    def perform(self, access_request: AccessRequest) -> None:
        withdraw_as_shown(applicant=self.user, request_id=access_request.pk, now=self.now)


@extend_schema_view(post=extend_schema(operation_id="resume", examples=ANSWER_EXAMPLE))
class ResumeView(AnswerView):
    """Resume a request that lapsed, with the answer that it waited for."""

    answer = staticmethod(resume_request)


@extend_schema_view(
    post=extend_schema(
        operation_id="appeal",
        examples=example(text="The decision took the study for a product; it is a thesis."),
    )
)
class AppealView(RequestActionView):
    """Appeal once: people who didn't decide look at the request again."""

    input_serializer_class = AppealInput

    def perform(self, access_request: AccessRequest) -> None:
        text = self.validated_data["text"]
        appeal_request(applicant=self.user, request_id=access_request.pk, text=text, now=self.now)
