"""Lay the tentative tours of a node out anew when vehicles go out or come back, by the shifts of the plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.tables import AllocationRun
from app.allocation.tour_frames import vehicle_facts
from app.booking.stops import stops_between
from app.database.rows import rows, table_of
from app.fleet.outages import outages_within
from app.fleet.rostered import Rostered, without
from app.fleet.tables import Shift, VehicleOutage
from app.tours.lay_out import lay_out
from app.tours.queries import locked_sheets
from app.values.window import Window


def refit_tours(conn: Connection, *, now: datetime, node_id: str, days: Sequence[date]) -> None:
    """Tentative tours count on the vehicles that are there now; what fits on none of them is unplaced.

    The caller has locked the pools. A day that no plan has rostered keeps its tours.
    """
    shifts = shifts_of(conn, node_id, days)
    known = locked_sheets(conn, keys=[(node_id, day) for day in shifts])
    if not known:
        return
    facts = vehicle_facts(conn)
    stops = stops_between(conn, first=min(shifts), last=max(shifts), node_id=node_id)
    for (_, day), sheet in known.items():
        vehicles = facts.vehicles(node_id, on_the_road(conn, node_id, shifts[day]))
        frame = replace(sheet.sheet.frame, vehicles=vehicles)
        (run_id,) = {shift.run_id for shift in shifts[day]}
        lay_out(
            conn,
            now=now,
            run_id=run_id,
            frames={(node_id, day): frame},
            stops={(node_id, day): stops.get((node_id, day), [])},
        )


def shifts_of(conn: Connection, node_id: str, days: Sequence[date]) -> dict[date, list[Shift]]:
    """What the published plan rosters at a node, by day."""
    table = table_of(Shift)
    mine = sa.and_(table.c.node_id == node_id, table.c.day.in_(list(days)))
    found: dict[date, list[Shift]] = defaultdict(list)
    for shift in rows(conn, Shift, sa.select(table).where(mine).order_by(table.c.starts_at, table.c.id)):
        found[shift.day].append(shift)
    return found


def on_the_road(conn: Connection, node_id: str, shifts: Sequence[Shift]) -> list[Rostered]:
    """The vehicles of shifts of one plan, without those that went out after it was frozen."""
    rostered = [
        Rostered(shift.vehicle_class_id, Window(shift.starts_at, shift.ends_at))
        for shift in shifts
        for _ in range(shift.vehicles)
    ]
    if not rostered:
        return []
    span = Window(min(one.window.start for one in rostered), max(one.window.end for one in rostered))
    outages = outages_within(conn, span, node_id=node_id)
    return without(rostered, unknown_to(conn, outages, shifts[0].run_id))


def unknown_to(conn: Connection, outages: Sequence[VehicleOutage], run_id: str) -> list[VehicleOutage]:
    """The outages that a plan did not know of when it was frozen."""
    knew_at = frozen_at(conn, run_id)
    return [one for one in outages if knew_at is None or one.created_at > knew_at]


def frozen_at(conn: Connection, run_id: str) -> datetime | None:
    """When the problem of a plan was frozen; None where there is no such run."""
    run = table_of(AllocationRun)
    return conn.execute(sa.select(run.c.started_at).where(run.c.id == run_id)).scalar_one_or_none()
