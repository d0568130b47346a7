"""People, their namespaces, their tokens, and the proofs of where they work."""

from portal.accounts.models.affiliations import (
    Affiliation,
    Organization,
    OrganizationDomain,
    Reference,
    Sector,
)
from portal.accounts.models.people import AccessToken, Namespace, NamespaceRole, Scope, User

__all__ = [
    "AccessToken",
    "Affiliation",
    "Namespace",
    "NamespaceRole",
    "Organization",
    "OrganizationDomain",
    "Reference",
    "Scope",
    "Sector",
    "User",
]
