"""Rows without the ORM session: from a Core result to a model, and to JSON and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Executable
from sqlalchemy.orm import configure_mappers
from sqlalchemy.orm.attributes import manager_of_class
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import UTCDateTime


def row_of[M: SQLModel](model: type[M], values: Mapping[Any, Any]) -> M:
    """A detached row from column values that the database or this house has already checked."""
    row: M = _manager(model).new_instance()
    row.__dict__.update(values)
    object.__setattr__(row, "__pydantic_fields_set__", set(values))
    object.__setattr__(row, "__pydantic_extra__", None)
    object.__setattr__(row, "__pydantic_private__", None)
    return row


@cache
def _manager(model: type[SQLModel]) -> Any:
    # Without this the attributes of a model that no ORM session has met cannot be read.
    configure_mappers()
    return manager_of_class(model)


def rows[M: SQLModel](conn: Connection, model: type[M], statement: Executable) -> list[M]:
    """All rows of a statement that selects exactly the columns of `model`."""
    found = conn.execute(statement)
    names = tuple(found.keys())
    return [row_of(model, dict(zip(names, values, strict=True))) for values in found]


def one_or_none[M: SQLModel](conn: Connection, model: type[M], statement: Executable) -> M | None:
    """The only row of a statement that selects the columns of `model`, or None."""
    found = conn.execute(statement).one_or_none()
    return None if found is None else row_of(model, found._mapping)


def by_id[M: SQLModel](conn: Connection, model: type[M], key: Any) -> M | None:
    """The row with this primary key, or None."""
    found = conn.execute(_with_key(model), {"key": key}).one_or_none()
    return None if found is None else row_of(model, found._mapping)


@cache
def _with_key(model: type[SQLModel]) -> sa.Select[*tuple[Any, ...]]:
    # Made once per model: making a statement anew takes several times as long as running it.
    table = table_of(model)
    (column,) = table.primary_key.columns
    return sa.select(table).where(column == sa.bindparam("key"))


def add[M: SQLModel](conn: Connection, *new: M) -> None:
    """Insert rows of one model in one statement."""
    if new:
        conn.execute(sa.insert(table_of(type(new[0]))), [row.model_dump() for row in new])


def table_of(model: type[SQLModel]) -> sa.Table:
    """The table behind a model."""
    table: sa.Table = model.__table__  # type: ignore[attr-defined]  # SQLModel adds it to table models
    return table


def row_to_json(row: SQLModel) -> str:
    """A row as JSON text, complete enough for `row_from_json`."""
    return row.model_dump_json()


def row_from_json[M: SQLModel](model: type[M], text: str) -> M:
    """The row that `row_to_json` wrote."""
    raw = json.loads(text)
    return row_of(
        model, {c.name: _value(c.type, raw[c.name]) for c in table_of(model).columns if c.name in raw}
    )


def _value(kind: sa.types.TypeEngine[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(kind, sa.Enum):
        enumeration = kind.enum_class
        return enumeration(value) if enumeration and issubclass(enumeration, Enum) else value
    if isinstance(kind, UTCDateTime):
        return datetime.fromisoformat(value)
    if kind.python_type is date:
        return date.fromisoformat(value)
    return value
