"""Streets that motor vehicles cannot get into, and which addresses stand in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import cos, hypot, radians
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import table_of
from app.places.tables import Street, StreetClosure
from app.values.point import Point
from app.values.window import Window

# An address this near to a closed street is on it.
STREET_M = 40.0


@dataclass(frozen=True, slots=True)
class ClosedStreet:
    """A street with its polylines ([lat, lon]) that is closed from then until then."""

    name: str
    lines: Sequence[Sequence[Sequence[float]]]
    starts_at: datetime
    ends_at: datetime | None

    def during(self, window: Window) -> bool:
        """Whether it is closed at any time of a window."""
        return self.starts_at < window.end and (self.ends_at is None or self.ends_at > window.start)


def closed_streets(conn: Connection, span: Window) -> list[ClosedStreet]:
    """The streets that are closed at any time of a span."""
    closure, street = table_of(StreetClosure), table_of(Street)
    until: sa.ColumnElement[Any] = closure.c.ends_at
    query = (
        sa.select(street.c.name, street.c.lines, closure.c.starts_at, closure.c.ends_at)
        .join(street, street.c.id == closure.c.street_id)
        .where(
            closure.c.starts_at < span.end,
            sa.or_(until.is_(None), sa.and_(until > span.start, until > closure.c.starts_at)),
        )
        .order_by(closure.c.id)
    )
    return [ClosedStreet(row.name, row.lines, row.starts_at, row.ends_at) for row in conn.execute(query)]


def stands_in(
    name: str, lines: Sequence[Sequence[Sequence[float]]], point: Point, label: str | None = None
) -> bool:
    """Whether an address is in a street: it says so, or it lies within STREET_M of it."""
    if label is not None and label.casefold().startswith(f"{name.casefold()} "):
        return True
    return any(_near(line, point) for line in lines)


def barred(closed: Sequence[ClosedStreet], window: Window, point: Point, label: str | None = None) -> bool:
    """Whether motor vehicles cannot get to an address at some time of a window."""
    return any(one.during(window) and stands_in(one.name, one.lines, point, label) for one in closed)


def _near(line: Sequence[Sequence[float]], point: Point) -> bool:
    """Whether a point is within STREET_M of a polyline, on a plane in metres around the point."""
    scale = 111_320.0
    east = scale * cos(radians(point.latitude))
    at = [((lon - point.longitude) * east, (lat - point.latitude) * scale) for lat, lon in line]
    return any(_distance(a, b) <= STREET_M for a, b in pairwise(at))


def _distance(a: tuple[float, float], b: tuple[float, float]) -> float:
    """From the origin to the segment between two points."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = dx * dx + dy * dy
    along = 0.0 if length == 0 else max(0.0, min(1.0, -(a[0] * dx + a[1] * dy) / length))
    return hypot(a[0] + along * dx, a[1] + along * dy)
