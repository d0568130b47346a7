"""Keep an event log for each running job in Redis, from which readers replay its tokens.

Everything here may be lost: the row has the result. Each event names the choice, the position of
its first token and the offset of its text, so a reader that meets the same tokens again, from a
second attempt or from the row, takes only what it has not had.
"""

from __future__ import annotations

import json
import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from uuid import UUID

from redis.exceptions import RedisError

from portal.jobs.models import Job
from portal.jobs.serving.places import JobProgress
from portal.redis_client import redis_client

log = logging.getLogger(__name__)
MAX_EVENTS = 20_000
TTL_SECONDS = 3600
PAGE_ENTRIES = 500
FIRST = 0  # the choice that pages show
START = "0-0"
POSITION = re.compile(r"([0-9]{1,19}-[0-9]{1,19}):([0-9]{1,9}):([0-9]{1,12})")
# The channel that names the jobs whose logs were written to, for processes that follow some.
NEWS = "weightgate:job-news"

Entry = tuple[bytes, dict[bytes, bytes]]

# One token: the chosen one first, then the likeliest, each [id, logprob, name]; a prompt's with
# the rank too.
TokenLogprobs = list[list[Any]]


@dataclass(frozen=True)
class ChoiceEvent:
    """New tokens of one choice, which begin at ``position``; their text begins at ``offset``."""

    choice: int
    position: int = 0
    offset: int = 0
    tokens: list[int] = field(default_factory=list, repr=False)
    text: str = field(default="", repr=False)
    logprobs: list[TokenLogprobs] | None = field(default=None, repr=False)
    prompt_logprobs: list[TokenLogprobs | None] | None = field(default=None, repr=False)
    finish_reason: str | None = None
    stop_reason: int | str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class JobEnd:
    """The end of a job, which closes its log."""

    state: str
    error: str = ""


@dataclass(frozen=True)
class StreamPosition:
    """The place up to which a client has had a job's first choice, to go on from.

    The log's id says where to read on. The tokens and characters say what the client has had, also
    where it came from the row, or the log has been lost since.
    """

    log_id: str = START
    tokens: int = 0
    characters: int = 0

    @classmethod
    def read(cls, text: str) -> StreamPosition:
        """Read what a client sends back; what was never sent to one is the beginning."""
        match = POSITION.fullmatch(text)
        return cls(match[1], int(match[2]), int(match[3])) if match else cls()

    def __str__(self) -> str:
        return f"{self.log_id}:{self.tokens}:{self.characters}"


BEGINNING = StreamPosition()


@dataclass(frozen=True)
class LogItem:
    """An entry as a reader gets it: an event or the end, with the position to go on from.

    Without either, nothing has come for a second; ``progress`` then says why, where it is known.
    """

    position: StreamPosition
    event: ChoiceEvent | None = None
    ended: JobEnd | None = None
    progress: JobProgress | None = None


def log_key(job_id: UUID) -> str:
    return f"weightgate:job:{job_id}"


def append(events: Iterable[tuple[UUID, ChoiceEvent]]) -> None:
    """Write several jobs' events in one round trip. Losing them loses no result: the row has it."""
    pipeline = redis_client().pipeline(transaction=False)
    job_ids = set()
    for job_id, event in events:
        job_ids.add(job_id)
        body = json.dumps(asdict(event), separators=(",", ":"))
        pipeline.xadd(log_key(job_id), {"event": body}, maxlen=MAX_EVENTS, approximate=True)
    for job_id in job_ids:
        pipeline.expire(log_key(job_id), TTL_SECONDS)
    if job_ids:
        pipeline.publish(NEWS, " ".join(job_id.hex for job_id in job_ids))
        _quietly(pipeline)


def announce_end(job_id: UUID, ended: JobEnd) -> None:
    """Tell readers to look at the row. Call it after commit."""
    pipeline = redis_client().pipeline(transaction=False)
    pipeline.xadd(log_key(job_id), {"ended": json.dumps(asdict(ended))})
    pipeline.expire(log_key(job_id), TTL_SECONDS)
    pipeline.publish(NEWS, job_id.hex)
    _quietly(pipeline)


def delete_logs(job_ids: Iterable[UUID]) -> None:
    """Delete logs before their time. Where Redis is away, they lapse by themselves."""
    pipeline = redis_client().pipeline(transaction=False)
    for job_id in job_ids:
        pipeline.delete(log_key(job_id))
    _quietly(pipeline)


def _quietly(pipeline: Any) -> None:
    try:
        pipeline.execute()
    except RedisError as error:
        # By its kind: redis-py quotes a command that the server refuses, with the event in it.
        kind = type(error).__name__
        log.warning("Events were not passed on, the row will have them: %s", kind)


class ReplayCursor:
    """A cursor that knows what one reader has had of each choice, after what it had before."""

    def __init__(self, after: StreamPosition = BEGINNING) -> None:
        self._tokens: dict[int, int] = defaultdict(int, {FIRST: after.tokens})
        self._characters: dict[int, int] = defaultdict(int, {FIRST: after.characters})
        self._begun: set[int] = {FIRST} if after.tokens else set()
        self._finished: set[int] = set()

    def position(self, log_id: str) -> StreamPosition:
        """Return the position of a client that has had all of this, and the log up to an id."""
        return StreamPosition(log_id, self._tokens[FIRST], self._characters[FIRST])

    def news(self, event: ChoiceEvent) -> ChoiceEvent | None:
        """Return the part that is new to the reader; None for nothing, or behind a gap.

        What lies behind a gap comes again, from the row at the latest.
        """
        tokens, characters = self._tokens[event.choice], self._characters[event.choice]
        # After a second attempt, or a trimmed log, an event may begin behind what the reader has.
        gap = event.position > tokens or event.offset > characters
        if event.choice in self._finished or gap:
            return None
        fresh = event.position + len(event.tokens) > tokens
        if not fresh and event.finish_reason is None and event.choice in self._begun:
            return None
        return self._taken(event, tokens - event.position, characters - event.offset)

    def _taken(self, event: ChoiceEvent, skip_tokens: int, skip_characters: int) -> ChoiceEvent:
        first = event.choice not in self._begun
        cut = replace(
            event,
            position=event.position + skip_tokens,
            offset=event.offset + skip_characters,
            tokens=event.tokens[skip_tokens:],
            text=event.text[skip_characters:],
            logprobs=None if event.logprobs is None else event.logprobs[skip_tokens:],
            prompt_logprobs=event.prompt_logprobs if first else None,
        )
        self._begun.add(event.choice)
        self._tokens[event.choice] += len(cut.tokens)
        self._characters[event.choice] += len(cut.text)
        if event.finish_reason is not None:
            self._finished.add(event.choice)
        return cut


def read_event(entry: Entry) -> ChoiceEvent | None:
    """Decode one entry of a job's log; None for the end."""
    _, fields = entry
    return ChoiceEvent(**json.loads(fields[b"event"])) if b"event" in fields else None


def _logged(job_id: UUID) -> Iterator[Entry]:
    """Read a job's log from its start, page by page; nothing of it while Redis is away."""
    after = "-"
    while True:
        try:
            entries: Any = redis_client().xrange(log_key(job_id), after, count=PAGE_ENTRIES)
        except RedisError as error:
            log.warning("Redis is away, and with it what came so far: %s", error)
            return
        yield from entries
        if len(entries) < PAGE_ENTRIES:
            return
        after = f"({entries[-1][0].decode()}"


def so_far(job: Job) -> tuple[list[ChoiceEvent], StreamPosition]:
    """Return the events of a job so far, and the position to go on reading from."""
    if not job.is_open:
        return [ChoiceEvent(**event) for event in job.events], BEGINNING
    cursor, log_id, events = ReplayCursor(), START, []
    for entry in _logged(job.pk):
        log_id = entry[0].decode()
        event = read_event(entry)
        new = cursor.news(event) if event else None
        events += [new] if new else []
    return events, cursor.position(log_id)
