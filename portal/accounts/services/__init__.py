"""Services of accounts: names, tokens, affiliations and references."""

from portal.accounts.services.affiliations import (
    end_unproved,
    organization_named,
    prove_by_email,
    vouch_affiliation,
)
from portal.accounts.services.people import (
    change_name,
    choose_language,
    claim_username,
    create_lab,
    create_user,
    keep_language,
    let_publish,
    make_operator,
    require_may_make_operators,
    stop_operating,
    stop_publishing,
)
from portal.accounts.services.tokens import issue_token, revoke_token, token_from_secret

__all__ = [
    "change_name",
    "choose_language",
    "claim_username",
    "create_lab",
    "create_user",
    "end_unproved",
    "issue_token",
    "keep_language",
    "let_publish",
    "make_operator",
    "organization_named",
    "prove_by_email",
    "require_may_make_operators",
    "revoke_token",
    "stop_operating",
    "stop_publishing",
    "token_from_secret",
    "vouch_affiliation",
]
