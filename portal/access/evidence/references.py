"""Flag references whose word proves less than it seems to, or who said no."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from portal.access.evidence.flags import EvidenceFlag, FlagKind
from portal.accounts.models import Reference
from portal.accounts.reference_origins import Origin, Origins
from portal.text.bidi import isolated

KINDS = {
    Origin.OWN_MAILBOX: (FlagKind.OWN_MAILBOX, "A reference’s mailbox is the applicant’s own"),
    Origin.FREE_MAIL: (FlagKind.FREE_MAIL, "A reference writes from a free-mail address"),
    Origin.ELSEWHERE: (FlagKind.ELSEWHERE, "A reference writes from another organization"),
}


def reference_flags(references: Iterable[Reference], origins: Origins) -> Iterator[EvidenceFlag]:
    """Yield a flag for each answer that came from the wrong place, and for each no."""
    for reference in references:
        who = f"{isolated(reference.name)}, {reference.email}"
        if reference.verdict == Reference.Verdict.DENIED:
            detail = f"{who}: {isolated(reference.comment)}" if reference.comment else who
            yield EvidenceFlag(FlagKind.DENIED, "A reference said no", detail)
        elif known := KINDS.get(origins.origin(reference)):
            kind, title = known
            detail = f"{who}, on {isolated(reference.organization_name)}"
            yield EvidenceFlag(kind, title, detail)
