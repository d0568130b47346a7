"""Find a model's chat template among its files, and render messages by it."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from portal.errors import DomainError
from portal.jobs.errors import BadParameter
from portal.parsing.json import read_object

log = logging.getLogger(__name__)
TOKENIZER_CONFIG = "tokenizer_config.json"
SPECIAL_TOKENS = "special_tokens_map.json"
TEMPLATE_FILE = "chat_template.jinja"
DEFAULT, FOR_TOOLS = "default", "tool_use"
TOOLS = "tools"  # the variable that a template reads them from
MOST_TEMPLATE_CHARACTERS = 256 * 1024
RENDER_SECONDS = 10.0  # of the clock; its own limit of processor time ends it before
RENDERER = Path(__file__).with_name("render_process.py")


@dataclass(frozen=True)
class ChatTemplate:
    """A template with the special tokens that it writes, by their names."""

    source: str = field(repr=False)
    special_tokens: Mapping[str, str] = field(default_factory=dict)
    with_tools: str = field(default="", repr=False)  # of its own for chats with tools

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        more: Mapping[str, Any],
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> str:
        """Write messages as the model has learnt to read them, up to where it is to answer.

        Raises BadParameter for messages that the template refuses, or doesn't cope with, and for
        tools that it has no place for.
        """
        source = self._source(bool(tools))
        variables = {
            "documents": None,
            "add_generation_prompt": True,
            **self.special_tokens,
            **more,
            "messages": list(messages),
            "tools": list(tools) or None,
        }
        answer = _answer({"template": source, "variables": variables})
        if "refused" in answer:
            raise BadParameter(
                _("The model’s chat template refuses these messages: %(reason)s")
                % {"reason": answer["refused"]},
                field="messages",
            )
        if "text" not in answer:
            raise BadParameter(
                _("The model’s chat template can’t write these messages: %(reason)s")
                % {"reason": answer["error"]},
                field="messages",
            )
        return str(answer["text"])

    def _source(self, has_tools: bool) -> str:
        source = self.with_tools if has_tools and self.with_tools else self.source
        if has_tools and TOOLS not in source:
            raise BadParameter(
                "The model’s chat template has no place for tools. Leave them out, or ask another "
                "model.",
                field="tools",
            )
        return source


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    """Have a process of its own render, with none of our environment."""
    try:
        process = subprocess.run(
            [sys.executable, "-I", str(RENDERER)],
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=RENDER_SECONDS,
            check=False,
            env={},
        )
    except subprocess.TimeoutExpired:
        return {"error": "it takes too long"}
    if process.returncode:
        log.warning("A chat template broke off: status %s", process.returncode)
        return {"error": "it takes too much time or memory"}
    return read_object(process.stdout, nul_in=("text",))


def template_in(contents: Mapping[str, bytes]) -> ChatTemplate | None:
    """Return the chat template of a model's files; None where they have none that can be read."""
    config = _object(contents.get(TOKENIZER_CONFIG))
    source, with_tools = _source(contents, config), _named(config, FOR_TOOLS) or ""
    if source is None or len(source) + len(with_tools) > MOST_TEMPLATE_CHARACTERS:
        return None
    named = {**_object(contents.get(SPECIAL_TOKENS)), **config}
    return ChatTemplate(source, special_tokens(named), with_tools)


def _source(contents: Mapping[str, bytes], config: Mapping[str, Any]) -> str | None:
    """Return the template, from its own file before the tokenizer's configuration."""
    if TEMPLATE_FILE in contents:
        return contents[TEMPLATE_FILE].decode("utf-8", "replace")
    stored = config.get("chat_template")
    if isinstance(stored, list):
        return _named(config, DEFAULT)
    return stored if isinstance(stored, str) and stored else None


def _named(config: Mapping[str, Any], name: str) -> str | None:
    """Return one of several templates, as some models have one for tools."""
    stored = config.get("chat_template")
    entries = stored if isinstance(stored, list) else []
    same = [e for e in entries if isinstance(e, dict) and e.get("name") == name]
    template = same[-1].get("template") if same else None
    return template if isinstance(template, str) and template else None


def special_tokens(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts of special tokens by their names, such as ``bos_token``."""
    tokens = {}
    for name, value in config.items():
        text = value.get("content") if isinstance(value, dict) else value
        if name.endswith("_token") and isinstance(text, str):
            tokens[name] = text
    return tokens


def _object(content: bytes | None) -> dict[str, Any]:
    if content is None:
        return {}
    try:
        return read_object(content)
    except DomainError:
        return {}
