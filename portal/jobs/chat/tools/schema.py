"""Hold an answer to calls of tools: the JSON schema of what the model must write."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from portal.jobs.chat.tools.fields import Tool
from portal.jobs.errors import BadParameter
from portal.jobs.openai.structures import LARGEST_STRUCTURE_BYTES

DEFINITIONS = "$defs"


def calls_of(tools: Sequence[Tool], *, several: bool) -> dict[str, Any]:
    """Return the schema of a list of calls, one at least; each names a tool and its parameters.

    Raises BadParameter for tools that can’t be told apart in one schema, or are too large for it.
    """
    calls = [
        {
            "type": "object",
            "properties": {
                "name": {"type": "string", "enum": [tool.name]},
                "parameters": _without_definitions(tool),
            },
            "required": ["name", "parameters"],
            "additionalProperties": False,
        }
        for tool in tools
    ]
    schema = {
        "type": "array",
        "minItems": 1,
        **({} if several else {"maxItems": 1}),
        "items": {"anyOf": calls},
    }
    definitions = _definitions(tools)
    return _small(schema | ({DEFINITIONS: definitions} if definitions else {}))


def arguments_of(tool: Tool) -> dict[str, Any]:
    """Return the schema of one tool’s arguments. Raises BadParameter for one that is too large."""
    return _small(tool.function.parameters)


def _without_definitions(tool: Tool) -> dict[str, Any]:
    return {key: part for key, part in tool.function.parameters.items() if key != DEFINITIONS}


def _definitions(tools: Sequence[Tool]) -> dict[str, Any]:
    """Gather what the schemas define, since their references count from the root."""
    gathered: dict[str, Any] = {}
    for tool in tools:
        defined = tool.function.parameters.get(DEFINITIONS)
        for name, part in defined.items() if isinstance(defined, dict) else ():
            if gathered.setdefault(name, part) != part:
                raise BadParameter(
                    f"Two tools define {name[:100]} in {DEFINITIONS}, and not alike. Give them "
                    "names of their own, or leave tool_choice at auto.",
                    field="tools",
                )
    return gathered


def _small(schema: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(schema).encode()) > LARGEST_STRUCTURE_BYTES:
        raise BadParameter(
            f"The tools’ schemas may have {LARGEST_STRUCTURE_BYTES:,} bytes at most where a call "
            "is required. Offer fewer tools, or leave tool_choice at auto.",
            field="tools",
        )
    return schema
