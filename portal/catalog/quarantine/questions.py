"""Find what a publisher must agree to before a revision is everybody's, by whichever door it came.

Two things are asked: by what right new weights are hosted, unless that stands under the present
licence; and whether others may read other terms than those they read now. What was agreed to and
hasn't changed since is not asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from inference.model_files.weight_formats import is_called_weights
from portal.catalog.licensing.hosting import standing_right
from portal.catalog.licensing.revision_terms import (
    NO_TERMS,
    RevisionTerms,
    changes_between,
    terms_of,
)
from portal.catalog.models import ModelRepo, Revision, RevisionCheck
from portal.catalog.quarantine.naming import line_before
from portal.catalog.services.lookup import contents_of
from portal.catalog.statements import Consent

RIGHT = (
    "By what right are these weights hosted? State that you are the licensor, or that the licensor "
    "has consented in writing: who, when, and where it is kept."
)
TERMS = (
    "The terms that others read change: {changes}. Agree that the new ones stand from now on; "
    "whoever has signed a licence keeps the text that they signed."
)


@dataclass(frozen=True)
class Questions:
    """The things that a publisher must agree to; empty where nothing is to be asked."""

    hosting: bool = False
    changes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.hosting or bool(self.changes)

    @property
    def words(self) -> list[str]:
        """Say what is asked, a sentence or two for each question."""
        return [RIGHT] * self.hosting + [self.about_terms] * bool(self.changes)

    @property
    def about_terms(self) -> str:
        return TERMS.format(changes="; ".join(self.changes))

    def left_by(self, consent: Consent) -> Questions:
        """Return what a consent leaves open."""
        return replace(
            self,
            hosting=self.hosting and consent.statement is None,
            changes=() if consent.changed_terms else self.changes,
        )


def questions_of(revision: Revision) -> Questions:
    """Return what is to be agreed to before a revision passes; nothing for one that has."""
    if not revision.is_quarantined:
        return Questions()
    contents = contents_of(revision)
    sha256s = {path: content.sha256 for path, content in contents.items()}
    terms = terms_of(contents.values())
    questions = questions_about(revision.repo, sha256s, terms, parent=revision.parent)
    agreed = RevisionCheck.objects.filter(revision=revision, agreed_terms=terms.digest)
    return replace(questions, changes=()) if questions.changes and agreed.exists() else questions


def questions_about(
    repo: ModelRepo, sha256s: Mapping[str, str], terms: RevisionTerms, *, parent: Revision | None
) -> Questions:
    """Return what is to be agreed to before files follow ``parent`` in the sight of others.

    ``sha256s`` are those of the files by path; empty for what wasn't hashed yet.
    """
    before, waiting = line_before(repo, parent)
    standing = contents_of(before) if before else {}
    weights = {sha256 for path, sha256 in sha256s.items() if is_called_weights(path)}
    new_weights = weights - {content.sha256 for content in standing.values()}
    changes = changes_between(terms_of(standing.values()) if before else NO_TERMS, terms, repo)
    agreed = RevisionCheck.objects.filter(revision__in=waiting, agreed_terms=terms.digest)
    return Questions(
        hosting=bool(new_weights) and standing_right(repo) is None,
        changes=() if changes and agreed.exists() else tuple(changes),
    )
