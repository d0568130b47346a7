"""Bodies are read strictly, and a refusal says by its path which field must be what."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import AfterValidator, ConfigDict, Field

from portal.errors import Invalid, NotFound
from portal.parsing.bodies import Body, must, validated


def _find(name: str) -> str:
    if name == "none":
        raise NotFound("Nobody is named so.")
    return name


class Item(Body):
    size: int = Field(ge=0, le=9)


class Order(Body):
    items: list[Item] = Field(default=[], max_length=2, fail_fast=True)
    name: Annotated[str, Field(min_length=1, max_length=5), AfterValidator(_find)] = "x"
    share: float = Field(0.5, gt=0, le=1)
    urgent: bool = False
    code: Annotated[int | str, must("must be a number or a string")] | None = None


class Closed(Body):
    model_config = ConfigDict(extra="forbid")


@pytest.mark.parametrize(
    ("content", "field", "message"),
    [
        ({"items": [{"size": 1}, {}]}, "items", "items[1].size is required."),
        ({"items": [{"size": True}]}, "items", "items[0].size must be an integer."),
        ({"items": [{"size": 10}]}, "items", "items[0].size must be 9 at most."),
        ({"items": [{"size": -1}]}, "items", "items[0].size must be 0 or more."),
        ({"items": [3]}, "items", "items[0] must be an object."),
        ({"items": {}}, "items", "items must be a list."),
        ({"items": [{"size": 1}] * 3}, "items", "items may hold 2 items at most."),
        ({"name": ""}, "name", "name may not be empty."),
        ({"name": "abcdef"}, "name", "name may have 5 characters at most."),
        ({"name": "\ud800"}, "name", "name holds half of a surrogate pair."),
        ({"name": 1}, "name", "name must be a string."),
        ({"share": 0}, "share", "share must be over 0."),
        ({"share": float("nan")}, "share", "share must be a finite number."),
        ({"share": "1"}, "share", "share must be a number."),
        ({"urgent": 1}, "urgent", "urgent must be true or false."),
        ({"code": [1]}, "code", "code must be a number or a string."),
    ],
)
def test_a_fault_is_named_by_its_path(content, field, message):
    with pytest.raises(Invalid) as refused:
        validated(Order, content)
    assert (refused.value.field, refused.value.message) == (field, message)


def test_null_is_as_good_as_absent_and_unknown_fields_are_ignored():
    order = validated(Order, {"name": None, "items": None, "share": 1, "colour": "red"})
    assert order == Order(share=1.0)


def test_a_closed_body_names_the_unknown_field_and_no_more_of_it_than_fits():
    with pytest.raises(Invalid, match=r"^x{40} is not known here\. Leave it out\.$"):
        validated(Closed, {"x" * 5000: 1})


def test_a_validators_own_error_passes_through():
    with pytest.raises(NotFound, match="Nobody"):
        validated(Order, {"name": "none"})
