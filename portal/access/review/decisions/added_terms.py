"""Say in a few words that an approval has more terms than its modes and its end."""

from __future__ import annotations

from portal.access.models import Decision, Review


def added_by(decision: Decision) -> str:
    """Return “, on conditions”, “, with quotas of its own”, both or neither, of what is given."""
    grants = decision.grants.prefetch_related("coverage")
    conditions = [grant.conditions for grant in grants]
    conditions += [row.conditions for grant in grants for row in grant.coverage.all()]
    return _words(has_conditions=any(conditions), has_quotas=any(grant.quotas for grant in grants))


def added_by_vote(vote: Review) -> str:
    """Return the same of a vote, which gives nothing yet."""
    has_narrower = any(own["modes"] or own["conditions"] for own in vote.narrowed.values())
    return _words(
        has_conditions=bool(vote.conditions) or has_narrower, has_quotas=bool(vote.quotas)
    )


def _words(*, has_conditions: bool, has_quotas: bool) -> str:
    parts = ["on conditions"] * has_conditions + ["with quotas of its own"] * has_quotas
    return f", {' and '.join(parts)}" if parts else ""
