"""Say in words what keeps a revision from others."""

from __future__ import annotations

from django.conf import settings

from portal.catalog.models import Revision, RevisionCheck
from portal.catalog.quarantine.questions import questions_of

State = RevisionCheck.State
MOST_REASONS = 5
SENTENCES = {
    State.CHECKING: "It is being checked; nobody but its publishers sees it before.",
    State.INCOMPLETE: "It is incomplete; nobody but its publishers sees it until the rest is in: ",
    State.FAILED: "It failed its check; nobody but its publishers sees it: ",
    State.CONSENT: "It waits for a publisher’s consent; nobody else sees it before.",
}


def check_of(revision: Revision) -> RevisionCheck | None:
    """Return the check of a revision in quarantine; None for one that has passed."""
    if not revision.is_quarantined:
        return None
    return RevisionCheck.objects.filter(revision=revision).first()


def words_of(revision: Revision) -> str:
    """Say what keeps a revision in quarantine, and where to agree; nothing once it has passed."""
    check = check_of(revision)
    if check is None:
        return ""
    reasons = [*check.problems, *check.missing]
    more = len(reasons) - MOST_REASONS
    shown = reasons[:MOST_REASONS] + ([f"and {more} more"] if more > 0 else [])
    sentences = [SENTENCES[State(check.state)] + "; ".join(shown)]
    if questions := questions_of(revision).words:
        sentences += [*questions, f"Agree at {consent_url(revision)}"]
    return " ".join(sentences)


def consent_url(revision: Revision) -> str:
    """Return the address of the page where a publisher agrees, for messages read elsewhere."""
    return f"{settings.BASE_URL}/{revision.repo.full_name}/consent/{revision.commit}"
