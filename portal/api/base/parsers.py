"""Parse JSON bodies as every other surface does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import JSONParser

from portal.parsing.json import LARGEST_BODY_BYTES, read_json


class BoundedJSONParser(JSONParser):
    """A parser bounded in depth, size and numbers, which takes no halves of characters."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Read one value. Raises NotJson or TooLarge, which the API's handler words."""
        return read_json(stream.read(LARGEST_BODY_BYTES + 1))
