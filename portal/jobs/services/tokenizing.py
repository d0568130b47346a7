"""Turn text into token ids, and ids into text, for whoever may prompt the model.

No job is made and no worker is needed. What is tokenized counts with the prompts that are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.access.policy.policy import Action
from portal.access.policy.refusals import require_may
from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import Revision
from portal.catalog.services.lookup import head_revision
from portal.jobs.chat.prompting import chat_tokens, template_of
from portal.jobs.errors import ModelLoading
from portal.jobs.hosting import HostedModel, find_hosted, hosted_model, served_revision
from portal.jobs.openai.tokens import DetokenizeRequest, TokenizeChatRequest, TokenizeRequest
from portal.jobs.rate_limit import count_prompt_bytes, require_within_rate
from portal.jobs.services.preparing import admit_text

BYTES_OF_AN_ID = 4  # about as many as one token of English stands for


@dataclass(frozen=True)
class Tokens:
    """The ids of a text, as the vocabulary spells them too."""

    ids: list[int]
    strings: list[str] | None
    context_length: int


def tokenize(
    *, caller: Caller, request: TokenizeRequest | TokenizeChatRequest, now: datetime
) -> Tokens:
    """Return the ids of a text or of a chat.

    Raises ModelNotFound, Refused, BadParameter, QuotaExceeded.
    """
    model = _model(caller, request.model, now)
    if isinstance(request, TokenizeChatRequest):
        ids = _chat_ids(caller, request, model, now)
    else:
        _count(caller, len(request.prompt.encode()), "prompt", now)
        special = request.add_special_tokens
        ids = model.require_tokenizer().encode(request.prompt, special_tokens=special)
    piece = model.require_tokenizer().piece
    strings = [piece(token) for token in ids] if request.return_token_strs else None
    return Tokens(ids, strings, model.context_length)


def _chat_ids(
    caller: Caller, request: TokenizeChatRequest, model: HostedModel, now: datetime
) -> list[int]:
    template_of(model)  # before anything is counted
    admit_text(caller, [request.chat.size_bytes], model, "messages", now)
    return chat_tokens(
        request.chat,
        model,
        add_generation_prompt=request.add_generation_prompt,
        special_tokens=request.add_special_tokens,
    )


def detokenize(*, caller: Caller, request: DetokenizeRequest, now: datetime) -> str:
    """Return the text of ids, special tokens by their names.

    Raises ModelNotFound, Refused, BadParameter, QuotaExceeded.
    """
    model = _model(caller, request.model, now)
    _count(caller, BYTES_OF_AN_ID * len(request.tokens), "tokens", now)
    model.require_known(request.tokens, "tokens")
    return model.require_tokenizer().decode(list(request.tokens), special_tokens=True)


def _model(caller: Caller, name: str, now: datetime) -> HostedModel:
    """Find the model that answers now, or that is about to be loaded."""
    repo = find_hosted(name, caller)
    revision: Revision | None
    try:
        revision = served_revision(repo, now)
    except ModelLoading:
        revision = head_revision(repo)
        if revision is None:
            raise
        revision.repo = repo
    require_may(caller, Action.INFER, revision, now)
    return hosted_model(revision)


def _count(caller: Caller, size_bytes: int, field: str, now: datetime) -> None:
    wait_seconds = count_prompt_bytes(caller.named, size_bytes, now)
    require_within_rate(size_bytes, wait_seconds, field=field)
