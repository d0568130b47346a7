"""Write a chat's prompt by the model's template, within its person's rate and the model's room."""

from __future__ import annotations

from datetime import datetime

from portal.accounts.tokens.authentication import Caller
from portal.jobs.chat.schemas import ChatRequest
from portal.jobs.errors import BadParameter, ContextLengthExceeded
from portal.jobs.hosting import HostedModel
from portal.jobs.openai.schemas import CompletionRequest
from portal.jobs.rate_limit import count_prompt_bytes, require_within_rate
from portal.jobs.services.preparing import Complete

BASE_MODEL = "This is a base model without a chat format. Send a prompt to /v1/completions."
# Where a request names no length: what a model could write at most would fill anybody's quota.
DEFAULT_TOKENS = 4096


def completing(chat: ChatRequest, caller: Caller, now: datetime) -> Complete:
    """Return what writes the prompt into a request once its model is known and may be used."""

    def complete(completion: CompletionRequest, model: HostedModel) -> CompletionRequest:
        tokens = _tokens(chat, model, caller, now)
        room = model.context_length - len(tokens)
        wanted = chat.most_tokens or max(completion.min_tokens, min(room, DEFAULT_TOKENS))
        if room < max(wanted, 1):
            raise ContextLengthExceeded(
                f"The model’s context is {model.context_length} tokens. The messages have "
                f"{len(tokens)}, and you asked for {max(wanted, 1)} more. Shorten the messages or "
                "lower max_completion_tokens.",
                field="messages",
            )
        return completion.model_copy(update={"prompts": (tokens,), "max_tokens": wanted})

    return complete


def _tokens(chat: ChatRequest, model: HostedModel, caller: Caller, now: datetime) -> list[int]:
    """Render and tokenize the messages, whose bytes count before any work is done on them."""
    if model.chat_template is None:
        raise BadParameter(BASE_MODEL, field="model")
    tokenizer, size = model.require_tokenizer(), chat.size_bytes
    longest = model.longest_prompt_bytes
    wait_seconds = count_prompt_bytes(caller.named, min(size, longest), now)
    if size > longest:
        raise ContextLengthExceeded(
            f"The model’s context is {model.context_length} tokens. Messages of {size:,} bytes are "
            "over that, however they are tokenized. Shorten them.",
            field="messages",
        )
    require_within_rate(size, wait_seconds, field="messages")
    said = [message.variables for message in chat.messages]
    text = model.chat_template.render(said, chat.chat_template_kwargs)
    return tokenizer.encode(text, special_tokens=False)
