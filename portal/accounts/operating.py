"""The one rule on what only the operators of the site may do."""

from __future__ import annotations

from portal.accounts.models import User
from portal.errors import Forbidden

MAKE_A_LAB = "make a lab. Ask one to, and to let you publish"
SEE_HOME = "see what needs its operators"
SEE_RECORDS = "look up its rows"
SEE_WORKERS = "see who serves which model"
SET_TARIFFS = "set tariffs"
KEEP_LISTS = "keep the screening lists"
NAME_OPERATORS = "say who operates it"
SEE_OPERATORS = "see who operates it"


def require_operator(person: User, act: str) -> None:
    """Raise Forbidden to everybody but the operators; ``act`` says what only they may do."""
    if not person.is_operator:
        raise Forbidden(f"Only the operators of this site may {act}.")
