"""Write somebody's daily digest: all that waits for them, by model, if anything of it is new."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from portal.access.letters.mailer import words_for
from portal.access.letters.team.telling import recipients, settings_page
from portal.access.letters.team.waiting import WaitingLine, lines_for
from portal.access.models import DigestItem
from portal.accounts.models import User
from portal.formatting import counted
from portal.outbox.services import Letter, queue_letters

WHY = "You get this once a day at most. Choose what stands in it, and what you are told at once."


def digest_time(now: datetime) -> datetime:
    """Return when digests were written last, or are now, at the hour that the setting names."""
    local = timezone.localtime(now)
    today = local.replace(hour=settings.DIGEST_HOUR, minute=0, second=0, microsecond=0)
    return today if today <= local else today - timedelta(days=1)


def digest_key(written_at: datetime) -> str:
    """Return how the keys of a day's digests begin; the reader's own number follows."""
    return f"digest-{timezone.localtime(written_at):%Y%m%d}"


def send_digest(reader: User, *, now: datetime) -> bool:
    """Write the digest that is due, and drop what it has told. Return False if nothing is new."""
    written_at = digest_time(now)
    items = reader.digest_items.filter(happened_at__lte=written_at).select_for_update(no_key=True)
    lines = lines_for(reader, list(items), now)
    is_new = any(line.is_new for line in lines)
    if is_new:
        letter = _letter(lines)
        key = digest_key(written_at)
        queue_letters(letter, to=recipients([reader]), key=key, kind="digest", now=now)
    DigestItem.objects.filter(pk__in=[item.pk for item in items]).delete()
    return is_new


def _letter(lines: Sequence[WaitingLine]) -> Letter:
    facts = {"what": _in_short(lines), "lines": "\n\n".join(_by_model(lines))}
    words = words_for(kind="digest", repo=None, reference="", facts=facts)
    return Letter(
        team=settings.SITE_NAME,
        greeting="",
        subject=words.subject,
        paragraphs=words.paragraphs,
        act_label="Open the queue",
        act_url=f"{settings.BASE_URL}{reverse('access:queue')}",
        reference="",
        why=WHY,
        settings_url=settings_page(),
    )


def _in_short(lines: Sequence[WaitingLine]) -> str:
    """Say how much waits, and at how many models, without a name: this is a subject."""
    waiting = [line for line in lines if line.is_waiting]
    if not waiting:
        return "Nothing waits for you; colleagues decided"
    models = len({line.repo.pk for line in waiting})
    verb = "waits" if len(waiting) == 1 else "wait"
    return f"{counted(len(waiting), 'case')} {verb} for you at {counted(models, 'model')}"


def _by_model(lines: Sequence[WaitingLine]) -> list[str]:
    """Return a paragraph for each model: its name, then its lines, what is new first."""
    ordered = sorted(lines, key=lambda line: (line.repo.full_name, not line.is_new))
    return [
        "\n".join([f"{name}:", *(_line(line) for line in of_model)])
        for name, of_model in groupby(ordered, key=lambda line: line.repo.full_name)
    ]


def _line(line: WaitingLine) -> str:
    # The indent keeps each on a line of its own, in the mail as in the inbox.
    return f"  {line.text}\n  {settings.BASE_URL}{line.page}"
