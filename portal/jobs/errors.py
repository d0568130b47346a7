from __future__ import annotations

from http import HTTPStatus

from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from portal.errors import Conflict, DomainError, Forbidden, Invalid, InvalidTransition, NotFound

# How sentences call the states in which nothing can be changed any more.
OF_A_JOB = {
    "succeeded": pgettext_lazy("it, a job", "succeeded"),
    "failed": pgettext_lazy("it, a job", "failed"),
    "cancelled": pgettext_lazy("it, a job", "cancelled"),
    "expired": pgettext_lazy("it, a job", "expired"),
}
OF_A_BATCH = {
    "completed": pgettext_lazy("it is, a batch", "completed"),
    "failed": pgettext_lazy("it is, a batch", "failed"),
    "cancelled": pgettext_lazy("it is, a batch", "cancelled"),
    "expired": pgettext_lazy("it is, a batch", "expired"),
}


class BadParameter(Invalid):
    """A field of a completion request is missing, malformed or out of range."""

    code = "invalid_value"


class ContextLengthExceeded(BadParameter):
    """A refusal of a prompt that, with its output, exceeds the context length."""

    code = "context_length_exceeded"


class MissingKey(DomainError):
    code = "invalid_api_key"
    status = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__(
            "You didn't provide an API key. Send it as 'Authorization: Bearer wg_...'."
        )


class PromptScopeMissing(Forbidden):
    code = "scope"

    def __init__(self) -> None:
        super().__init__("This token lacks the scope “infer”. Make one that has it.")


class ModelNotFound(NotFound):
    code = "model_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(
            _("The model `%(name)s` is not hosted here, or none that you may know of.")
            % {"name": name[:200]},
            field="model",
        )


class ModelLoading(DomainError):
    """A refusal where no worker holds the model, none loads it, and none did for a while.

    A worker that was here a short while ago is waited for, and nothing is refused.
    """

    code = "model_loading"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after_seconds = 10

    def __init__(self, name: str) -> None:
        text = _("No worker serves %(name)s at present. Try again in a few seconds.")
        super().__init__(text % {"name": name})


class ModelUnloadable(ModelLoading):
    """A refusal where the worker that is there has failed to load the model several times."""

    code = "model_unloadable"
    retry_after_seconds = 60

    def __init__(self, name: str, reason: str) -> None:
        DomainError.__init__(
            self,
            _(
                "The worker can’t load %(name)s at present: %(reason)s. Those who run this site "
                "are told; try again later."
            )
            % {"name": name, "reason": reason},
        )


class QuotaExceeded(DomainError):
    code = "rate_limit_exceeded"
    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class TooManyStreams(DomainError):
    """A refusal of one more live stream than a person may have at a time."""

    code = "too_many_streams"
    status = HTTPStatus.TOO_MANY_REQUESTS
    retry_after_seconds = 5

    def __init__(self, most: int) -> None:
        super().__init__(
            _(
                "At most %(most)s of your pages may follow jobs live at one time. Close another, "
                "and this one goes on."
            )
            % {"most": most}
        )


class StoredFileNotFound(NotFound):
    code = "file_not_found"

    def __init__(self, field: str | None = None) -> None:
        super().__init__(_("There’s no such file, or none of yours."), field=field)


class StoredFileInUse(Conflict):
    code = "file_in_use"

    def __init__(self) -> None:
        super().__init__(
            "A batch is reading this file. Delete it once the batch is in progress, or cancel the "
            "batch."
        )


class BatchNotFound(NotFound):
    code = "batch_not_found"

    def __init__(self) -> None:
        super().__init__(_("There’s no such batch, or none of yours."))


class BatchHasEnded(InvalidTransition):
    code = "batch_has_ended"

    def __init__(self, state: str) -> None:
        text = _("This batch can’t be cancelled: it is %(state)s. Nothing was changed.")
        super().__init__(text % {"state": OF_A_BATCH.get(state, state)})


class JobNotFound(NotFound):
    code = "job_not_found"

    def __init__(self) -> None:
        super().__init__(_("There’s no such job, or none of yours."))


class CapturesNotFound(NotFound):
    code = "captures_not_found"

    def __init__(self) -> None:
        super().__init__(
            _("There’s no such completion with captures, or none of yours, or they are forgotten.")
        )


class DisclosureNotFound(NotFound):
    code = "disclosure_not_found"

    def __init__(self) -> None:
        super().__init__("Nobody asked for such a reading, or it is another operator’s.")


class JobHasEnded(InvalidTransition):
    def __init__(self, state: str) -> None:
        text = _("This job has ended already: it %(state)s. Nothing was changed.")
        super().__init__(text % {"state": OF_A_JOB.get(state, state)})


class PromptForgotten(InvalidTransition):
    """A refusal to run again what isn't kept any more."""

    code = "prompt_forgotten"

    def __init__(self) -> None:
        super().__init__(
            _("This job’s prompt isn’t kept any more. Write it anew in the playground.")
        )


class LeaseLost(InvalidTransition):
    """An error that the row is no longer this worker's: swept, cancelled or run by another."""

    code = "lease_lost"

    def __init__(self) -> None:
        super().__init__("The job is not this worker's any more. Nothing was changed.")


class JobFailed(DomainError):
    """An error that the job ended without an answer.

    Clients are told not to send it again by themselves: that would make another job of it.
    """

    code = "job_failed"
    status = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.headers["x-should-retry"] = "false"


class JobStopped(JobFailed):
    """An error that the job was cancelled while its answer was waited for."""

    code = "job_cancelled"
    status = HTTPStatus.CONFLICT
