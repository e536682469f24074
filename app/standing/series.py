"""A standing slot with the rows that belong to it, as verbs answer it and keep it for a repeated request."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlmodel import SQLModel

from app.booking.tables import DeliveryBooking, SlotHold
from app.database.idempotency import Answer
from app.database.rows import row_from_json, row_to_json, rows, table_of
from app.standing.queries import occurrences_of
from app.standing.tables import StandingFeeNotice, StandingSlot, StandingSlotOccurrence
from app.values.window import local_day

# Weeks that lie further back are not shown.
SHOWN = timedelta(days=28)


@dataclass(frozen=True)
class Series:
    """A standing slot, its shown occurrences with their holds and bookings, and its notices, as of `at`."""

    row: StandingSlot
    at: datetime
    occurrences: tuple[StandingSlotOccurrence, ...]
    holds: tuple[SlotHold, ...]
    bookings: tuple[DeliveryBooking, ...]
    notices: tuple[StandingFeeNotice, ...]


def series_of(conn: Connection, *, now: datetime, found: Sequence[StandingSlot]) -> list[Series]:
    """The standing slots with what belongs to them, in a number of statements that does not grow."""
    if not found:
        return []
    ids = [row.id for row in found]
    first = min(local_day(now, row.time_zone) for row in found) - SHOWN
    by_series: dict[str, list[StandingSlotOccurrence]] = defaultdict(list)
    for occurrence in occurrences_of(conn, ids, since=first):
        by_series[occurrence.standing_id].append(occurrence)
    hold_ids = [o.hold_id for many in by_series.values() for o in many if o.hold_id]
    hold, booking, notice = table_of(SlotHold), table_of(DeliveryBooking), table_of(StandingFeeNotice)
    holds = {one.id: one for one in rows(conn, SlotHold, sa.select(hold).where(hold.c.id.in_(hold_ids)))}
    booked = sa.select(booking).where(booking.c.hold_id.in_(hold_ids))
    bookings = {one.hold_id: one for one in rows(conn, DeliveryBooking, booked)}
    told: dict[str, list[StandingFeeNotice]] = defaultdict(list)
    query = sa.select(notice).where(notice.c.standing_id.in_(ids)).order_by(notice.c.id)
    for one in rows(conn, StandingFeeNotice, query):
        told[one.standing_id].append(one)
    return [
        Series(
            row=row,
            at=now,
            occurrences=tuple(by_series[row.id]),
            holds=tuple(holds[o.hold_id] for o in by_series[row.id] if o.hold_id),
            bookings=tuple(bookings[o.hold_id] for o in by_series[row.id] if o.hold_id in bookings),
            notices=tuple(told[row.id]),
        )
        for row in found
    ]


def _dump(series: Series) -> str:
    def texts(many: Iterable[SQLModel]) -> list[str]:
        return [row_to_json(one) for one in many]

    return json.dumps(
        {
            "at": series.at.isoformat(),
            "row": row_to_json(series.row),
            "occurrences": texts(series.occurrences),
            "holds": texts(series.holds),
            "bookings": texts(series.bookings),
            "notices": texts(series.notices),
        }
    )


def _load(text: str) -> Series:
    kept = json.loads(text)

    def made[M: SQLModel](model: type[M], name: str) -> tuple[M, ...]:
        return tuple(row_from_json(model, one) for one in kept[name])

    return Series(
        row=row_from_json(StandingSlot, kept["row"]),
        at=datetime.fromisoformat(kept["at"]),
        occurrences=made(StandingSlotOccurrence, "occurrences"),
        holds=made(SlotHold, "holds"),
        bookings=made(DeliveryBooking, "bookings"),
        notices=made(StandingFeeNotice, "notices"),
    )


# How an answer is kept under its idempotency key: a repeated request is shown what the first was.
SERIES: Answer[Series] = Answer(_dump, _load)
