"""What a disruption touches: the pools that lose vehicles, and the bookings that cannot be reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.rules import TO_BRING
from app.booking.tables import DeliveryBooking
from app.capacity.overrides import sold_if
from app.capacity.rules import SizeChange
from app.capacity.tables import CapacityPool
from app.database.rows import by_id, rows, table_of
from app.disruption.errors import InvalidDisruption, NothingDisrupted
from app.disruption.rules import DisruptionKind, Incident, lacking
from app.fleet.rules import MOTORED
from app.fleet.tables import Vehicle, VehicleClass
from app.places.closures import stands_in
from app.places.tables import City, FulfilmentNode, Street
from app.values.load import Load
from app.values.window import Window, day_begins, local_day

# Bookings that are still to be brought, and not on the road.


@dataclass(frozen=True, slots=True)
class PoolLoss:
    """A pool that loses vehicles: what is said of it from then on, and what it still sells."""

    pool: CapacityPool
    change: SizeChange
    after: Load


@dataclass(frozen=True)
class Affected:
    """All that a disruption touches within a span of time; `days` are the local days of what it touches."""

    day: date
    span: Window
    losses: tuple[PoolLoss, ...]
    bookings: tuple[DeliveryBooking, ...]
    days: tuple[date, ...]
    vehicle: Vehicle | None
    street: Street | None

    @property
    def misfits(self) -> int:
        """How many bookings the pools have beyond what they still sell: those that must move at least."""
        over = [loss.pool.held_orders + loss.pool.booked_orders - loss.after.orders for loss in self.losses]
        return sum(max(0, count) for count in over) if self.losses else len(self.bookings)


def affected(conn: Connection, *, now: datetime, incident: Incident) -> Affected:
    """What an incident touches until its stated end, or else until the end of its local day.

    Raises InvalidDisruption, NothingDisrupted where nothing that is planned has to do with it.
    """
    mistake = lacking(incident)
    if mistake:
        field, what = mistake
        raise InvalidDisruption(field=("input", field), what=what)
    zone = conn.execute(sa.select(table_of(City).c.time_zone).order_by("id").limit(1)).scalar()
    if zone is None:
        raise NothingDisrupted(field=("input",))
    begins = max(now, incident.starts_at)
    until = incident.ends_at or end_of_day(begins, zone)
    if until <= begins:
        raise NothingDisrupted(field=("input", "endsAt"))
    found = within(conn, incident=incident, span=Window(begins, until), zone=zone)
    if not found.bookings and not found.losses and not _later(conn, incident, found, zone):
        name = {DisruptionKind.STREET: "streetName", DisruptionKind.VEHICLE: "vehicleName"}.get(incident.kind)
        raise NothingDisrupted(field=("input", name) if name else ("input",))
    return found


def within(conn: Connection, *, incident: Incident, span: Window, zone: str) -> Affected:
    """What an incident touches within a span; raises NothingDisrupted for what is not known."""
    day = local_day(span.start, zone)
    if incident.kind is DisruptionKind.STREET:
        return _street(conn, incident, span, day)
    vehicle = _vehicle(conn, incident)
    node_id = vehicle.node_id if vehicle else incident.node_id
    if node_id is None or by_id(conn, FulfilmentNode, node_id) is None:
        raise NothingDisrupted(field=("input", "nodeId"))
    pools = _pools(conn, incident, span, node_id, vehicle)
    change = _loss(incident, vehicle)
    after = sold_if(conn, pools, change)
    losses = tuple(PoolLoss(pool, change, after[pool.id]) for pool in pools)
    bookings = _bookings(conn, [pool.id for pool in pools])
    days = tuple(sorted({pool.day for pool in pools}))
    return Affected(day, span, losses, tuple(bookings), days, vehicle, None)


def end_of_day(instant: datetime, zone: str) -> datetime:
    """When the local day of an instant is over."""
    return day_begins(local_day(instant, zone) + timedelta(days=1), zone)


def _loss(incident: Incident, vehicle: Vehicle | None) -> SizeChange:
    """What is said of each pool that it touches: it is closed, or one of its vehicles is out."""
    if incident.kind is DisruptionKind.NODE:
        return SizeChange(factor_bp=0)
    return SizeChange(vehicles_out=1, vehicle_id=vehicle.id if vehicle else None)


def _later(conn: Connection, incident: Incident, found: Affected, zone: str) -> bool:
    """Whether one without a stated end touches anything of the coming days."""
    if incident.ends_at is not None or found.street is not None:
        return incident.ends_at is None
    ahead = Window(found.span.start, found.span.start + timedelta(days=14))
    return bool(within(conn, incident=incident, span=ahead, zone=zone).losses)


def _vehicle(conn: Connection, incident: Incident) -> Vehicle | None:
    if incident.vehicle_name is None or incident.kind is DisruptionKind.NODE:
        return None
    table = table_of(Vehicle)
    found = rows(conn, Vehicle, sa.select(table).where(table.c.name == incident.vehicle_name))
    if not found:
        raise NothingDisrupted(field=("input", "vehicleName"))
    return found[0]


def _pools(
    conn: Connection, incident: Incident, span: Window, node_id: str, vehicle: Vehicle | None
) -> list[CapacityPool]:
    pool, kind = table_of(CapacityPool), table_of(VehicleClass)
    meant = [
        pool.c.ends_at > span.start,
        pool.c.starts_at < span.end,
        pool.c.vehicles > 0,
        pool.c.node_id == node_id,
    ]
    if vehicle is not None:
        meant.append(pool.c.vehicle_class_id == vehicle.vehicle_class_id)
    elif incident.kind is DisruptionKind.COURIER:
        of_kind = sa.select(kind.c.id).where(kind.c.kind == incident.vehicle_kind)
        meant.append(pool.c.vehicle_class_id.in_(of_kind))
    return rows(conn, CapacityPool, sa.select(pool).where(*meant).order_by(pool.c.id))


def _bookings(conn: Connection, pool_ids: Sequence[str]) -> list[DeliveryBooking]:
    table = table_of(DeliveryBooking)
    mine = sa.and_(
        table.c.pool_id.in_(pool_ids), table.c.status.in_(TO_BRING), table.c.partner_courier.is_(False)
    )
    return rows(conn, DeliveryBooking, sa.select(table).where(mine).order_by(table.c.id))


def _street(conn: Connection, incident: Incident, span: Window, day: date) -> Affected:
    """The bookings on a closed street that a motor vehicle would bring in its time."""
    table = table_of(Street)
    wanted = (incident.street_name or "").casefold()
    query = sa.select(table).where(sa.func.lower(table.c.name) == wanted).order_by(table.c.id)
    street = next(iter(rows(conn, Street, query)), None) or _by_folding(conn, wanted)
    booking, pool = table_of(DeliveryBooking), table_of(CapacityPool)
    reached = (
        sa.select(booking, pool.c.day)
        .join(pool, pool.c.id == booking.c.pool_id)
        .where(
            pool.c.ends_at > span.start,
            pool.c.starts_at < span.end,
            booking.c.status.in_(TO_BRING),
            booking.c.vehicle_kind.in_(sorted(MOTORED)),
            booking.c.partner_courier.is_(False),
        )
        .order_by(booking.c.id)
    )
    days = {row.id: row.day for row in conn.execute(reached)}
    found = rows(conn, DeliveryBooking, sa.select(booking).where(booking.c.id.in_(list(days))).order_by("id"))
    on_it = [one for one in found if stands_in(street.name, street.lines, one.point, one.address_label)]
    return Affected(day, span, (), tuple(on_it), tuple(sorted({days[one.id] for one in on_it})), None, street)


def _by_folding(conn: Connection, wanted: str) -> Street:
    """A street whose name the database cannot fold: letters beyond ASCII."""
    known = rows(conn, Street, sa.select(table_of(Street)))
    street = next((one for one in known if one.name.casefold() == wanted), None)
    if street is None:
        raise NothingDisrupted(field=("input", "streetName"))
    return street
