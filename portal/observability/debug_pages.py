"""Leave out of Django's debugging pages and mails what was written for a model, or by it."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator
from types import FrameType
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter

from portal.observability.private_words import HIDDEN, holds_prompts


class PrivateReporterFilter(SafeExceptionReporterFilter):
    """A filter of what a report of an error shows, in force while debugging too."""

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        """Name the fields of a form and star their values."""
        fields = super().get_post_parameters(request) if request is not None else {}
        return dict.fromkeys(fields, HIDDEN)

    def get_traceback_frame_variables(
        self, request: HttpRequest | None, tb_frame: FrameType
    ) -> ItemsView[str, Any]:
        """List a frame's variables, but none of code that holds prompts, or that it calls."""
        if any(holds_prompts(name) for name in _callers(tb_frame)):
            return ItemsView({})
        return super().get_traceback_frame_variables(request, tb_frame)


def _callers(frame: FrameType | None) -> Iterator[str]:
    """Yield the names of the modules of a frame and of all that called it."""
    while frame is not None:
        yield str(frame.f_globals.get("__name__", ""))
        frame = frame.f_back
