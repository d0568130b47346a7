"""Say in a sentence why the database refuses, to those who run the portal."""

from __future__ import annotations

import psycopg
from django.db import Error, OperationalError, connection

NO_RIGHTS = "its role may not use the tables; doctor says what to run"


def reason_of(error: BaseException) -> str:
    """Return the line by which a driver says the reason, and not its hint; else the kind."""
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    reasons = [line for line in lines if not line[0].isspace() and not line.startswith("LINE ")]
    return reasons[-1] if reasons else type(error).__name__


def lacks_rights(error: BaseException) -> bool:
    """Tell whether the role may not do this, which "no such table" is another thing than."""
    return isinstance(error.__cause__, psycopg.errors.InsufficientPrivilege)


def lacks_tables(error: BaseException) -> bool:
    return isinstance(error.__cause__, psycopg.errors.UndefinedTable)


def grants_needed() -> str:
    """Return what the owner of the tables runs for the role of DATABASE_URL."""
    role = connection.settings_dict["USER"] or "ROLE"
    return (
        "As the owner of the tables, run in psql: "
        f"GRANT USAGE ON SCHEMA public TO {role}; "
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}; "
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}; "
        "and for later tables the ALTER DEFAULT PRIVILEGES of docs/install.md."
    )


def refusal_of(error: Error) -> str:
    """Return a sentence for an error that isn't a mistake of ours; "" where it may be one."""
    if isinstance(error, OperationalError):
        return f"The database can’t be used: {reason_of(error)}."
    if lacks_rights(error):
        return f"The database refused: {reason_of(error)}. {grants_needed()}"
    return (
        f"The database has no such table: {reason_of(error)}. Run setup, or migrate."
        if lacks_tables(error)
        else ""
    )
