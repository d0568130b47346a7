"""The fields of a request that structure its text: OpenAI's response_format, and vLLM's."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from portal.parsing.bodies import Body

LARGEST_STRUCTURE_BYTES = 64 * 1024


class NamedSchema(Body):
    """A JSON schema with its name, as OpenAI has it."""

    name: str = Field("", max_length=64)
    schema_: dict[str, Any] = Field(default_factory=dict, alias="schema", repr=False)


class ResponseFormat(Body):
    """OpenAI's field: text as it comes, any JSON object, or JSON of a schema."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: NamedSchema | None = None

    @property
    def structure(self) -> dict[str, Any] | None:
        """Return it as vLLM's field; None where text may be anything."""
        if self.type == "json_schema":
            return {"json": self.json_schema.schema_ if self.json_schema else {}}
        return {"json_object": True} if self.type == "json_object" else None


class StructuredOutputs(Body):
    """vLLM's field: one structure of these."""

    json_: dict[str, Any] | None = Field(None, alias="json", repr=False)
    json_object: Literal[True] | None = None
    regex: str | None = Field(None, min_length=1)
    choice: list[str] | None = Field(None, min_length=1, max_length=1000)
    grammar: str | None = Field(None, min_length=1)

    @property
    def structure(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True, by_alias=True)


def _require_one(value: StructuredOutputs) -> StructuredOutputs:
    if len(value.structure) != 1:
        raise ValueError("must have one of json, json_object, regex, choice and grammar")
    return value


def _require_small(value: Any) -> Any:
    if len(json.dumps(value.structure).encode()) > LARGEST_STRUCTURE_BYTES:
        raise ValueError(f"may have {LARGEST_STRUCTURE_BYTES:,} bytes at most")
    return value


def _require_schema(value: ResponseFormat) -> ResponseFormat:
    if value.type == "json_schema" and value.json_schema is None:
        raise ValueError("of type json_schema needs json_schema")
    return value


TextFormat = Annotated[
    ResponseFormat, AfterValidator(_require_schema), AfterValidator(_require_small)
]
Structure = Annotated[
    StructuredOutputs, AfterValidator(_require_one), AfterValidator(_require_small)
]
