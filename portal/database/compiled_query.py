"""Compile a query once, and run it again with other values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.sql.compiler import SQLCompiler


class CompiledQuery:
    """A query that is asked so often that to write its SQL costs more than to run it.

    ``build`` makes the queryset from stand-ins, which are integers and times that occur nowhere
    else. They are found again among the parameters of the SQL, and a run puts its own values in
    their places. So ``build`` may only compare by them: what it chose by them would be chosen once.
    The queryset has to be one of ``values_list``.
    """

    def __init__(
        self, build: Callable[..., QuerySet[Any, Any]], stand_ins: Mapping[str, int | datetime]
    ) -> None:
        self._build, self._stand_ins = build, stand_ins
        # For all threads: a server's requests may each have one of their own. What is compiled
        # keeps the connection that it was compiled by, but to read rows asks it for nothing.
        self._once: _Compiled | None = None

    def rows(self, **values: int | datetime) -> list[tuple[Any, ...]]:
        """Run the query with a value for each stand-in, by name."""
        compiled = self._compiled()
        params = [
            _as_param(param, values[name]) if name else param for param, name in compiled.params
        ]
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, params)
            results = cursor.fetchall()
        rows = compiled.compiler.results_iter([results], tuple_expected=True)
        return [tuple(row) for row in rows]

    def _compiled(self) -> _Compiled:
        if self._once is None:
            self._once = self._compile()  # two threads at once compile the same
        return self._once

    def _compile(self) -> _Compiled:
        query = self._build(**self._stand_ins).query
        compiler = query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        names = {value: name for name, value in self._stand_ins.items()}
        named = [
            (param, names.get(param, "") if isinstance(param, int | datetime) else "")
            for param in params
        ]
        if missing := set(names.values()) - {name for _, name in named}:
            raise ValueError(f"the query doesn't compare by {', '.join(sorted(missing))}")
        return _Compiled(compiler, sql, named)


@dataclass(frozen=True)
class _Compiled:
    """The SQL of a query, and its parameters with the name of a stand-in or none."""

    compiler: SQLCompiler
    sql: str
    params: list[tuple[Any, str]]


def _as_param(stand_in: Any, value: Any) -> Any:
    """Give a value the type that Django gave the stand-in, by which PostgreSQL knows integers."""
    return type(stand_in)(value) if isinstance(stand_in, int) else value
