"""Which vehicles a node can send out on a day: those in service, one after the other into the shifts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.refit_tours import on_the_road, shifts_of
from app.database.rows import rows, table_of
from app.fleet.outages import outages_within
from app.fleet.rostered import Rostered as Part
from app.fleet.rostered import touches
from app.fleet.tables import Vehicle, VehicleClass, VehicleOutage
from app.tours.tables import Tour
from app.values.window import Window

# A vehicle that is back goes out again if so much of its shift is left.
_AGAIN = timedelta(minutes=30)
# No driver is asked for more over the end of a shift.
OVERTIME = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Rostered:
    """A vehicle in one of its shifts, or in what is left of one; `driven_m` it has driven in it before.

    `overtime` is how long it may be late home: not once it is out, nor when its next driver waits for it.
    """

    vehicle_id: str
    class_id: str
    starts_at: datetime
    ends_at: datetime
    driven_m: int = 0
    overtime: timedelta = OVERTIME


def roster(
    conn: Connection, *, now: datetime, node_id: str, day: date, kept: Sequence[str]
) -> tuple[Rostered, ...]:
    """The vehicles and shifts that tours may be made for; none twice at once, none while it is out.

    Vehicles on the tours `kept` are on the road: they can go out again when they are back and loaded.
    """
    shifts = shifts_of(conn, node_id, [day]).get(day, [])
    parts = on_the_road(conn, node_id, shifts)
    if not parts:
        return ()
    span = Window(min(p.window.start for p in parts), max(p.window.end for p in parts))
    outages = outages_within(conn, Window(span.start, span.end + OVERTIME), node_id=node_id)
    gone = _gone(outages)
    found: list[Rostered] = []
    busy: dict[str, list[Window]] = defaultdict(list)
    for driven in _driven(conn, kept, gone):
        first = driven[0]
        busy[first.vehicle_id] += [Window(t.shift_starts_at, t.shift_ends_at) for t in driven]
        part = _taken(parts, first)
        if part is not None:
            parts.remove(part)
            found += _again(conn, driven, part, gone)
    vehicle = table_of(Vehicle)
    there = sa.and_(vehicle.c.node_id == node_id, vehicle.c.out_of_service.is_(False))
    vehicles = rows(conn, Vehicle, sa.select(vehicle).where(there).order_by(vehicle.c.name))
    for part in sorted(parts, key=lambda p: (p.window.start, p.class_id, p.window.end)):
        free = [v for v in vehicles if _free(v, part, busy, gone)] if part.window.end > now else []
        if free:
            # One that has been home for a while, if there is one: who had it before may be late.
            one = min(free, key=lambda v: _waited_for(part, busy[v.id]))
            busy[one.id].append(part.window)
            found.append(Rostered(one.id, part.class_id, part.window.start, part.window.end))
    return tuple(replace(one, overtime=_overtime(one, busy[one.vehicle_id], outages)) for one in found)


def _waited_for(part: Part, busy: Sequence[Window]) -> bool:
    """Whether a vehicle is still out, in overtime, when a shift begins with it."""
    return any(part.window.start - OVERTIME < span.end <= part.window.start for span in busy)


def _overtime(one: Rostered, busy: Sequence[Window], outages: Sequence[VehicleOutage]) -> timedelta:
    """How long a vehicle may be late: until it is out or its next shift begins.

    Where an outage that names no vehicle cuts its shift, it is the one that is out.
    """
    mine = [
        outage.starts_at
        for outage in outages
        if outage.vehicle_class_id in (None, one.class_id)
        and (outage.vehicle_id == one.vehicle_id or outage.starts_at == one.ends_at)
    ]
    later = [at for at in (*mine, *(span.start for span in busy)) if at >= one.ends_at]
    return min(OVERTIME, min(later) - one.ends_at) if later else OVERTIME


def _gone(outages: Iterable[VehicleOutage]) -> dict[str, list[VehicleOutage]]:
    """When vehicles that were named are out."""
    found: dict[str, list[VehicleOutage]] = defaultdict(list)
    for one in outages:
        if one.vehicle_id is not None:
            found[one.vehicle_id].append(one)
    return found


def _driven(conn: Connection, kept: Sequence[str], gone: dict[str, list[VehicleOutage]]) -> list[list[Tour]]:
    """The tours of each vehicle on the road, in their order; vehicles that are out come last."""
    table = table_of(Tour)
    query = sa.select(table).where(table.c.id.in_(kept)).order_by(table.c.leaves_at, table.c.id)
    found: dict[tuple[str, datetime], list[Tour]] = defaultdict(list)
    for tour in rows(conn, Tour, query):
        # Whoever goes out again in the same shift keeps its end.
        found[tour.vehicle_id, tour.shift_ends_at].append(tour)
    return sorted(found.values(), key=lambda driven: (driven[0].vehicle_id in gone, driven[0].leaves_at))


def _taken(parts: Sequence[Part], tour: Tour) -> Part | None:
    """The part of a shift that a tour on the road belongs to."""
    shift = Window(tour.shift_starts_at, tour.shift_ends_at)
    mine = [p for p in parts if p.class_id == tour.vehicle_class_id and p.window.overlaps(shift)]
    return max(mine, key=lambda p: (p.window.start == shift.start, p.window.duration), default=None)


def _again(
    conn: Connection, driven: Sequence[Tour], part: Part, gone: dict[str, list[VehicleOutage]]
) -> list[Rostered]:
    """What is left of a vehicle's shift once it is back and loaded again."""
    table = table_of(VehicleClass)
    reload_s = conn.execute(sa.select(table.c.reload_s).where(table.c.id == part.class_id)).scalar_one()
    back = max(tour.returns_at for tour in driven) + timedelta(seconds=reload_s)
    if part.window.end - back < _AGAIN:
        return []
    rest = Window(back, part.window.end)
    if any(touches(outage, rest) for outage in gone.get(driven[0].vehicle_id, ())):
        return []
    far = sum(tour.distance_m for tour in driven)
    return [Rostered(driven[0].vehicle_id, part.class_id, rest.start, rest.end, far)]


def _free(
    one: Vehicle, part: Part, busy: dict[str, list[Window]], gone: dict[str, list[VehicleOutage]]
) -> bool:
    return (
        one.vehicle_class_id == part.class_id
        and not any(part.window.overlaps(span) for span in busy[one.id])
        and not any(touches(outage, part.window) for outage in gone.get(one.id, ()))
    )
