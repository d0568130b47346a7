"""Bring the figures of all processes together, through Redis.

Processes are on several hosts and in several containers, and any of them may answer the scraper.
So each writes what it counts to Redis every few seconds, under a name of its own, and whoever is
scraped reads all. What a process wrote lapses soon after it: its counts end as Prometheus expects
of a process that is gone, and no place has to be emptied at a start.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from prometheus_client.core import Metric
from redis import RedisError

from portal.observability.metrics import registry
from portal.redis_client import redis_client

log = logging.getLogger(__name__)
INTERVAL_SECONDS = 5
TTL_SECONDS = 30
NAMES = "weightgate:metrics"


def _own_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


@dataclass
class SharedProcess:
    """A process as the others see it: the service it is of, and a name that no other has."""

    service: str = "web"
    name: str = field(default_factory=_own_name)

    def labelled(self) -> Iterator[Metric]:
        """Collect what this process counts, each sample labelled with where it is from."""
        labels = {"service": self.service, "process": self.name}
        for family in registry.collect():
            family.samples = [
                sample._replace(labels={**sample.labels, **labels}) for sample in family.samples
            ]
            yield family

    def write(self) -> None:
        """Write the figures for whichever process is scraped. Raises RedisError."""
        pipeline = redis_client().pipeline(transaction=False)
        pipeline.set(_key(self.name), _dumped(self.labelled()), ex=TTL_SECONDS)
        pipeline.sadd(NAMES, self.name)
        pipeline.execute()


this_process = SharedProcess()


def start_sharing(service: str) -> None:
    """Write this process's figures again and again, for as long as it lives."""
    this_process.service = service
    threading.Thread(target=_share, name="metrics", daemon=True).start()


def _share() -> None:
    pause = threading.Event()
    while True:
        try:
            this_process.write()
        except RedisError as error:
            log.warning("Redis is away, other processes don't see the metrics of this: %s", error)
        except Exception:
            log.exception("The metrics of this process can't be collected")
        pause.wait(INTERVAL_SECONDS)


def all_processes() -> list[Metric]:
    """Return the figures of all live processes; of this one alone while Redis is away."""
    families: dict[str, Metric] = {}
    _merge(this_process.labelled(), families)
    try:
        for dumped in _others():
            _merge(_loaded(dumped), families)
    except RedisError as error:
        log.warning("Redis is away, the metrics of other processes are missing: %s", error)
    return list(families.values())


def _others() -> list[bytes]:
    """Read what the others wrote, and forget the names of those that are gone."""
    redis = redis_client()
    names = sorted(name.decode() for name in cast("set[bytes]", redis.smembers(NAMES)))
    names = [name for name in names if name != this_process.name]
    if not names:
        return []
    values = cast("list[bytes | None]", redis.mget([_key(name) for name in names]))
    gone = [name for name, value in zip(names, values, strict=True) if value is None]
    if gone:
        redis.srem(NAMES, *gone)
    return [value for value in values if value is not None]


def _key(name: str) -> str:
    return f"{NAMES}:{name}"


def _merge(more: Iterable[Metric], families: dict[str, Metric]) -> None:
    for family in more:
        if family.name in families:
            families[family.name].samples += family.samples
        else:
            families[family.name] = family


def _dumped(families: Iterable[Metric]) -> str:
    return json.dumps(
        [
            [
                family.name,
                family.documentation,
                family.type,
                [sample[:3] for sample in family.samples],
            ]
            for family in families
        ]
    )


def _loaded(dumped: bytes) -> Iterator[Metric]:
    rows: list[Any] = json.loads(dumped)
    for name, documentation, kind, samples in rows:
        family = Metric(name, documentation, kind)
        for sample in samples:
            family.add_sample(*sample)
        yield family
