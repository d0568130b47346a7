"""A team's own words for its letters: kept by scope and kind, filled with the facts of the case.

Who may edit a scope's letters is for the caller to ask; what kinds there are, and which facts
each has, is for whoever writes the letters.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import FieldErrors
from portal.outbox.models import LetterTemplate

if TYPE_CHECKING:
    from portal.accounts.models import User

log = logging.getLogger(__name__)
PLACEHOLDER = re.compile(r"\{([^{}\n]*)\}")
LONGEST_SUBJECT = 120  # a repo's name and the reference follow it
LONGEST_LETTER = 8000


@dataclass(frozen=True)
class LetterWords:
    """What a letter says, with ``{placeholders}`` or filled."""

    subject: str
    paragraphs: list[str]

    @property
    def text(self) -> str:
        """The paragraphs as an editor shows them."""
        return "\n\n".join(self.paragraphs)


def words_of(subject: str, text: str) -> LetterWords:
    """What an editor sent: paragraphs parted by empty lines."""
    return LetterWords(" ".join(subject.split()), _parted(text))


def _parted(text: str) -> list[str]:
    blocks = re.split(r"\n\s*\n", text.replace("\r\n", "\n"))
    return [block.strip() for block in blocks if block.strip()]


def placeholders(words: LetterWords) -> set[str]:
    return set(PLACEHOLDER.findall(f"{words.subject}\n{words.text}"))


def fill(words: LetterWords, facts: Mapping[str, str]) -> LetterWords:
    """Each placeholder by its fact, once: a fact that looks like a placeholder stays as it is.

    A fact may be several paragraphs, or none.
    """

    def filled(text: str) -> str:
        return PLACEHOLDER.sub(lambda found: facts.get(found[1], found[0]), text)

    paragraphs = [part for each in words.paragraphs for part in _parted(filled(each))]
    return LetterWords(filled(words.subject), paragraphs)


def edited_words(scope: str, kind: str) -> LetterWords | None:
    """The team's own words, if it has any."""
    own = LetterTemplate.objects.filter(scope=scope, kind=kind).first()
    return words_of(own.subject, own.paragraphs) if own else None


def render_letter(
    scope: str, kind: str, default: LetterWords, facts: Mapping[str, str]
) -> LetterWords:
    """The team's words, else ``default``, with the facts in their places.

    Words that name a fact which this kind no longer has give way to the default: a letter with a
    hole in it is worse than one in plain words.
    """
    own = edited_words(scope, kind)
    if own is not None and not placeholders(own) <= set(facts):
        log.warning("The words of %s for %s name facts that it lacks", scope, kind)
        own = None
    return fill(own or default, facts)


def _listed(names: Collection[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names)) or "none"


def _unknown(text: str, allowed: Collection[str]) -> str:
    """What is wrong with the placeholders of a text; empty if nothing is."""
    strange = sorted(set(PLACEHOLDER.findall(text)) - set(allowed))
    if not strange:
        return ""
    return (
        f"{_listed(strange)} can’t be filled in here. Use any of {_listed(allowed)}, or take the "
        "braces away."
    )


def check_words(
    words: LetterWords, *, allowed: Collection[str], required: Collection[str] = ()
) -> None:
    """Raises FieldErrors naming what must change in ``subject`` and ``paragraphs``."""
    errors: dict[str, str] = {}
    if not words.subject:
        errors["subject"] = "Give the letter a subject."
    elif len(words.subject) > LONGEST_SUBJECT:
        errors["subject"] = f"Keep the subject within {LONGEST_SUBJECT} characters."
    elif strange := _unknown(words.subject, allowed):
        errors["subject"] = strange
    missing = set(required) - set(PLACEHOLDER.findall(words.text))
    if not words.paragraphs:
        errors["paragraphs"] = "Write the letter, or go back to the default words."
    elif len(words.text) > LONGEST_LETTER:
        errors["paragraphs"] = f"Keep the letter within {LONGEST_LETTER} characters."
    elif strange := _unknown(words.text, allowed):
        errors["paragraphs"] = strange
    elif missing:
        errors["paragraphs"] = f"The letter must say {_listed(missing)}; put it where it belongs."
    if errors:
        raise FieldErrors(errors)


def preview(
    words: LetterWords, facts: Mapping[str, str], *, required: Collection[str] = ()
) -> LetterWords:
    """What a letter of these words would say. Raises FieldErrors as saving would."""
    check_words(words, allowed=facts.keys(), required=required)
    return fill(words, facts)


@transaction.atomic
def save_letter_template(
    *,
    actor: User,
    scope: str,
    kind: str,
    subject: str,
    paragraphs: str,
    allowed: Collection[str],
    required: Collection[str] = (),
    now: datetime,
) -> LetterTemplate:
    """Keep a team's own words; the same words again change nothing.

    ``allowed`` are the facts of this kind, ``required`` those that the letter may not leave out.
    """
    words = words_of(subject, paragraphs)
    check_words(words, allowed=allowed, required=required)
    template, created = LetterTemplate.objects.select_for_update().get_or_create(
        scope=scope,
        kind=kind,
        defaults={
            "subject": words.subject,
            "paragraphs": words.text,
            "updated_by": actor,
            "updated_at": now,
        },
    )
    if not created and (template.subject, template.paragraphs) == (words.subject, words.text):
        return template
    template.subject, template.paragraphs = words.subject, words.text
    template.updated_by, template.updated_at = actor, now
    template.save()
    _record(EventType.LETTER_EDITED, actor, template, now)
    return template


@transaction.atomic
def reset_letter_template(*, actor: User, scope: str, kind: str, now: datetime) -> bool:
    """Go back to the default words. False, and nothing changes, where they stand already."""
    held = LetterTemplate.objects.select_for_update().filter(scope=scope, kind=kind)
    template = held.first()
    if template is None:
        return False
    _record(EventType.LETTER_RESET, actor, template, now)
    template.delete()
    return True


def _record(event: EventType, actor: User, template: LetterTemplate, now: datetime) -> None:
    """Which words, not the words: they may name somebody, and the record forgets nothing."""
    content = f"{template.subject}\n\n{template.paragraphs}"
    record(
        event,
        actor=actor,
        target=template,
        at=now,
        scope=template.scope,
        kind=template.kind,
        sha256=hashlib.sha256(content.encode()).hexdigest(),
    )
