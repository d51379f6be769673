"""Queries on the path of every request: put together by SQLAlchemy, sent by psycopg (docs/decisions/0010)."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import psycopg
from psycopg.rows import tuple_row
from sqlalchemy import Compiled, Connection, Select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError, OperationalError


class Prepared:
    """A SELECT whose rows are tuples of what psycopg makes of the columns: ids, times, numbers, texts, JSON.

    SQLAlchemy describes every result anew before it reads a row, which takes longer than most of these queries. For a
    connection without a transaction, as `web.neighbours.single_statements` gives it.
    """

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement

    @cached_property
    def _compiled(self) -> Compiled:
        return self._statement.compile(dialect=PGDialect_psycopg())  # type: ignore[no-untyped-call]

    @cached_property
    def text(self) -> str:
        """As psycopg takes it."""
        return str(self._compiled)

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """All rows, for these values of the statement's own parameters. Raises what SQLAlchemy raises."""
        driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
        try:
            with driver.cursor(row_factory=tuple_row) as cursor:
                return cursor.execute(self.text, {**self._compiled.params, **values}).fetchall()
        except psycopg.Error as error:
            connection.invalidate(error)
            kind = OperationalError if isinstance(error, psycopg.OperationalError) else DBAPIError
            raise kind(self.text, dict(values), error) from error
