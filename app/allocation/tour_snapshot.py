"""Freeze what the tours of a node and day must know: bookings, rostered vehicles, hours of the streets."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise, product
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.errors import NothingToPlan
from app.allocation.on_duty import Rostered
from app.allocation.tour_facts import TourFacts, bookings_to_bring, read_facts, tours_gone
from app.booking.lockers import AWAY_MINOR, usable
from app.booking.tables import DeliveryBooking
from app.database.rows import table_of
from app.fleet.queries import vehicle_classes
from app.fleet.rules import MOTORED, Mover, km_minor
from app.fleet.tables import Shift, VehicleClass
from app.places.closures import barred
from app.places.tables import CollectionPoint
from app.tours.open_hours import closed_spans, open_spans
from app.tours.problem import Break, Drop, Kind, RoutingProblem, Way
from app.tours.problem import Vehicle as TourVehicle
from app.tours.rules import BREAK_AFTER, BREAK_EARLIEST_S, BREAK_LATEST_S, BREAK_S, hours_of
from app.values.load import Load
from app.values.point import Point, distance_m
from app.values.window import Window

# Overtime is paid half more.
OVERTIME_BP = 15_000
# A day of tours, and what of it goes on past midnight.
_HOURS = 30


@dataclass(frozen=True, slots=True)
class TourSnapshot:
    """A routing problem without its travel tables, with the rows behind its indices.

    `points` are its places, `movers` who travels in the order of its kinds, `slower_bp` the streets' hours;
    `slots` name the window of each way of each drop, `lockers` the locker that it is at, None at the door.
    `open_ids` are the bookings whose window is still open, `kept` the tours that have left already, or leave
    within `loading`. `fingerprint` tells whether the bookings are still the same.
    """

    node_id: str
    day: date
    problem: RoutingProblem
    points: tuple[Point, ...]
    movers: tuple[Mover, ...]
    slower_bp: tuple[tuple[int, ...], ...]
    circuity_bp: int
    rostered: tuple[Rostered, ...]
    bookings: tuple[DeliveryBooking, ...]
    slots: tuple[tuple[str, ...], ...]
    lockers: tuple[tuple[str | None, ...], ...]
    open_ids: frozenset[str]
    kept: tuple[str, ...]
    fingerprint: str
    loading: timedelta = timedelta()


def tour_snapshot(
    conn: Connection,
    *,
    now: datetime,
    node_id: str,
    day: date,
    loading: timedelta = timedelta(),
    ready: Mapping[str, datetime] | None = None,
) -> TourSnapshot:
    """The tours' problem of what is still to come; tours that have left are driven as they are.

    So are those that leave within `loading`. The goods of the bookings in `ready` can be loaded from then
    on. Raises NothingToPlan, saying what is missing.
    """
    facts = read_facts(conn, now, node_id, day, loading)
    kinds = [kind for kind in facts.classes if any(one.class_id == kind.id for one in facts.rostered)]
    if facts.bookings and not kinds:
        raise NothingToPlan(what=f"No vehicle is rostered at {facts.node.name} on {day}; plan its shifts.")
    accepted = {one.id: _lockers(facts, kinds, one) for one in facts.bookings}
    away = (locker.point for some in accepted.values() for locker in some)
    points = list(dict.fromkeys([facts.node.point, *(one.point for one in facts.bookings), *away]))
    origin = datetime.combine(day, time(), tzinfo=ZoneInfo(facts.city.time_zone)).astimezone(UTC)
    drops = [
        _drop(facts, kinds, points, origin, booking, accepted[booking.id], ready or {})
        for booking in facts.bookings
    ]
    begins = _hours(facts, origin)
    problem = RoutingProblem(
        begins_at=origin,
        currency=facts.figures.currency,
        places=len(points),
        travels=(),
        kinds=tuple(Kind(kind.id, kind.name, number, kind.combustion) for number, kind in enumerate(kinds)),
        vehicles=tuple(_vehicle(facts, kinds, origin, now, one) for one in facts.rostered),
        drops=tuple(drop for drop, *_ in drops),
        bands_s=tuple(at_s for at_s, _ in begins),
    )
    return TourSnapshot(
        node_id=node_id,
        day=day,
        problem=problem,
        points=tuple(points),
        movers=tuple(Mover(kind.kind, kind.key, kind.speed_kmh) for kind in kinds),
        slower_bp=tuple(_slower(facts, points, hour) for _, hour in begins),
        circuity_bp=facts.figures.circuity_bp,
        rostered=facts.rostered,
        bookings=facts.bookings,
        slots=tuple(slots for _, slots, _ in drops),
        lockers=tuple(lockers for *_, lockers in drops),
        open_ids=frozenset(facts.choices),
        kept=facts.kept,
        fingerprint=fingerprint(conn, now=now, node_id=node_id, day=day, loading=loading),
        loading=loading,
    )


def fingerprint(
    conn: Connection, *, now: datetime, node_id: str, day: date, loading: timedelta = timedelta()
) -> str:
    """A short text that changes with any booking, wish, shift or skill that the tours were made for."""
    shift = table_of(Shift)
    roster = conn.execute(
        sa.select(shift.c.id, shift.c.vehicles).where(shift.c.node_id == node_id, shift.c.day == day)
    )
    told = [
        *sorted(
            (b.id, b.version, b.pool_id, b.drop_preference_id)
            for b in bookings_to_bring(conn, now + loading, node_id, day, now)
        ),
        *sorted((row.id, row.vehicles) for row in roster),
        *sorted(tours_gone(conn, now + loading, node_id, day)),
        *((kind.id, sorted(kind.able)) for kind in vehicle_classes(conn)),
    ]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _vehicle(
    facts: TourFacts, kinds: Sequence[VehicleClass], origin: datetime, now: datetime, one: Rostered
) -> TourVehicle:
    number = next(n for n, kind in enumerate(kinds) if kind.id == one.class_id)
    kind = kinds[number]
    factor = facts.factors[kind.emission_factor_id]
    per_km = km_minor(
        kind,
        grams_per_km=factor.grams_per_km,
        carbon_minor_per_tonne=facts.figures.carbon_minor_per_tonne,
    )
    starts_s, ends_s = _seconds(origin, max(one.starts_at, now)), _seconds(origin, one.ends_at)
    rest = one.ends_at - one.starts_at > BREAK_AFTER and one.starts_at >= now
    return TourVehicle(
        id=f"{one.vehicle_id} {one.starts_at:%H:%M}",
        kind=number,
        start=0,
        end=0,
        starts_s=starts_s,
        ends_s=ends_s,
        capacity=Load(kind.stops_per_trip, 0, kind.volume_ml, kind.weight_g, kind.chilled_ml, kind.frozen_ml),
        range_m=max(0, kind.range_m - one.driven_m),
        cost_minor_per_km=per_km,
        overtime_s=int(one.overtime.total_seconds()),
        overtime_minor_per_h=facts.wage_minor_per_h * OVERTIME_BP // 10_000,
        # Tentative tours count no trips, so neither do these: at the most one for each drop.
        reloads=max(0, len(facts.bookings) - 1),
        reload_s=kind.reload_s,
        breaks=(Break(starts_s + BREAK_EARLIEST_S, starts_s + BREAK_LATEST_S, BREAK_S),) if rest else (),
        skills=frozenset(kind.able),
    )


def _drop(
    facts: TourFacts,
    kinds: Sequence[VehicleClass],
    points: Sequence[Point],
    origin: datetime,
    booking: DeliveryBooking,
    lockers: Sequence[CollectionPoint],
    ready: Mapping[str, datetime],
) -> tuple[Drop, tuple[str, ...], tuple[str | None, ...]]:
    """A booking as a drop, the slot of each of its ways, and its locker where it is one.

    Where lockers are accepted each window has a way at the door and one at each of them; where its zone has
    low-emission hours, combustion engines have ways of their own in the hours between. A flexible one may
    be brought in any of its windows that its pool's hour lies in: narrowing it to one of those takes nothing
    from other pools.
    """
    windows = _windows(facts, booking)
    able = [n for n, kind in enumerate(kinds) if _may(facts, kind, booking)]
    times = [
        (window, slot_id, mine)
        for told, slot_id in windows
        for window, mine in _times(facts, kinds, able, booking.zone_id, told)
    ]
    # A drop that nobody may bring is told as well: whoever asks sees what is left out.
    comes = sorted({n for *_, mine in times for n in mine or able})
    times = times or [(*windows[0], ())]
    at_door_s = facts.preferences[booking.drop_preference_id].at_door_s
    policy = facts.locker_policy
    places: list[tuple[str | None, Point, int]] = [(None, booking.point, at_door_s)]
    if policy is not None:
        places += [(one.id, one.point, policy.at_door_s) for one in lockers]
    ways, found = [], []
    for (window, slot_id, mine), (locker_id, point, door_s) in product(times, places):
        parking_s = _parking_s(facts, booking.zone_id, window)
        found.append((slot_id, locker_id))
        ways.append(
            Way(
                place=points.index(point),
                opens_s=_seconds(origin, window.start),
                # The window does not contain its end.
                closes_s=_seconds(origin, window.end) - 1,
                at_door_s=tuple(door_s * kind.handover_bp // 10_000 for kind in kinds),
                parking_s=tuple(parking_s * kind.parking_bp // 10_000 for kind in kinds),
                dearer_minor=AWAY_MINOR if locker_id else 0,
                kinds=mine,
            )
        )
    load = booking.load
    drop = Drop(
        id=booking.id,
        load=Load(1, 0, load.volume_ml, load.weight_g, load.chilled_ml, load.frozen_ml),
        ways=tuple(ways),
        kinds=tuple(comes) or (len(kinds),),
        needs=frozenset(booking.basket.needs),
        ready_s=_seconds(origin, ready[booking.id]) if booking.id in ready else 0,
        low_emission_s=_low_emission_s(facts, origin, booking),
    )
    return drop, tuple(slot for slot, _ in found), tuple(locker for _, locker in found)


def _windows(facts: TourFacts, booking: DeliveryBooking) -> list[tuple[Window, str]]:
    """The windows that a booking may be brought in, with their slots."""
    pool = facts.pools[booking.pool_id]
    windows = [(slot.window, slot.id) for slot in facts.choices.get(booking.id, ())]
    windows = [one for one in windows if one[0].covers(pool.window)]
    if windows:
        return windows
    planned = facts.slots[booking.slot_id].window if booking.id in facts.choices else booking.window
    return [(planned, booking.slot_id)]


def _times(
    facts: TourFacts, kinds: Sequence[VehicleClass], able: Sequence[int], zone_id: str, window: Window
) -> list[tuple[Window, tuple[int, ...]]]:
    """When which of the able kinds may hand over in a window, none named where that is the same for all.

    Combustion engines have each stretch between the low-emission hours of the zone.
    """
    closed = _low_emission(facts, zone_id)
    stretches = list(open_spans(window, facts.city.time_zone, closed))
    burning = tuple(n for n in able if kinds[n].combustion)
    if not burning or stretches == [window]:
        return [(window, ())]
    clean = tuple(n for n in able if n not in burning)
    apart = [(stretch, burning) for stretch in stretches]
    return [(window, clean), *apart] if clean else apart


def _lockers(
    facts: TourFacts, kinds: Sequence[VehicleClass], booking: DeliveryBooking
) -> list[CollectionPoint]:
    """The lockers that a booking may go to as well: they have a compartment for it, and every vehicle that
    may come to its door reaches them."""
    able = [kind for kind in kinds if _may(facts, kind, booking)]

    def reached(locker: CollectionPoint) -> bool:
        far_m = distance_m(facts.node.point, locker.point)
        shut = barred(facts.closed, booking.window, locker.point, locker.address_label)
        return all(
            (kind.reach_m is None or far_m <= kind.reach_m) and not (shut and kind.kind in MOTORED)
            for kind in able
        )

    roomy = facts.roomy.get(booking.id, ())
    return [one for one in usable(dict(facts.lockers), roomy, booking.basket) if reached(one)]


def _may(facts: TourFacts, kind: VehicleClass, booking: DeliveryBooking) -> bool:
    if kind.kind in MOTORED and barred(facts.closed, booking.window, booking.point, booking.address_label):
        return False
    # A class is planned by the middle of a zone, so the one that was promised also comes to its edge.
    promised = facts.pools[booking.pool_id].vehicle_class_id == kind.id
    return promised or kind.reach_m is None or distance_m(facts.node.point, booking.point) <= kind.reach_m


def _low_emission(facts: TourFacts, zone_id: str) -> list[int]:
    """The local hours in which a zone is closed to combustion engines."""
    return [hour for hour in range(24) if (known := facts.hours.get((zone_id, hour))) and known.low_emission]


def _low_emission_s(
    facts: TourFacts, origin: datetime, booking: DeliveryBooking
) -> tuple[tuple[int, int], ...]:
    """From when to when the booking's zone is closed to combustion engines, on its day and into the night."""
    day = Window(origin, origin + timedelta(hours=_HOURS))
    spans = closed_spans(day, facts.city.time_zone, _low_emission(facts, booking.zone_id))
    return tuple((_seconds(origin, one.start), _seconds(origin, one.end)) for one in spans)


def _seconds(origin: datetime, at: datetime) -> int:
    return round((at - origin).total_seconds())


def _parking_s(facts: TourFacts, zone_id: str, window: Window) -> int:
    """Parking in the worst hour that a window touches, as the tentative tours reckon."""
    known = [facts.hours.get((zone_id, hour)) for hour in hours_of(window, facts.city.time_zone)]
    return max((hour.parking_s for hour in known if hour), default=0)


def _hours(facts: TourFacts, origin: datetime) -> list[tuple[int, int]]:
    """The local hours at which any street changes its speed: (seconds, hour of the day), the day's 0 first.

    A day with a clock change has its hours at their real seconds.
    """
    zone = ZoneInfo(facts.city.time_zone)
    hours = [(n * 3_600, (origin + timedelta(hours=n)).astimezone(zone).hour) for n in range(_HOURS)]

    def speeds(hour: int) -> list[int]:
        known = (facts.hours.get((one.id, hour)) for one in facts.zones)
        return [found.slowdown_bp if found else 10_000 for found in known]

    changed = [new for old, new in pairwise(hours) if speeds(old[1]) != speeds(new[1])]
    return [hours[0], *changed]


def _slower(facts: TourFacts, points: Sequence[Point], hour: int) -> tuple[int, ...]:
    """How slow each place is in an hour: that of its booking's zone, or of the zone nearest to the node."""
    zone_of = {locker.point: b.zone_id for b in facts.bookings for locker in _named(facts, b)}
    zone_of |= {booking.point: booking.zone_id for booking in facts.bookings}
    nearest = min(facts.zones, key=lambda zone: distance_m(zone.centre, facts.node.point))
    found = (facts.hours.get((zone_of.get(point, nearest.id), hour)) for point in points)
    return tuple(one.slowdown_bp if one else 10_000 for one in found)


def _named(facts: TourFacts, booking: DeliveryBooking) -> list[CollectionPoint]:
    return [facts.lockers[key] for key in booking.lockers if key in facts.lockers]
