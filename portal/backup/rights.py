"""The rights of other roles in the portal's database: read by a backup, given by a restore.

``pg_restore`` gives them too, but fails as a whole where one role isn't on the server.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field

from django.db import Error, connection, transaction
from psycopg import sql

READ = """
    SELECT role.rolname, object.kind, object.name, item.privilege_type
    FROM (
        SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, relname, relowner, relacl
        FROM pg_class WHERE relnamespace = %(schema)s::regnamespace AND relkind IN ('r', 'p', 'S')
        UNION ALL
        SELECT 'SCHEMA', nspname, nspowner, nspacl
        FROM pg_namespace WHERE oid = %(schema)s::regnamespace
        UNION ALL
        SELECT CASE defaclobjtype WHEN 'S' THEN 'SEQUENCES' ELSE 'TABLES' END, '', defaclrole,
            defaclacl
        FROM pg_default_acl
        WHERE defaclnamespace IN (0, %(schema)s::regnamespace) AND defaclobjtype IN ('r', 'S')
    ) AS object (kind, name, owner, acl)
    CROSS JOIN LATERAL aclexplode(object.acl) AS item
    JOIN pg_roles AS role ON role.oid = item.grantee
    WHERE item.grantee <> object.owner
    ORDER BY 1, 2, 3, 4
"""
SCHEMA = "public"
PART = "rights"
FOR_LATER = ("TABLES", "SEQUENCES")  # by ALTER DEFAULT PRIVILEGES, to what a migration makes


@dataclass(frozen=True)
class DatabaseRight:
    """The same privileges of one role on objects of one kind; none are named for those to come."""

    role: str
    kind: str
    privileges: list[str]
    names: list[str]


@dataclass
class RightsLeft:
    """The roles that aren't on the server, and what is to be run to give rights not given."""

    roles: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)


def rights_of_others() -> list[DatabaseRight]:
    """Return what roles beside the owner may do with the tables, of now and of later."""
    with connection.cursor() as cursor:
        cursor.execute(READ, {"schema": SCHEMA})
        rows = cursor.fetchall()
    privileges: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for role, kind, name, privilege in rows:
        privileges[role, kind, name].append(privilege)
    names: dict[tuple[str, str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (role, kind, name), may in privileges.items():
        names[role, kind, tuple(dict.fromkeys(may))] += [name] if name else []
    return [DatabaseRight(*key[:2], list(key[2]), named) for key, named in names.items()]


def written(rights: Sequence[DatabaseRight]) -> Iterator[bytes]:
    yield from (json.dumps(asdict(right)).encode() + b"\n" for right in rights)


def read(content: bytes) -> list[DatabaseRight]:
    return [DatabaseRight(**json.loads(line)) for line in content.splitlines()]


def give(rights: Sequence[DatabaseRight]) -> RightsLeft:
    """Give rights in the database at hand; return those that can't be given, as what to run."""
    left = RightsLeft()
    roles = _roles()
    for right in rights:
        if right.role == roles[0]:  # the owner now
            continue
        statement = _statement(right).as_string(connection.connection)
        if right.role not in roles:
            left.roles += [right.role] if right.role not in left.roles else []
            left.statements.append(statement)
        elif not _is_given(statement):
            left.statements.append(statement)
    return left


def _roles() -> list[str]:
    """Return the server's roles, this connection's first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolname FROM pg_roles ORDER BY rolname <> current_user")
        return [row[0] for row in cursor.fetchall()]


def _is_given(statement: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except Error:
        return False
    return True


def _statement(right: DatabaseRight) -> sql.Composed:
    parts = {
        "privileges": sql.SQL(", ").join(map(_word, right.privileges)),
        "kind": _word(right.kind),
        "names": sql.SQL(", ").join(map(sql.Identifier, right.names)),
        "role": sql.Identifier(right.role),
        "schema": sql.Identifier(SCHEMA),
    }
    if right.kind in FOR_LATER:
        words = (
            "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT {privileges} ON {kind} TO {role};"
        )
    else:
        words = "GRANT {privileges} ON {kind} {names} TO {role};"
    return sql.SQL(words).format(**parts)


def _word(word: str) -> sql.SQL:
    if not word.replace(" ", "").isalpha():
        raise ValueError(f"{word!r} is no privilege")
    return sql.SQL(word)
