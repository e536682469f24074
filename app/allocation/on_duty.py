"""Which vehicles a node can send out on a day: those in service, one after the other into the shifts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Rostered:
    """A vehicle in one of its shifts, or in what is left of one; `driven_m` it has driven in it before."""

    vehicle_id: str
    class_id: str
    starts_at: datetime
    ends_at: datetime
    driven_m: int = 0


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
    gone = _gone(outages_within(conn, span, node_id=node_id))
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
        one = (
            next((v for v in vehicles if _free(v, part, busy, gone)), None) if part.window.end > now else None
        )
        if one is not None:
            busy[one.id].append(part.window)
            found.append(Rostered(one.id, part.class_id, part.window.start, part.window.end))
    return tuple(found)


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
