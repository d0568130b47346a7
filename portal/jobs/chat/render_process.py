"""Render a model's chat template, as transformers does: a program that is run and ends.

Standard input has {"template", "variables"} as JSON, standard output gets {"text"} or {"error"}. A
template is a program of whoever published the model. Jinja's sandbox keeps it from the interpreter,
and the limits of this process keep it from taking the machine's time and memory.
"""

from __future__ import annotations

import json
import resource
import sys
from datetime import datetime
from typing import Any

CPU_SECONDS = 3
MEMORY_BYTES = 768 << 20
MOST_CHARACTERS = 8_000_000


class TemplateRefusal(Exception):  # named as templates and transformers speak of it
    """A template's own refusal of the messages."""


def main() -> None:
    """Answer with the text, or with the reason why there is none."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    request = json.load(sys.stdin)
    try:
        text = render(request["template"], request["variables"])
        answer = {"text": text} if len(text) <= MOST_CHARACTERS else {"error": "too long a text"}
    except TemplateRefusal as error:
        answer = {"refused": str(error)[:500]}
    except MemoryError:
        answer = {"error": "it needs too much memory"}
    except Exception as error:  # noqa: BLE001  # whatever the template did wrong, it is its own
        answer = {"error": f"{type(error).__name__}: {error}"[:500]}
    json.dump(answer, sys.stdout)


def render(template: str, variables: dict[str, Any]) -> str:
    """Render a template with transformers' environment: its options, filters and functions."""
    from jinja2 import nodes
    from jinja2.ext import Extension, loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """The block that marks what an assistant says, which is for training alone."""

        tags = {"generation"}  # as the base has it

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
            return nodes.Scope(body, lineno=line)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)  # noqa: DTZ005
    return environment.from_string(template).render(**variables)


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _refuse(message: str) -> None:
    raise TemplateRefusal(message)


if __name__ == "__main__":
    main()
