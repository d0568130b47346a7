"""Email templates: a team's own words for its letters, filled with the facts of a case.

They are stored by scope and kind. The callers decide who may edit the letters of a scope, which
kinds there are, and which facts each kind has.
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
from django.template.loader import render_to_string

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
    """The subject and paragraphs of a letter, with ``{placeholders}`` or filled in."""

    subject: str
    paragraphs: list[str]

    @property
    def text(self) -> str:
        """The paragraphs as an editor shows them."""
        return "\n\n".join(self.paragraphs)


def words_of(subject: str, text: str) -> LetterWords:
    """Read what somebody typed into the editor: empty lines separate paragraphs."""
    return LetterWords(" ".join(subject.split()), _paragraphs(text))


def words_in(template_name: str) -> LetterWords:
    """Read default words from a template file: its first paragraph is the subject.

    Lines of a paragraph are joined, so that a file may be wrapped anywhere.
    """
    paragraphs = _paragraphs(render_to_string(template_name))
    subject, *body = (" ".join(paragraph.split()) for paragraph in paragraphs)
    return LetterWords(subject, body)


def _paragraphs(text: str) -> list[str]:
    blocks = re.split(r"\n\s*\n", text.replace("\r\n", "\n"))
    return [block.strip() for block in blocks if block.strip()]


def placeholders(words: LetterWords) -> set[str]:
    return set(PLACEHOLDER.findall(f"{words.subject}\n{words.text}"))


def fill(words: LetterWords, facts: Mapping[str, str]) -> LetterWords:
    """Replace each placeholder by its fact, once: a fact may contain braces and is left alone.

    A fact may be several paragraphs, or empty, which leaves no paragraph.
    """

    # In one pass over the template: a fact is what somebody typed, and is never read as one.
    def filled(text: str) -> str:
        return PLACEHOLDER.sub(lambda match: facts.get(match[1], match[0]), text)

    paragraphs = [
        paragraph for template in words.paragraphs for paragraph in _paragraphs(filled(template))
    ]
    return LetterWords(filled(words.subject), paragraphs)


def edited_words(scope: str, kind: str) -> LetterWords | None:
    """Return the team's own words, or None if it has none."""
    template = LetterTemplate.objects.filter(scope=scope, kind=kind).first()
    return words_of(template.subject, template.paragraphs) if template else None


def render_letter(
    scope: str, kind: str, default: LetterWords, facts: Mapping[str, str]
) -> LetterWords:
    """Return the team's words, or else ``default``, with the facts filled in.

    Words that name a fact which this kind no longer has give way to the default: a letter with an
    unfilled placeholder is worse than one in the default words.
    """
    return render_own(edited_words(scope, kind), scope, kind, default, facts)


def edited_among(scope: str, kinds: Collection[str]) -> dict[str, LetterWords]:
    """Return the team's own words for those of these kinds that it has words for."""
    templates = LetterTemplate.objects.filter(scope=scope, kind__in=list(kinds))
    return {row.kind: words_of(row.subject, row.paragraphs) for row in templates}


def render_own(
    own: LetterWords | None,
    scope: str,
    kind: str,
    default: LetterWords,
    facts: Mapping[str, str],
) -> LetterWords:
    """Do as ``render_letter`` does with the team's words that were read before."""
    if own is not None and not placeholders(own) <= set(facts):
        log.warning("The words of %s for %s name facts that it lacks", scope, kind)
        own = None
    return fill(own or default, facts)


def _listed(names: Collection[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names)) or "none"


def _unknown(text: str, allowed: Collection[str]) -> str:
    """Say which placeholders of a text are unknown; "" if none is."""
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
    """Raise FieldErrors naming what must change in ``subject`` and ``paragraphs``."""
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
    """Fill in sample facts. Raise FieldErrors as saving these words would."""
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
    """Store a team's own words for a kind; the same words again change nothing.

    ``allowed`` are the facts of this kind, ``required`` those that the letter may not leave out.
    """
    words = words_of(subject, paragraphs)
    check_words(words, allowed=allowed, required=required)
    template, created = LetterTemplate.objects.select_for_update(no_key=True).get_or_create(
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
    """Delete a team's own words. Return False if it has none of this kind."""
    locked = LetterTemplate.objects.select_for_update(no_key=True).filter(scope=scope, kind=kind)
    template = locked.first()
    if template is None:
        return False
    _record(EventType.LETTER_RESET, actor, template, now)
    template.delete()
    return True


def _record(event: EventType, actor: User, template: LetterTemplate, now: datetime) -> None:
    """Record the hash of the words; the words may name somebody, and a record is never deleted."""
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
