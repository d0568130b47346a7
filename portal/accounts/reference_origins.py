"""Tell from where references write, and so whether their yes proves a workplace."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from allauth.account.models import EmailAddress
from django.db.models import Q

from portal.accounts.mailboxes import mailbox_of
from portal.accounts.models import Affiliation, OrganizationDomain, Reference, User
from portal.accounts.organizations.domains import domain_of, evidence_domains, is_free_mail


class Origin(Enum):
    """A place that a reference writes from; the value says it of the reference, in words."""

    OWN_MAILBOX = "writes from the applicant’s own mailbox, which proves nothing"
    FREE_MAIL = "writes from a free-mail address, which proves no workplace"
    ORGANIZATION = "writes from an address at the organization"
    ELSEWHERE = "writes from an address at another organization"
    UNKNOWN = "writes from an address elsewhere"

    @property
    def proves(self) -> bool:
        """Tell whether a yes from there proves where somebody works."""
        return self not in (Origin.OWN_MAILBOX, Origin.FREE_MAIL)


@dataclass(frozen=True)
class Origins:
    """The knowledge of the addresses of some references, however many, from three queries."""

    own: Mapping[int, frozenset[str]]
    """The mailboxes of each applicant, by their key."""
    owners: Mapping[str, int]
    """The organization that each registered domain belongs to."""

    @classmethod
    def of(cls, references: Collection[Reference]) -> Origins:
        if not references:
            return cls({}, {})
        people = {reference.person_id for reference in references}
        domains = {name for row in references for name in evidence_domains(row.email)}
        places = {reference.organization_id for reference in references}
        known = OrganizationDomain.objects.filter(
            Q(domain__in=domains) | Q(organization__in=places - {None})
        )
        return cls(_own(people), dict(known.values_list("domain", "organization")))

    def origin(self, reference: Reference) -> Origin:
        """Return where a reference writes from."""
        if mailbox_of(reference.email) in self.own.get(reference.person_id, ()):
            return Origin.OWN_MAILBOX
        if is_free_mail(domain_of(reference.email)):
            return Origin.FREE_MAIL
        domains = evidence_domains(reference.email)
        senders = {self.owners[name] for name in domains if name in self.owners}
        if reference.organization_id in senders:
            return Origin.ORGANIZATION
        is_listed = reference.organization_id in self.owners.values()
        return Origin.ELSEWHERE if senders or is_listed else Origin.UNKNOWN


def origin_of(reference: Reference) -> Origin:
    return Origins.of([reference]).origin(reference)


def answers_behind(affiliations: Iterable[Affiliation]) -> dict[int, Reference]:
    """Return, by the key of each proof by a reference, the answer that it rests on.

    A proof is made at the moment of its answer. One whose answer is gone isn't in it.
    """
    proofs = {
        (row.person_id, row.organization_id, row.proved_at): row.pk
        for row in affiliations
        if row.method == Affiliation.Method.REFERENCE
    }
    if not proofs:
        return {}
    people, _, moments = zip(*proofs, strict=True)
    answers = Reference.objects.filter(
        person__in=people, answered_at__in=moments, verdict=Reference.Verdict.CONFIRMED
    )
    behind = {(row.person_id, row.organization_id, row.answered_at): row for row in answers}
    return {key: behind[proof] for proof, key in proofs.items() if proof in behind}


def _own(people: Collection[int]) -> dict[int, frozenset[str]]:
    """Return the mailboxes of each person's addresses, those not proved yet among them."""
    added = EmailAddress.objects.filter(user__in=people).values_list("user", "email")
    primary = User.objects.filter(pk__in=people).values_list("pk", "email")
    own: dict[int, set[str]] = {}
    for person, email in [*added, *primary]:
        own.setdefault(person, set()).add(mailbox_of(email))
    return {person: frozenset(addresses) for person, addresses in own.items()}
