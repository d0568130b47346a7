"""The two endpoints that answer a request, and what reads and writes for each."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from portal.jobs.chat.answers import ChatReply
from portal.jobs.chat.schemas import ChatRequest, parse_chat
from portal.jobs.openai.completions import Reply
from portal.jobs.openai.schemas import CompletionRequest, parse_completion


class Endpoint(StrEnum):
    """An address that takes requests, and that a batch may name."""

    COMPLETIONS = "/v1/completions"
    CHAT = "/v1/chat/completions"

    def parse(self, body: dict[str, Any]) -> tuple[ChatRequest | None, CompletionRequest]:
        """Read a body as the endpoint does. Raises BadParameter."""
        if self is Endpoint.CHAT:
            return parse_chat(body)
        return None, parse_completion(body)

    @property
    def reply(self) -> type[Reply]:
        """Return what writes its answers."""
        return ChatReply if self is Endpoint.CHAT else Reply


# What may hold U+0000 in a body, which no column of the database does.
NUL_IN = ("prompt", "messages")
