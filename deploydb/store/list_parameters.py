"""Lists of any length in a statement, each as one parameter."""

from collections.abc import Iterable
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


def among(column: sa.ColumnElement[Any], listed: str | Iterable[Any]) -> sa.ColumnElement[bool]:
    """Whether the column is one of a list of any length: `IN`, with the list as one parameter.

    With one parameter a value a statement ends at 65,535 of them on PostgreSQL, at 32,766 on SQLite. `listed`: the
    values, or the name of the parameter that they will be given by.
    """
    return _Among(column, _parameter(listed))


def among_rows(columns: tuple[sa.ColumnElement[str], ...], listed: str | Iterable[Any]) -> sa.ColumnElement[bool]:
    """Whether the columns, all text, are one of a list of rows; as `among`."""
    return _AmongRows(*columns, _parameter(listed, rows=True))


class _List(sa.types.TypeDecorator[Iterable[Any]]):
    """Values in one parameter: an array for PostgreSQL, which plans better with it; JSON for SQLite, and for rows."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, *, rows: bool = False) -> None:
        super().__init__()
        self.rows = rows

    def load_dialect_impl(self, dialect: Dialect) -> Any:  # noqa: ANN401  # SQLAlchemy's own type
        return sa.types.NullType() if self._goes_as_array(dialect) else sa.Text()

    def process_bind_param(self, value: Iterable[Any] | None, dialect: Dialect) -> Any:  # noqa: ANN401
        values = list(value or ())
        return values if self._goes_as_array(dialect) else msgspec.json.encode(values).decode()

    def _goes_as_array(self, dialect: Dialect) -> bool:
        return dialect.name == "postgresql" and not self.rows


class _Condition(FunctionElement[bool]):
    type = sa.Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:  # noqa: ANN401  # SQLAlchemy's own
        """As it is: SQLite finds no index for the `= 1` that SQLAlchemy adds to a boolean function."""
        return self


class _Among(_Condition):
    inherit_cache = True


class _AmongRows(_Condition):
    inherit_cache = True


def _parameter(listed: str | Iterable[Any], *, rows: bool = False) -> sa.BindParameter[Any]:
    if isinstance(listed, str):
        return sa.bindparam(listed, type_=_List(rows=rows))
    return sa.bindparam(None, listed, type_=_List(rows=rows), unique=True)


@compiles(_Among)  # type: ignore[no-untyped-call, untyped-decorator, unused-ignore]
def _among(element: _Among, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401
    column, listed = element.clauses
    given = compiler.process(listed, **more)
    if compiler.dialect.name != "postgresql":
        return f"{compiler.process(column, **more)} IN (SELECT value FROM json_each({given}))"  # noqa: S608  # names, and a parameter
    kind = compiler.dialect.type_compiler_instance.process(column.type)
    return f"{compiler.process(column, **more)} = ANY (CAST({given} AS {kind}[]))"


@compiles(_AmongRows)  # type: ignore[no-untyped-call, untyped-decorator, unused-ignore]
def _among_rows(element: _AmongRows, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401
    *columns, listed = element.clauses
    row = ", ".join(compiler.process(column, **more) for column in columns)
    given = compiler.process(listed, **more)
    if compiler.dialect.name != "postgresql":
        values = ", ".join(f"json_extract(value, '$[{place}]')" for place in range(len(columns)))
        return f"({row}) IN (SELECT {values} FROM json_each({given}))"  # noqa: S608  # names, and a parameter
    values = ", ".join(f"value ->> {place}" for place in range(len(columns)))
    return f"({row}) IN (SELECT {values} FROM jsonb_array_elements(CAST({given} AS jsonb)))"  # noqa: S608  # as above
