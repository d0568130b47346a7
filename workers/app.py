"""Define the Celery application, its tasks and schedule: ``celery -A workers.app worker``.

Tasks are only hints: the work itself is in the database. A worker process also runs the engine,
from its start to its end; beat, which imports this too, does not.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import django

from inference.torch_env import prepare_process

prepare_process()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from celery.schedules import crontab  # noqa: E402
from celery.signals import worker_init, worker_shutdown, worker_shutting_down  # noqa: E402
from django.conf import settings  # noqa: E402

from portal.observability.sharing import start_sharing  # noqa: E402
from portal.queue import app  # noqa: E402
from workers import backup, checks, mail, maintenance  # noqa: E402
from workers.generate import Generator  # noqa: E402

__all__ = ["app", "backup", "checks", "mail", "maintenance"]

MAIL_SECONDS = 10
CHECKS_SECONDS = 15
HEADS_SECONDS = 600
TICK_SECONDS = 60
TRANSFERS_SECONDS = 20
HOUR_SECONDS = 60 * 60
DAY_SECONDS = 24 * HOUR_SECONDS

app.conf.beat_schedule = {
    "sweep": {
        "task": "jobs.sweep",
        "schedule": settings.JOB_SWEEP_SECONDS,
        "options": {"expires": settings.JOB_SWEEP_SECONDS},
    },
    "batches": {
        "task": "jobs.advance_batches",
        "schedule": settings.JOB_SWEEP_SECONDS,
        "options": {"expires": settings.JOB_SWEEP_SECONDS},
    },
    "mail": {
        "task": "mail.deliver",
        "schedule": MAIL_SECONDS,
        "options": {"expires": MAIL_SECONDS},
    },
    "checks": {
        "task": "catalog.check",
        "schedule": CHECKS_SECONDS,
        "options": {"expires": CHECKS_SECONDS},
    },
    "heads": {
        "task": "audit.publish_heads",
        "schedule": HEADS_SECONDS,
        "options": {"expires": HEADS_SECONDS},
    },
    "tick": {
        "task": "access.tick",
        "schedule": TICK_SECONDS,
        "options": {"expires": TICK_SECONDS},
    },
    "copy_endings": {
        "task": "backup.copy_endings",
        "schedule": TICK_SECONDS,
        "options": {"expires": TICK_SECONDS},
    },
    "back_up": {
        "task": "backup.make",
        "schedule": crontab(minute=12),
        "options": {"expires": HOUR_SECONDS},
    },
    "rehearse": {
        "task": "backup.rehearse",
        "schedule": crontab(day_of_week="sun", hour=4, minute=23),
        "options": {"expires": DAY_SECONDS},
    },
    "relicense": {
        "task": "catalog.relicense",
        "schedule": TICK_SECONDS,
        "options": {"expires": TICK_SECONDS},
    },
    "transfers": {
        "task": "delivery.transfers",
        "schedule": TRANSFERS_SECONDS,
        "options": {"expires": TRANSFERS_SECONDS},
    },
    "anonymous_reads": {
        "task": "delivery.anonymous_reads",
        "schedule": crontab(hour=1, minute=7),
        "options": {"expires": DAY_SECONDS},
    },
    "forget": {
        "task": "site.forget",
        "schedule": crontab(hour=3, minute=17),
        "options": {"expires": DAY_SECONDS},
    },
    "publish_months": {
        "task": "site.publish_months",
        "schedule": crontab(hour=2, minute=53),
        "options": {"expires": DAY_SECONDS},
    },
    "verify_chain": {
        "task": "audit.verify",
        "schedule": crontab(hour=4, minute=3),
        "options": {"expires": DAY_SECONDS},
    },
    "verify": {
        "task": "storage.verify",
        "schedule": crontab(hour=2, minute=41),
        "options": {"expires": DAY_SECONDS},
    },
}
# The engine's thread asks for the interpreter's lock again and again, and the others hold it for as
# long as this at most: by default 5 ms, which is longer than a step of a small model.
SWITCH_SECONDS = 0.0005
generator = Generator()


@app.task(name="generate.work")
def work(repo: str = "") -> None:
    """Wake the thread that claims jobs, where no hint of Redis's own came through."""
    generator.wake()


@worker_init.connect
def _start(**_: Any) -> None:
    sys.setswitchinterval(SWITCH_SECONDS)
    start_sharing("worker")
    generator.start()


@worker_shutting_down.connect
def _stop(**_: Any) -> None:
    generator.stop()


@worker_shutdown.connect
def _wait(**_: Any) -> None:
    generator.join()
