"""Find hosted models: the revision that live workers hold, its tokenizer and its limits.

A worker that holds a model says so in Redis under a key that expires soon after its last heartbeat,
and in the database, which is read where Redis says nothing (``serving.presence``).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from inference.errors import ConfigError, TokenizerError
from inference.model_files.json_files import MAX_BYTES
from inference.model_files.shape_fields import context_length_of, vocab_size_of
from inference.tokenizer import Tokenizer
from inference.tokenizer.any_tokenizer import find_tokenizer
from inference.tokenizer.detokenizer import Detokenizer
from inference.tokenizer.files import FILE_NAMES
from portal.accounts.tokens.authentication import Caller
from portal.catalog.errors import EntryNotFound, RepoNotFound
from portal.catalog.models import File, ModelRepo, Revision
from portal.catalog.quarantine.load_results import why_not_loaded
from portal.catalog.services.lookup import find_repo, head_revision
from portal.catalog.services.model_config import CONFIG
from portal.errors import DomainError
from portal.formatting import thousands
from portal.jobs.chat.template import TEMPLATE_FILE, ChatTemplate, template_in
from portal.jobs.errors import (
    BadParameter,
    ContextLengthExceeded,
    ModelLoading,
    ModelNotFound,
    ModelUnloadable,
)
from portal.jobs.openai.fields import Prompt
from portal.jobs.serving.failing import LoadFailure, announced_failure, worker_key
from portal.jobs.serving.presence import last_served, served_lately
from portal.jobs.serving.servers import announced_context
from portal.parsing.json import read_object
from portal.redis_client import redis_client
from portal.storage import blob_store

log = logging.getLogger(__name__)
HEARTBEAT_SECONDS = 2
HEARTBEAT_TTL_SECONDS = 6
LOADING, READY = "loading", "ready"
READ = (CONFIG, TEMPLATE_FILE, *FILE_NAMES)


def beat(full_name: str, *, state: str, commit: str) -> None:
    """Send a worker's heartbeat. Raises RedisError."""
    redis_client().set(worker_key(state, full_name), commit, ex=HEARTBEAT_TTL_SECONDS)


def stop_beating(full_name: str, *states: str) -> None:
    """Withdraw what heartbeats said. Raises RedisError."""
    redis_client().delete(*(worker_key(state, full_name) for state in states or (READY, LOADING)))


def ready_commit(full_name: str) -> str | None:
    """Return the commit that a live worker holds; None without a worker, or without Redis."""
    return _read(worker_key(READY, full_name))


def _read(key: str) -> str | None:
    try:
        value = redis_client().get(key)
    except RedisError as error:
        log.warning("Redis is away: %s", error)
        return None
    return value.decode() if isinstance(value, bytes) else None


def live_workers() -> dict[int, str]:
    """Return the commit that is served, by repo id, of the repos with a live and ready worker."""
    commits = {repo.pk: ready_commit(repo.full_name) for repo in hosted_repos()}
    return {repo_id: commit for repo_id, commit in commits.items() if commit}


@dataclass(frozen=True)
class UnservedRepo:
    """A hosted repo without a live worker.

    ``awaited``: one was here so short a time ago that it is expected back. ``failure``: the one
    that is here can't load the model, and prompts are refused.
    """

    repo: ModelRepo
    awaited: bool
    failure: LoadFailure | None


def unserved_repos(now: datetime) -> list[UnservedRepo]:
    """List hosted repos without a live worker."""
    alive, seen_since = live_workers(), now - settings.WORKER_ABSENCE
    missing = [repo for repo in hosted_repos() if repo.pk not in alive]
    served = last_served(repo.pk for repo in missing) if missing else {}
    return [
        UnservedRepo(
            repo,
            awaited=repo.pk in served and served[repo.pk] >= seen_since,
            failure=standing_failure(repo, now),
        )
        for repo in missing
    ]


def hosted_repos(caller: Caller | None = None) -> list[ModelRepo]:
    """List all hosted repos, or those that the caller may know of."""
    repos = ModelRepo.objects.filter(hosted=True).with_names()
    return list(repos.visible_through(caller) if caller else repos)


def find_hosted(name: str, caller: Caller) -> ModelRepo:
    """Find the hosted repo of that name. Raises ModelNotFound."""
    if "\0" in name or "/" not in name:
        raise ModelNotFound(name)
    try:
        repo = find_repo(name, caller=caller)
    except RepoNotFound:
        raise ModelNotFound(name) from None
    if not repo.hosted:
        raise ModelNotFound(name)
    return repo


@dataclass(frozen=True)
class HostedModel:
    """The facts about a revision that are needed to take a prompt.

    Without a ``tokenizer`` it takes token ids only. ``is_narrowed``: a quota leaves less of the
    context than the model has.
    """

    commit: str
    context_length: int
    vocab_size: int
    tokenizer: Tokenizer | None
    chat_template: ChatTemplate | None = None
    is_narrowed: bool = False

    def encode(self, text: str) -> list[int]:
        if self.tokenizer is None:
            raise BadParameter("This model has no tokenizer: give token ids.", field="prompt")
        return self.tokenizer.encode(text)

    def require_tokenizer(self) -> Tokenizer:
        """Return the tokenizer. Raises BadParameter where the model has none."""
        if self.tokenizer is None:
            raise BadParameter("This model has no tokenizer.", field="model")
        return self.tokenizer

    def decode(self, token_ids: list[int]) -> str:
        return self.tokenizer.decode(token_ids) if self.tokenizer else ""

    def pieces(self, token_ids: list[int]) -> list[str]:
        """Split the text of these tokens by the token that completes each part of it."""
        if self.tokenizer is None:
            return ["" for _ in token_ids]
        detokenizer = Detokenizer(self.tokenizer)
        return [detokenizer.push(token) for token in token_ids]

    @property
    def longest_prompt_bytes(self) -> int:
        """Return the bytes over which a text can't fit, however it is tokenized."""
        longest = self.tokenizer.longest_token_bytes if self.tokenizer else 1
        return self.context_length * longest

    def require_short(self, size_bytes: int, field: str) -> None:
        """Refuse a text that can't fit, without tokenizing it. Raises ContextLengthExceeded."""
        if size_bytes > self.longest_prompt_bytes:
            raise ContextLengthExceeded(
                self._most
                + " "
                + _(
                    "A %(field)s of %(bytes)s bytes is over that, however it is tokenized. Shorten "
                    "it."
                )
                % {"field": field.removesuffix("s"), "bytes": thousands(size_bytes)},
                field=field,
            )

    def require_room_for(self, max_tokens: int) -> None:
        """Refuse a completion that fits beside no prompt. Raises ContextLengthExceeded."""
        if max_tokens >= self.context_length:
            raise ContextLengthExceeded(
                self._most
                + " "
                + _("You asked for %(tokens)s in the completion. Lower max_tokens.")
                % {"tokens": max_tokens},
                field="max_tokens",
            )

    def require_known(self, token_ids: Iterable[int], field: str) -> None:
        """Refuse ids that the vocabulary doesn't have. Raises BadParameter."""
        if any(not 0 <= token < self.vocab_size for token in token_ids):
            raise BadParameter(
                f"A token id in {field} is outside the vocabulary: 0 to {self.vocab_size - 1}.",
                field=field,
            )

    def require_text(self, field: str) -> None:
        """Refuse a field that is about text where no text is written. Raises BadParameter."""
        if self.tokenizer is None:
            raise BadParameter(
                f"This model has no tokenizer, so {field} can’t be looked for. Use stop_token_ids.",
                field=field,
            )

    def token_ids(self, prompts: Sequence[Prompt], max_tokens: int) -> list[list[int]]:
        """Tokenize the texts among the prompts. Stops at the first that doesn't fit.

        Raises ContextLengthExceeded, BadParameter.
        """
        return [self._fitting(prompt, max_tokens) for prompt in prompts]

    def _fitting(self, prompt: Prompt, max_tokens: int) -> list[int]:
        tokens = self.encode(prompt) if isinstance(prompt, str) else prompt
        wanted = len(tokens) + max_tokens
        if wanted > self.context_length:
            raise ContextLengthExceeded(
                self._most
                + " "
                + _(
                    "You asked for %(wanted)s: %(prompt)s in the prompt, %(completion)s for the "
                    "completion. Shorten the prompt or lower max_tokens."
                )
                % {"wanted": wanted, "prompt": len(tokens), "completion": max_tokens},
                field="prompt" if len(tokens) > self.context_length else "max_tokens",
            )
        if not tokens:
            raise BadParameter(
                _(
                    "A prompt is empty, and this model’s tokenizer puts nothing before it. Give at "
                    "least one token."
                ),
                field="prompt",
            )
        self.require_known(tokens, "prompt")
        return tokens

    @property
    def _most(self) -> str:
        if self.is_narrowed:
            text = _("Your quota is %(tokens)s tokens in a prompt and its completion.")
        else:
            text = _("This model's maximum context length is %(tokens)s tokens.")
        return text % {"tokens": self.context_length}


def within_context(model: HostedModel, most: int | None) -> HostedModel:
    """Return the model as a quota of tokens for one request lets it be used; None for all."""
    if most is None or most >= model.context_length:
        return model
    return replace(model, context_length=most, is_narrowed=True)


def size_bytes(prompt: Prompt) -> int:
    """Return the bytes of a text; 0 for token ids, which are taken as they are."""
    return len(prompt.encode()) if isinstance(prompt, str) else 0


def served_revision(repo: ModelRepo, now: datetime) -> Revision:
    """Return the revision that a worker holds, or will once it is back. Raises ModelLoading.

    A worker is expected while one loads the model, or served it a short while ago: jobs wait for
    it, and are for the newest revision, which is what workers load. One that has failed to load
    it several times in a row isn't expected: ModelUnloadable says why.
    """
    commit = ready_commit(repo.full_name)
    revision = Revision.objects.filter(repo=repo, commit=commit).first() if commit else None
    if revision is None and (commit or _is_expected(repo, now)):
        revision = _next_served(repo)
    if revision is None:
        failure = standing_failure(repo, now)
        raise (
            ModelUnloadable(repo.full_name, failure.reason)
            if failure
            else ModelLoading(repo.full_name)
        )
    revision.repo = repo  # with the names that it was found by
    return revision


def _is_expected(repo: ModelRepo, now: datetime) -> bool:
    if _is_loaded(repo):
        return True
    failure = announced_failure(repo.full_name)
    return served_lately(repo, now, since=failure.since if failure else None)


def _is_loaded(repo: ModelRepo) -> bool:
    return _read(worker_key(LOADING, repo.full_name)) is not None


def standing_failure(repo: ModelRepo, now: datetime) -> LoadFailure | None:
    """Return why a repo's worker can't load it; None while another one is there, or expected.

    One that served after the failures began is another one. What wasn't tried by the engine that
    is to serve it isn't loaded at all.
    """
    if ready_commit(repo.full_name) or _is_loaded(repo):
        return None
    revision = head_revision(repo)
    if revision is not None and (why := why_not_loaded(repo, revision)):
        return LoadFailure(revision.created_at, f"{why[0].lower()}{why[1:]}", why)
    failure = announced_failure(repo.full_name)
    if failure is None:
        return None
    return None if served_lately(repo, now, since=failure.since) else failure


def _next_served(repo: ModelRepo) -> Revision | None:
    """Return the newest revision, unless it can't be prompted, and so no worker will hold it."""
    revision = head_revision(repo)
    if revision is None or why_not_loaded(repo, revision) or not is_promptable(revision):
        return None
    return revision


def is_promptable(revision: Revision) -> bool:
    """Tell whether a revision has what a prompt needs."""
    try:
        hosted_model(revision)
    except (DomainError, ConfigError) as error:
        log.warning("%s can't be prompted: %s", revision, error)
        return False
    return True


def read_text_alike(first: Revision, second: Revision) -> bool:
    """Tell whether two revisions have the same tokenizer, so that one's tokens are the other's."""
    files = [
        set(revision.files.filter(path__in=FILE_NAMES).values_list("path", "blob_id"))
        for revision in (first, second)
    ]
    return files[0] == files[1]


def hosted_model(revision: Revision) -> HostedModel:
    """Read what a prompt needs of a revision. Raises EntryNotFound without a config.json.

    A worker may hold it with less context than the model has.
    """
    model = _model_of(revision.pk, revision.commit)
    context = announced_context(revision.commit, timezone.now())
    return model if context is None else replace(model, context_length=context)


# By key and commit: the files of a revision never change. A refusal isn't kept.
@lru_cache(maxsize=64)
def _model_of(revision_id: int, commit: str) -> HostedModel:
    files = File.objects.filter(revision_id=revision_id, path__in=READ)
    blobs = dict(files.values_list("path", "blob_id"))
    if CONFIG not in blobs:
        raise EntryNotFound(CONFIG, commit)
    return _model(commit, tuple(sorted(blobs.items())))


# By the files' hashes: a revision never changes, and reading a tokenizer is slow.
@lru_cache(maxsize=16)
def _model(commit: str, blobs: tuple[tuple[str, str], ...]) -> HostedModel:
    contents = {path: _content(sha256) for path, sha256 in blobs}
    config = read_object(contents[CONFIG])
    return HostedModel(
        commit,
        context_length_of(config),
        vocab_size_of(config),
        _tokenizer(contents),
        template_in(contents),
    )


def _tokenizer(contents: dict[str, bytes]) -> Tokenizer | None:
    """Read the tokenizer as the engine does; one that it refuses serves no text either."""
    with TemporaryDirectory(prefix="tokenizer-") as name:
        for path, content in contents.items():
            Path(name, path).write_bytes(content)
        try:
            return find_tokenizer(name)
        except TokenizerError as error:
            log.warning("A hosted model's tokenizer can't be read: %s", error)
            return None


def _content(sha256: str) -> bytes:
    with blob_store().open(sha256) as content:
        return content.read(MAX_BYTES + 1)  # what is longer is refused where it is parsed
