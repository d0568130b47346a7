"""Hold every refusal of the API: each field that it names is one that its caller can send."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from portal.api.base.field_names import known_parts
from portal.api.base.views import UNKNOWN, ApiView

# A text that can't be read is refused by the names that stand in it.
UNREAD = "not_json"
# These say of a name that it isn't known, and of a body that it is no object.
OF_NO_FIELD = {UNKNOWN, "This field isn’t known here. Leave it out."}
WHOLE = "body"
# Submitting checks the draft, whose answers another operation of the same request takes.
ELSEWHERE = {"SubmitView": "answers."}


def strange_fields(view: ApiView, response: Any) -> Iterator[str]:
    """Yield the fields that a refusal names, and that what the operation takes doesn't have."""
    view_name = type(view).__name__
    if not hasattr(view, str(view.request.method).lower()):
        return
    if not 400 <= response.status_code < 500 or response.data["error"]["code"] == UNREAD:
        return
    classes = (view.get_input_serializer_class(), view.get_filter_serializer_class())
    inputs = [serializer_class() for serializer_class in classes if serializer_class is not None]
    others = {*view.kwargs, *view.get_paging_names(), WHOLE}
    for name, text in response.data["error"]["fields"].items():
        parts = name.split(".")
        is_known = any(list(known_parts(parts, takes)) == parts for takes in inputs)
        is_elsewhere = name.startswith(ELSEWHERE.get(view_name, "\0"))
        if not (is_known or is_elsewhere or name in others or text in OF_NO_FIELD):
            yield f"{view_name} names {name}: {text}"
