"""Validate the JSON bodies of /v1 and of the Hub's protocol, and say in words what is wrong."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, WrapValidator, model_validator
from pydantic_core import ErrorDetails

from portal.errors import Invalid


class Body(BaseModel):
    """A JSON object with typed fields, in which null is as good as absent.

    Types are strict: no text is taken for a number, and no number for a truth value. Unknown
    fields are ignored, since clients send what other servers know.
    """

    model_config = ConfigDict(
        strict=True, frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        return {name: value for name, value in content.items() if value is not None}


B = TypeVar("B", bound=Body)
RULES = {
    "missing": "is required",
    "string_type": "must be a string",
    "string_too_short": "may not be empty",
    "string_too_long": "may have {max_length:,} characters at most",
    "string_unicode": "holds half of a surrogate pair",
    "bool_type": "must be true or false",
    "int_type": "must be an integer",
    "float_type": "must be a number",
    "greater_than": "must be over {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} at most",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "too_short": "may not be empty",
    "too_long": "may hold {max_length:,} items at most",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "extra_forbidden": "is not known here. Leave it out",
    "value_error": "{error}",
}
"""The table gives each kind of pydantic's errors a sentence in JSON's terms, not in Python's."""


def validated(body: type[B], content: Any, *, refusal: type[Invalid] = Invalid) -> B:
    """Return the content as a body. Raises ``refusal``, which names the first field that is wrong.

    Its ``field`` is the outermost one, by the name that the client sent. A validator raises
    ValueError with what the field must be, or a DomainError of its own, which passes through.
    """
    try:
        return body.model_validate(content)
    except ValidationError as error:
        # A list has a bound and stops at its first fault: no body makes more than a few errors.
        first = error.errors(include_url=False, include_input=False)[0]
        raise refusal(_sentence(first), field=_path(first["loc"][:1])) from error


def must(rule: str) -> WrapValidator:
    """Refuse a value of any wrong type in these words, which say what the field must be."""

    def check(value: Any, validate: Any) -> Any:
        try:
            return validate(value)
        except ValidationError as error:
            raise ValueError(rule) from error

    return WrapValidator(check)


def _sentence(error: ErrorDetails) -> str:
    """Name the field by its path, and say what it must be."""
    bounds = {
        name: f"{bound:g}" if isinstance(bound, float) else bound
        for name, bound in error.get("ctx", {}).items()
    }
    rule = RULES.get(error["type"], "").format(**bounds)
    return f"{_path(error['loc'])} {rule or 'must ' + error['msg'].partition(' should ')[2]}."


def _path(location: tuple[int | str, ...]) -> str:
    """Spell where a fault lies, as in ``files[2].size``; a name that was sent may be long."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part[:40]}" for part in location]
    return "".join(parts)[1:]
