"""What a disruption touches: the pools that lose vehicles, and the bookings that cannot be reached."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from math import cos, hypot, radians

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.rules import BookingStatus
from app.booking.tables import DeliveryBooking
from app.capacity.overrides import planned_of
from app.capacity.tables import CapacityPool
from app.database.rows import rows, table_of
from app.disruption.errors import InvalidDisruption, NothingDisrupted
from app.disruption.rules import MOTORED, STREET_M, DisruptionKind, Incident, lacking, left_bp
from app.fleet.tables import Vehicle, VehicleClass
from app.places.tables import City, Street
from app.values.point import Point
from app.values.window import local_day


@dataclass(frozen=True, slots=True)
class PoolLoss:
    """A pool that loses vehicles: what it sells of its plan from then on, in basis points."""

    pool: CapacityPool
    factor_bp: int

    @property
    def orders_after(self) -> int:
        """The orders that it still sells."""
        return planned_of(self.pool).orders * self.factor_bp // 10_000


@dataclass(frozen=True)
class Affected:
    """All that a disruption touches on its local day."""

    day: date
    losses: tuple[PoolLoss, ...]
    bookings: tuple[DeliveryBooking, ...]
    vehicle: Vehicle | None
    street: Street | None

    @property
    def misfits(self) -> int:
        """How many bookings the pools have beyond what they still sell: those that must move at least."""
        over = [loss.pool.held_orders + loss.pool.booked_orders - loss.orders_after for loss in self.losses]
        return sum(max(0, count) for count in over) if self.losses else len(self.bookings)


def affected(conn: Connection, *, now: datetime, incident: Incident) -> Affected:
    """What an incident touches; raises InvalidDisruption, NothingDisrupted."""
    mistake = lacking(incident)
    if mistake:
        raise InvalidDisruption(field=("input",), what=mistake)
    zone = conn.execute(sa.select(table_of(City).c.time_zone).order_by("id").limit(1)).scalar()
    if zone is None:
        raise NothingDisrupted(field=("input",))
    day = local_day(incident.starts_at, zone)
    if incident.kind is DisruptionKind.STREET:
        return _street(conn, now, incident, day)
    vehicle = _vehicle(conn, incident)
    pools = _pools(conn, now, incident, day, vehicle)
    if not pools:
        raise NothingDisrupted(field=("input",))
    losses = [
        PoolLoss(
            pool,
            left_bp(incident.kind, pool.vehicles, pool.sell_orders, planned_of(pool).orders),
        )
        for pool in pools
    ]
    return Affected(day, tuple(losses), tuple(_bookings(conn, [p.id for p in pools])), vehicle, None)


def _vehicle(conn: Connection, incident: Incident) -> Vehicle | None:
    if incident.kind is not DisruptionKind.VEHICLE:
        return None
    table = table_of(Vehicle)
    found = rows(conn, Vehicle, sa.select(table).where(table.c.name == incident.vehicle_name))
    if not found:
        raise NothingDisrupted(field=("input", "vehicleName"))
    return found[0]


def _pools(
    conn: Connection, now: datetime, incident: Incident, day: date, vehicle: Vehicle | None
) -> list[CapacityPool]:
    pool, kind = table_of(CapacityPool), table_of(VehicleClass)
    meant = [pool.c.day == day, pool.c.ends_at > max(now, incident.starts_at), pool.c.vehicles > 0]
    if incident.ends_at is not None:
        meant.append(pool.c.starts_at < incident.ends_at)
    if vehicle is not None:
        meant += [pool.c.node_id == vehicle.node_id, pool.c.vehicle_class_id == vehicle.vehicle_class_id]
    else:
        meant.append(pool.c.node_id == incident.node_id)
    if incident.kind is DisruptionKind.COURIER:
        of_kind = sa.select(kind.c.id).where(kind.c.kind == incident.vehicle_kind)
        meant.append(pool.c.vehicle_class_id.in_(of_kind))
    return rows(conn, CapacityPool, sa.select(pool).where(*meant).order_by(pool.c.id))


_OPEN = (BookingStatus.CONFIRMED, BookingStatus.IN_FULFILMENT)


def _bookings(conn: Connection, pool_ids: list[str]) -> list[DeliveryBooking]:
    table = table_of(DeliveryBooking)
    mine = sa.and_(
        table.c.pool_id.in_(pool_ids), table.c.status.in_(_OPEN), table.c.partner_courier.is_(False)
    )
    return rows(conn, DeliveryBooking, sa.select(table).where(mine).order_by(table.c.id))


def _street(conn: Connection, now: datetime, incident: Incident, day: date) -> Affected:
    """The bookings on a closed street that a motor vehicle would bring in its time."""
    table = table_of(Street)
    wanted = (incident.street_name or "").casefold()
    known = rows(conn, Street, sa.select(table))
    street = next((one for one in known if one.name.casefold() == wanted), None)
    if street is None:
        raise NothingDisrupted(field=("input", "streetName"))
    booking, pool = table_of(DeliveryBooking), table_of(CapacityPool)
    meant = [
        pool.c.day == day,
        pool.c.ends_at > max(now, incident.starts_at),
        booking.c.status.in_(_OPEN),
        booking.c.vehicle_kind.in_(sorted(MOTORED)),
        booking.c.partner_courier.is_(False),
    ]
    if incident.ends_at is not None:
        meant.append(pool.c.starts_at < incident.ends_at)
    query = sa.select(booking).join(pool, pool.c.id == booking.c.pool_id).where(*meant).order_by(booking.c.id)
    found = [one for one in rows(conn, DeliveryBooking, query) if _on(street, one)]
    if not found:
        raise NothingDisrupted(field=("input", "streetName"))
    return Affected(day, (), tuple(found), None, street)


def _on(street: Street, booking: DeliveryBooking) -> bool:
    # An address says its street; a point on the map only where it lies.
    if booking.address_label.casefold().startswith(f"{street.name.casefold()} "):
        return True
    return any(_near(line, booking.point) for line in street.lines)


def _near(line: list[list[float]], point: Point) -> bool:
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
