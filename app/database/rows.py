"""Rows without the ORM session: from a Core result to a model, and to JSON and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from pydantic_core import CoreSchema, core_schema
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


# The values of a statement's parameters, once or many times.
type Told = Mapping[str, Any] | Sequence[Mapping[str, Any]]


def rows[M: SQLModel](
    conn: Connection, model: type[M], statement: Executable, told: Told | None = None
) -> list[M]:
    """All rows of a statement that selects exactly the columns of `model`."""
    found = conn.execute(statement, told)
    names = tuple(found.keys())
    return [row_of(model, dict(zip(names, values, strict=True))) for values in found]


def one_or_none[M: SQLModel](
    conn: Connection, model: type[M], statement: Executable, told: Told | None = None
) -> M | None:
    """The only row of a statement that selects the columns of `model`, or None."""
    found = conn.execute(statement, told).one_or_none()
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


def made[M: SQLModel](model: type[M], **values: Any) -> M:
    """A new row from values that this house has checked, the rest as the model says.

    What the model's constructor makes, which checks nothing either, at a fifth of its cost.
    """
    constants, factories = _defaults(model)
    filled = {**constants, **values}
    for name, make in factories:
        if name not in filled:
            filled[name] = make()
    return row_of(model, filled)


@cache
def _defaults(model: type[SQLModel]) -> tuple[dict[str, Any], tuple[tuple[str, Callable[[], Any]], ...]]:
    fields = model.model_fields.items()
    return (
        {
            name: field.default
            for name, field in fields
            if not field.is_required() and not field.default_factory
        },
        tuple((name, cast(Any, field.default_factory)) for name, field in fields if field.default_factory),
    )


def add[M: SQLModel](conn: Connection, *new: M) -> None:
    """Insert rows of one model in one statement."""
    if new:
        insert, names = _adding(type(new[0]))
        conn.execute(insert, [{name: row.__dict__[name] for name in names} for row in new])


@cache
def _adding(model: type[SQLModel]) -> tuple[sa.Insert, tuple[str, ...]]:
    table = table_of(model)
    return sa.insert(table), tuple(model.model_fields)


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


class AsRow:
    """Mark a field of a value that is kept as JSON: it holds a row, which is kept whole."""

    def __get_pydantic_core_schema__(self, model: Any, _handler: Any) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda told: row_from_json(model, told) if isinstance(told, str) else told,
            serialization=core_schema.plain_serializer_function_ser_schema(row_to_json),
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
