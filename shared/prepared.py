"""Statements on the path of every request: put together by SQLAlchemy, sent by psycopg (docs/decisions/0010)."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import psycopg
from psycopg.rows import tuple_row
from sqlalchemy import Connection, Insert, Select, Update
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.schema import CallableColumnDefault, ScalarElementColumnDefault


class Prepared:
    """A statement whose rows are tuples of what psycopg makes of the columns: ids, times, numbers, texts, JSON.

    SQLAlchemy describes every result anew before it reads a row, which takes longer than most of these statements.
    An INSERT names the `columns` that it is given; the others are what the model says. It belongs to the transaction
    that its connection is in, or is one of its own where there is none (`web.neighbours.single_statements`).
    """

    def __init__(self, statement: Select[Any] | Insert | Update, columns: tuple[str, ...] | None = None) -> None:
        self._statement = statement
        self._columns = columns

    @cached_property
    def _compiled(self) -> SQLCompiler:
        return self._statement.compile(dialect=_DIALECT, column_keys=self._columns)

    @cached_property
    def text(self) -> str:
        """As psycopg takes it."""
        return str(self._compiled)

    @cached_property
    def _own(self) -> dict[str, Any]:
        """The values that the statement brings along."""
        defaults = {column.key: column.default for column in self._compiled.insert_prefetch}
        scalars = {name: own.arg for name, own in defaults.items() if isinstance(own, ScalarElementColumnDefault)}
        return {**self._compiled.params, **scalars}

    @cached_property
    def _made(self) -> dict[str, Callable[..., Any]]:
        """What makes a value of its own for each row: ids."""
        defaults = {column.key: column.default for column in self._compiled.insert_prefetch}
        return {name: own.arg for name, own in defaults.items() if isinstance(own, CallableColumnDefault)}

    @cached_property
    def _processors(self) -> dict[str, Callable[[Any], Any]]:
        """How psycopg wants the values of some types: JSON."""
        found = {name: bind.type.dialect_impl(_DIALECT) for name, bind in self._compiled.binds.items()}
        made = {name: kind.bind_processor(_DIALECT) for name, kind in found.items()}
        return {name: processor for name, processor in made.items() if processor is not None}

    def parameters(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """All that `text` needs, as psycopg takes it, for these values of the statement's own parameters."""
        given = {**self._own, **{name: make(None) for name, make in self._made.items()}, **values}
        return given | {name: process(given[name]) for name, process in self._processors.items() if name in given}

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """All rows, for these values of the statement's own parameters. Raises what SQLAlchemy raises."""
        return self._sent(connection, values).fetchall()

    def run(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """The same for a statement that has no rows."""
        self._sent(connection, values)

    def _sent(self, connection: Connection, values: Mapping[str, Any]) -> "psycopg.Cursor[tuple[Any, ...]]":
        driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
        try:
            return driver.cursor(row_factory=tuple_row).execute(self.text, self.parameters(values))
        except psycopg.Error as error:
            if driver.closed:
                connection.invalidate(error)
            raise DBAPIError.instance(self.text, dict(values), error, psycopg.Error) from error


_DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]
