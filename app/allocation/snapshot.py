"""Freeze what a capacity plan must know: demand, fleet, shifts, streets, and what is promised already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.arcs import Placed, Streets
from app.allocation.demand import groups as demand_groups
from app.allocation.errors import NothingToPlan
from app.allocation.learn import Lessons, lessons
from app.allocation.problem import (
    DayProblem,
    Fleet,
    Node,
    OpeningRule,
    Problem,
    ShiftOption,
    Taken,
    Wave,
)
from app.allocation.soundness import covers_nothing
from app.allocation.tables import PlanningFigures
from app.allocation.to_come import ToCome, read_to_come, recent_needs
from app.booking.rules import BookingStatus
from app.booking.tables import DeliveryBooking
from app.capacity.tables import CapacityPool
from app.database.rows import rows, table_of
from app.fleet.outages import outages_within
from app.fleet.rostered import touches
from app.fleet.rules import PremiumKind, wage_minor
from app.fleet.tables import (
    EmissionFactor,
    ShiftPattern,
    Vehicle,
    VehicleClass,
    VehicleOutage,
    WagePremium,
    WageRule,
)
from app.handover.queries import policies
from app.handover.rules import HandoverMode
from app.places.tables import City, FulfilmentNode, ServiceZone, ZoneHour
from app.slots.calendar import Calendar
from app.slots.queries import read_calendar
from app.slots.rules import elementary_buckets, holiday_on, wall_time, wave_of, window_on
from app.values.window import SkippedLocalTime, Window, local_day


def snapshot(conn: Connection, *, now: datetime, first: date, days: int) -> Problem:
    """The problem of the local days `first`.. of the city; windows that have begun are left out.

    Raises NothingToPlan, saying what is missing, when no plan could work.
    """
    facts = _read(conn, now, first, days)
    fleets, nodes = _fleets(facts), _nodes(facts, first, days)
    if not fleets:
        raise NothingToPlan(what="No vehicle is in service; add one, or bring one back into service.")
    planned = [_day(facts, fleets, first, first + timedelta(days=n)) for n in range(days)]
    if not any(day.shifts for day in planned):
        raise NothingToPlan(what=covers_nothing(facts.patterns))
    if not any(day.arcs for day in planned):
        raise NothingToPlan(what="No vehicle reaches any zone; check the reach of classes and the nodes.")
    return Problem(
        currency=facts.figures.currency,
        margin_minor=facts.figures.margin_minor,
        usable_bp=facts.figures.usable_bp,
        small_orders_bp=facts.figures.small_orders_bp,
        at_door_s=facts.at_door_s,
        zones=tuple(zone.id for zone in facts.zones),
        nodes=nodes,
        fleets=fleets,
        days=tuple(planned),
        needs=recent_needs(conn, now=now),
    )


@dataclass(frozen=True)
class _Facts:
    """The rows a problem is made of."""

    now: datetime
    city: City
    figures: PlanningFigures
    zones: list[ServiceZone]
    hours: dict[tuple[str, int], ZoneHour]
    nodes: list[FulfilmentNode]
    classes: list[VehicleClass]
    factors: dict[str, EmissionFactor]
    vehicles: dict[tuple[str, str], int]
    patterns: list[ShiftPattern]
    wage: WageRule
    premiums: dict[PremiumKind, WagePremium]
    calendar: Calendar
    at_door_s: int
    pools: list[CapacityPool]
    to_come: ToCome
    placed: Placed
    lessons: Lessons
    outages: list[VehicleOutage]


def _read(conn: Connection, now: datetime, first: date, days: int) -> _Facts:
    last = first + timedelta(days=days - 1)
    cities = rows(conn, City, sa.select(table_of(City)).order_by("id").limit(1))
    figures = rows(conn, PlanningFigures, sa.select(table_of(PlanningFigures)))
    if not cities or not figures:
        raise NothingToPlan(
            what="No city with planning figures is loaded; run `lastlap demo` or load a seed."
        )
    wages = rows(conn, WageRule, sa.select(table_of(WageRule)).order_by(sa.desc("valid_from")))
    wage = next((w for w in wages if w.valid_from <= last), None)
    zones = rows(conn, ServiceZone, sa.select(table_of(ServiceZone)).order_by("code"))
    if not zones or wage is None:
        missing = "service zone; import a city" if wage else "wage rule; load a seed"
        raise NothingToPlan(what=f"There is no {missing} first.")
    door = next((p.at_door_s for p in policies(conn) if p.mode is HandoverMode.ATTENDED), 0)
    classes = rows(conn, VehicleClass, sa.select(table_of(VehicleClass)).order_by("key"))
    return _Facts(
        now=now,
        city=cities[0],
        figures=figures[0],
        zones=zones,
        hours={(h.zone_id, h.hour): h for h in rows(conn, ZoneHour, sa.select(table_of(ZoneHour)))},
        nodes=rows(conn, FulfilmentNode, sa.select(table_of(FulfilmentNode)).order_by("key")),
        classes=classes,
        factors={f.id: f for f in rows(conn, EmissionFactor, sa.select(table_of(EmissionFactor)))},
        vehicles=_vehicles(conn),
        patterns=rows(conn, ShiftPattern, sa.select(table_of(ShiftPattern)).order_by("key")),
        wage=wage,
        premiums={p.kind: p for p in rows(conn, WagePremium, sa.select(table_of(WagePremium)))},
        calendar=read_calendar(conn),
        at_door_s=door,
        pools=_taken_pools(conn, first, last),
        to_come=read_to_come(conn, figures=figures[0], first=first, last=last),
        placed=_placed(conn, first, last),
        lessons=lessons(conn),
        outages=outages_within(conn, Window(now, now + timedelta(days=(last - now.date()).days + 2))),
    )


def _vehicles(conn: Connection) -> dict[tuple[str, str], int]:
    vehicle = table_of(Vehicle)
    by = (vehicle.c.node_id, vehicle.c.vehicle_class_id)
    serving = sa.select(*by, sa.func.count()).where(vehicle.c.out_of_service.is_(False)).group_by(*by)
    return {(node_id, class_id): count for node_id, class_id, count in conn.execute(serving)}


def _taken_pools(conn: Connection, first: date, last: date) -> list[CapacityPool]:
    pool = table_of(CapacityPool)
    taken = pool.c.held_orders + pool.c.booked_orders > 0
    of_days = pool.c.day.between(first, last)
    return rows(conn, CapacityPool, sa.select(pool).where(of_days, taken).order_by(pool.c.id))


def _placed(conn: Connection, first: date, last: date) -> Placed:
    """Drops that are booked already, by pool and zone: the next one is nearer to them."""
    booking, pool = table_of(DeliveryBooking), table_of(CapacityPool)
    by = (pool.c.node_id, pool.c.vehicle_class_id, pool.c.starts_at, booking.c.zone_id)
    counted = conn.execute(
        sa.select(*by, sa.func.count())
        .join(pool, pool.c.id == booking.c.pool_id)
        .where(booking.c.status != BookingStatus.CANCELLED, pool.c.day.between(first, last))
        .group_by(*by)
    )
    return {(node, kind, start, zone): drops for node, kind, start, zone, drops in counted}


def _fleets(facts: _Facts) -> tuple[Fleet, ...]:
    metre = {kind.id: _streets(facts).metre(kind) for kind in facts.classes}
    return tuple(
        Fleet(
            node=n,
            class_id=kind.id,
            class_name=kind.name,
            kind=kind.kind,
            vehicles=facts.vehicles[node.id, kind.id],
            range_m=kind.range_m,
            small_orders_only=kind.small_orders_only,
            stops_per_trip=kind.stops_per_trip,
            volume_ml=kind.volume_ml,
            weight_g=kind.weight_g,
            chilled_ml=kind.chilled_ml,
            frozen_ml=kind.frozen_ml,
            combustion=kind.combustion,
            minor_per_m=metre[kind.id][0],
            grams_per_m=metre[kind.id][1],
            skills=tuple(sorted(kind.able)),
        )
        for n, node in enumerate(facts.nodes)
        for kind in facts.classes
        if facts.vehicles.get((node.id, kind.id))
    )


def _week(first: date, day: date) -> int:
    """Which calendar week of the plan a day is in, 0 for the first."""
    return ((day - timedelta(days=day.weekday())) - (first - timedelta(days=first.weekday()))).days // 7


def _nodes(facts: _Facts, first: date, days: int) -> tuple[Node, ...]:
    """Nodes with the drivers' hours of each week, in proportion where the plan has only part of it."""
    weeks: dict[int, int] = defaultdict(int)
    for n in range(days):
        weeks[_week(first, first + timedelta(days=n))] += 1
    return tuple(
        Node(
            id=node.id,
            name=node.name,
            door_orders_per_h=node.door_orders_per_h,
            hours=tuple(node.driver_hours_per_week * weeks[week] / 7 for week in sorted(weeks)),
        )
        for node in facts.nodes
    )


def _day(facts: _Facts, fleets: Sequence[Fleet], first: date, day: date) -> DayProblem:
    windows = facts.calendar.windows(facts.zones, day)
    # What is promised in a window that the calendar has no more is still to be brought.
    promised = [pool.window for pool in facts.pools if pool.day == day]
    known = [*windows.values(), *promised]
    ahead = [w for w in known if w.start > facts.now]
    streets = _streets(facts)
    pieces = elementary_buckets(known, streets.cuts(known))
    buckets = [b for b in pieces if any(w.covers(b) for w in ahead)]
    groups = demand_groups(
        facts.figures,
        day=day,
        daily_orders=[facts.to_come.orders(zone, day) for zone in facts.zones],
        windows=windows,
        buckets=buckets,
        forecast=facts.to_come.weights(day),
    )
    return DayProblem(
        day=day,
        week=_week(first, day),
        buckets=tuple(buckets),
        groups=tuple(groups),
        arcs=tuple(streets.arcs(fleets, buckets, facts.placed)),
        shifts=tuple(_shifts(facts, fleets, day, buckets)),
        taken=tuple(_taken(facts, fleets, buckets)),
        waves=tuple(_waves(facts, day, buckets)),
        low_emission=tuple(streets.low_emission(buckets)),
        openings=tuple(_openings(facts)),
        out=tuple(_out(facts, fleets, buckets)),
    )


def _out(facts: _Facts, fleets: Sequence[Fleet], buckets: Sequence[Window]) -> Iterator[tuple[int, int, int]]:
    """The vehicles of each fleet that are out in each bucket."""
    for f, fleet in enumerate(fleets):
        mine = [
            one
            for one in facts.outages
            if one.node_id == facts.nodes[fleet.node].id and one.vehicle_class_id in (None, fleet.class_id)
        ]
        for b, bucket in enumerate(buckets):
            gone = [fleet.vehicles if o.vehicles is None else o.vehicles for o in mine if touches(o, bucket)]
            if gone:
                yield f, b, min(fleet.vehicles, sum(gone))


def _streets(facts: _Facts) -> Streets:
    return Streets(
        figures=facts.figures,
        zones=facts.zones,
        hours=facts.hours,
        nodes=facts.nodes,
        classes={kind.id: kind for kind in facts.classes},
        factors=facts.factors,
        time_zone=facts.city.time_zone,
        at_door_s=facts.at_door_s,
        wage_minor_per_h=facts.wage.wage_minor_per_h,
        lessons=facts.lessons,
    )


def _waves(facts: _Facts, day: date, buckets: Sequence[Window]) -> list[Wave]:
    """The bounded picking waves that feed buckets of the day, with what each has taken already."""

    def fed_by(node_id: str, start: datetime) -> str | None:
        wave = wave_of(facts.calendar.waves, node_id, start, facts.city.time_zone)
        return wave.id if wave else None

    pools = [pool for pool in facts.pools if pool.day == day]
    found = []
    for n, node in enumerate(facts.nodes):
        for wave in facts.calendar.waves:
            fed = tuple(b for b, bucket in enumerate(buckets) if fed_by(node.id, bucket.start) == wave.id)
            if wave.capacity_orders is not None and fed:
                taken = sum(
                    pool.held_orders + pool.booked_orders
                    for pool in pools
                    if pool.node_id == node.id and fed_by(node.id, pool.starts_at) == wave.id
                )
                found.append(Wave(n, fed, wave.capacity_orders, taken))
    return found


def _openings(facts: _Facts) -> list[OpeningRule]:
    """For each zone that a rule names the first such rule; a rule without zones is for all."""
    return [
        OpeningRule(z, rule["least"], rule["most"], rule["cost_minor"], rule["service_bp"])
        for z, zone in enumerate(facts.zones)
        for rule in [
            next((r for r in facts.figures.opening if zone.code in r.get("zones", [zone.code])), None)
        ]
        if rule
    ]


def _shifts(
    facts: _Facts, fleets: Sequence[Fleet], day: date, buckets: Sequence[Window]
) -> list[ShiftOption]:
    kinds = {kind.id: kind for kind in facts.classes}
    holiday = holiday_on(day, facts.city.country_code, facts.city.holiday_region) is not None
    working = _working(facts, day)
    evening = facts.premiums.get(PremiumKind.EVENING)
    offered = []
    for pattern in facts.patterns:
        if str(day.isoweekday()) not in pattern.weekdays:
            continue
        window = _pattern_window(pattern, day, facts.city.time_zone)
        covers = tuple(b for b, bucket in enumerate(buckets) if window and window.covers(bucket))
        if window is None or not covers:
            continue
        wage = wage_minor(
            window,
            zone=facts.city.time_zone,
            wage_minor_per_h=facts.wage.wage_minor_per_h,
            premiums_bp={kind: premium.premium_bp for kind, premium in facts.premiums.items()},
            evening_from=wall_time(evening.from_local if evening and evening.from_local else "23:59"),
            holiday=holiday,
        )
        hours = window.duration.total_seconds() / 3600
        for f, fleet in enumerate(fleets):
            if facts.nodes[fleet.node].id not in working:
                continue
            cost = wage + kinds[fleet.class_id].day_cost_minor
            offered.append(ShiftOption(f, pattern.id, window, hours, cost, covers))
    return offered


def _working(facts: _Facts, day: date) -> set[str | None]:
    """The nodes that the calendar lets work on a day, and those that have promised something then."""
    served = (planned for zone in facts.zones for planned in facts.calendar.day(zone, day)[0])
    open_nodes = {
        node for planned in served for node, serving in planned.nodes.items() if serving.closed is None
    }
    return open_nodes | {pool.node_id for pool in facts.pools if pool.day == day}


def _pattern_window(pattern: ShiftPattern, day: date, zone: str) -> Window | None:
    try:
        return window_on(_AsTemplate(pattern), day, zone)
    except SkippedLocalTime:
        return None


class _AsTemplate:
    """A shift pattern seen as a window of local hours."""

    rrule = ""
    valid_from = date.min
    valid_until: date | None = None

    def __init__(self, pattern: ShiftPattern) -> None:
        self.name = pattern.name
        self.starts_local = pattern.starts_local
        self.ends_local = pattern.ends_local


def _taken(facts: _Facts, fleets: Sequence[Fleet], buckets: Sequence[Window]) -> list[Taken]:
    place = {(facts.nodes[fleet.node].id, fleet.class_id): f for f, fleet in enumerate(fleets)}
    starts = {bucket.start: b for b, bucket in enumerate(buckets)}
    return [
        Taken(
            fleet=place[pool.node_id, pool.vehicle_class_id],
            bucket=starts[pool.starts_at],
            work_s=pool.held_work_s + pool.booked_work_s,
            orders=pool.held_orders + pool.booked_orders,
        )
        for pool in facts.pools
        if (pool.node_id, pool.vehicle_class_id) in place and pool.starts_at in starts
    ]


def plan_days(conn: Connection, *, now: datetime) -> date:
    """The first local day a plan starts with: today in the city's time zone."""
    city = rows(conn, City, sa.select(table_of(City)).order_by("id").limit(1))
    if not city:
        raise NothingToPlan(what="No city is loaded; run `lastlap demo` or `lastlap city import FILE`.")
    return local_day(now, city[0].time_zone)
