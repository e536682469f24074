"""Column types that mean the same on SQLite and PostgreSQL."""

from enum import Enum
from typing import Any

import sqlalchemy as sa


def words(kind: type[Enum]) -> Any:
    """A column of an enumeration, stored as its text so that adding a word needs no migration."""
    return sa.Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=40,
        values_callable=lambda members: [member.value for member in members],
    )


def prefix_text() -> Any:
    """A text column that compares by code point on both engines, so that a range finds a prefix."""
    return sa.String().with_variant(sa.String(collation="C"), "postgresql")
