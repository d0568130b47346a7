"""Read strangers' YAML by libyaml, which is linear, once its depth has been counted.

Only what JSON can say comes out: texts, finite numbers, true and false, null, lists, mappings.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from math import isfinite
from typing import Any

import yaml
from yaml.constructor import ConstructorError
from yaml.error import MarkedYAMLError
from yaml.nodes import MappingNode, Node, ScalarNode

from portal.errors import Invalid

MOST_CHARACTERS = 50_000
MOST_LEVELS = 32
LONGEST_NUMBER = 40
CORE = "tag:yaml.org,2002:"
MERGE = f"{CORE}merge"


class NotYaml(Invalid):
    """An error that the text is no YAML, or too much for a head; the message names the line."""

    code = "not_yaml"


def read_yaml(text: str, *, first_line: int = 1) -> Any:
    """Read one document. Raises NotYaml, with lines counted from ``first_line``."""
    if len(text) > MOST_CHARACTERS:
        raise NotYaml(f"it is longer than {MOST_CHARACTERS:,} characters")
    try:
        _require_shallow(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (builds core types alone)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + (mark.line if mark else 0)
        raise NotYaml(f"line {line}: {error.problem or error.context}") from error
    except (yaml.YAMLError, UnicodeEncodeError) as error:  # characters that no YAML may hold
        at = error.start if isinstance(error, UnicodeEncodeError) else getattr(error, "position", 0)
        line = first_line + text.count("\n", 0, at)
        raise NotYaml(f"line {line}: this character may not stand in YAML") from error


def _require_shallow(text: str) -> None:
    """Count levels as events come, before anything is built; nothing recursive has run yet."""
    level = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise _wrong(event, "leave out aliases (*name): with them a small text becomes huge")
        if isinstance(event, yaml.CollectionStartEvent):
            level += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            level -= 1
        if level > MOST_LEVELS:
            raise _wrong(event, f"it is nested too deeply: use at most {MOST_LEVELS} levels")


class _Loader(yaml.CSafeLoader):
    """A loader of the core types alone, each with its bounds; any other tag is refused."""

    yaml_constructors = {}


Construct = Callable[[_Loader, Any], Any]


def _constructs(*kinds: str) -> Callable[[Construct], Construct]:
    """Register a constructor; whatever fault it meets is told with the line of its node."""

    def register(construct: Construct) -> Construct:
        @wraps(construct)
        def outer(loader: _Loader, node: Node) -> Any:
            try:
                return construct(loader, node)
            except (ArithmeticError, LookupError, TypeError, ValueError) as error:
                raise _wrong(node, f"this is no {kinds[0]}") from error

        for kind in kinds:
            _Loader.add_constructor(f"{CORE}{kind}", outer)
        return construct

    return register


def _wrong(part: Any, problem: str) -> ConstructorError:
    """Make an error of a node or an event, with its line."""
    return ConstructorError(None, None, problem, part.start_mark)


@_constructs("null")
def _null(loader: _Loader, node: ScalarNode) -> None:
    loader.construct_yaml_null(node)


@_constructs("bool")
def _bool(loader: _Loader, node: ScalarNode) -> bool:
    return bool(loader.construct_yaml_bool(node))


@_constructs("int")
def _int(loader: _Loader, node: ScalarNode) -> int:
    _require_short(node)
    return int(loader.construct_yaml_int(node))


@_constructs("float")
def _float(loader: _Loader, node: ScalarNode) -> float | str:
    """Construct a float; ``.nan`` and ``.inf`` stay text, as JSON has no word for them."""
    _require_short(node)
    number = float(loader.construct_yaml_float(node))
    return number if isfinite(number) else str(node.value)


def _require_short(node: ScalarNode) -> None:
    if len(node.value) > LONGEST_NUMBER:
        raise _wrong(node, "this number is too long: write it in quotes")


@_constructs("str", "timestamp", "value", "merge")
def _text(loader: _Loader, node: ScalarNode) -> str:
    """Construct a text, dates among them, as JSON has none."""
    text = str(loader.construct_scalar(node))
    if "\0" in text:
        raise _wrong(node, "no text may hold the character U+0000")
    return text


@_constructs("seq")
def _list(loader: _Loader, node: Any) -> list[Any]:
    return list(loader.construct_sequence(node, deep=True))


@_constructs("map")
def _mapping(loader: _Loader, node: MappingNode) -> dict[Any, Any]:
    if any(key.tag == MERGE for key, _ in node.value):
        raise _wrong(node, "leave out merge keys (<<): name each value where it belongs")
    mapping = dict(loader.construct_mapping(node, deep=True))
    if len(mapping) != len(node.value):
        raise _wrong(node, "a name comes twice in this mapping: keep one of them")
    return mapping


def _unknown(loader: _Loader, node: Node) -> None:
    raise _wrong(node, f"the tag {node.tag[:60]} is not read here: leave it out")


_Loader.add_constructor(None, _unknown)
