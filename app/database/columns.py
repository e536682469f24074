"""Column types that mean the same on SQLite and PostgreSQL."""

from collections.abc import Callable
from enum import Enum, StrEnum
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator


def words(kind: type[Enum]) -> Any:
    """A column of an enumeration, stored as its text so that adding a word needs no migration."""
    return sa.Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=40,
        values_callable=lambda members: [member.value for member in members],
    )


def word_set(kind: type[StrEnum]) -> Any:
    """A column of a set of words, stored as their texts with commas between; none is the empty text."""

    @cache
    def parsed(text: str) -> frozenset[StrEnum]:
        return frozenset(kind(word) for word in text.split(",") if word)

    return _WordSet(parsed)


class _WordSet(TypeDecorator[frozenset[StrEnum]]):
    impl = sa.String(200)
    cache_ok = True

    def __init__(self, parsed: Callable[[str], frozenset[StrEnum]]) -> None:
        super().__init__()
        self.parsed = parsed

    def process_bind_param(
        self,
        value: frozenset[StrEnum] | None,
        dialect: Any,  # noqa: ARG002  # SQLAlchemy's signature
    ) -> str | None:
        return None if value is None else ",".join(sorted(word.value for word in value))

    def process_result_value(
        self,
        value: str | None,
        dialect: Any,  # noqa: ARG002  # SQLAlchemy's signature
    ) -> frozenset[StrEnum] | None:
        return None if value is None else self.parsed(value)


def prefix_text() -> Any:
    """A text column that compares by code point on both engines, so that a range finds a prefix."""
    return sa.String().with_variant(sa.String(collation="C"), "postgresql")
