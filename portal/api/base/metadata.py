"""The answer to OPTIONS: what a view is, and the formats that it reads and answers in."""

from __future__ import annotations

from typing import Any

from rest_framework.metadata import SimpleMetadata
from rest_framework.request import Request


class ViewMetadata(SimpleMetadata):
    """Metadata without the fields of a body, which the schema describes.

    DRF would take them from the serializer of the answer, and look up an object for PUT, which
    most of our addresses don't name by a key.
    """

    def determine_actions(self, request: Request, view: Any) -> dict[str, Any]:
        return {}
