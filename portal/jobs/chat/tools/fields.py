"""The fields of a chat that are about tools, each within its bounds."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from portal.errors import Invalid
from portal.jobs.openai.fields import Text
from portal.parsing.bodies import Body, must
from portal.parsing.json import read_object

MOST_TOOLS = 128
LARGEST_TOOLS_BYTES = 256 * 1024
MOST_CALLS = 128
LONGEST_CALL_ID = 256
Choice = Literal["none", "auto", "required"]
FunctionName = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$")]


def without_parameters() -> dict[str, Any]:
    """Return the schema of a function that takes nothing, for those that name no schema."""
    return {"type": "object", "properties": {}}


class FunctionDefinition(Body):
    """A function that the model may ask for: its arguments are JSON of a schema."""

    name: FunctionName
    description: Text = Field("", repr=False)
    parameters: dict[str, Any] = Field(default_factory=without_parameters, repr=False)
    strict: bool = False


class Tool(Body):
    """A tool, which is always a function."""

    type: Literal["function"]
    function: FunctionDefinition

    @property
    def name(self) -> str:
        return self.function.name

    @property
    def variables(self) -> dict[str, Any]:
        """Return it as templates read it."""
        said = self.function.model_dump(mode="json", exclude_defaults=True, exclude={"strict"})
        parameters = {"parameters": self.function.parameters}
        return {"type": self.type, "function": said | parameters}


class NamedFunction(Body):
    """The name of a function."""

    name: FunctionName


class NamedChoice(Body):
    """The choice of one tool, which the model has to call."""

    type: Literal["function"]
    function: NamedFunction


class CalledFunction(Body):
    """A function that the model asked for in an earlier answer; the arguments are JSON as text."""

    name: FunctionName
    arguments: Text = Field("", repr=False)

    @property
    def values(self) -> dict[str, Any]:
        """Return the arguments, as templates want them."""
        if not self.arguments.strip():
            return {}
        return read_object(self.arguments.encode())


class ToolCall(Body):
    """A call of an earlier answer, which a message of the role tool answers by its id."""

    id: str = Field(min_length=1, max_length=LONGEST_CALL_ID)
    type: Literal["function"]
    function: CalledFunction

    @property
    def variables(self) -> dict[str, Any]:
        """Return it as templates read it."""
        called = {"name": self.function.name, "arguments": self.function.values}
        return {"id": self.id, "type": self.type, "function": called}


def _require_objects(calls: tuple[ToolCall, ...]) -> tuple[ToolCall, ...]:
    for call in calls:
        try:
            _ = call.function.values
        except Invalid as error:
            raise ValueError("must have arguments that are a JSON object, as a text") from error
    return calls


def _require_few_bytes(tools: tuple[Tool, ...]) -> tuple[Tool, ...]:
    if size_of(tools) > LARGEST_TOOLS_BYTES:
        raise ValueError(f"may have {LARGEST_TOOLS_BYTES:,} bytes at most, written as JSON")
    if len({tool.name for tool in tools}) < len(tools):
        raise ValueError("may not hold two functions of one name")
    return tools


def size_of(tools: tuple[Tool, ...]) -> int:
    """Return the bytes of the tools as JSON."""
    return sum(len(json.dumps(tool.variables, ensure_ascii=False).encode()) for tool in tools)


Tools = Annotated[
    tuple[Tool, ...],
    Field(strict=False, max_length=MOST_TOOLS, fail_fast=True),
    AfterValidator(_require_few_bytes),
]
ToolChoice = Annotated[
    Choice | NamedChoice,
    must('must be none, auto, required, or {"type": "function", "function": {"name": …}}'),
]
ToolCalls = Annotated[
    tuple[ToolCall, ...],
    Field(strict=False, max_length=MOST_CALLS, fail_fast=True),
    AfterValidator(_require_objects),
]
