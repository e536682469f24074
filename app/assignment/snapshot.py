"""Freeze what an assignment of a day's bookings must know: pools and their room, orders and their choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.orders import Choice, OpenPool, Order, OrderProblem
from app.assignment.rules import keeps_cold, move_minor, overtime_s, partner_minor
from app.assignment.tables import AssignmentFigures, BookingAllocation, BookingMove
from app.booking.flexible import choices_of, flexible_of
from app.booking.rules import BookingStatus
from app.booking.tables import DeliveryBooking
from app.capacity.queries import reaches_of
from app.capacity.rules import Reach
from app.capacity.tables import CapacityPool, PickLoad
from app.database.rows import rows, table_of
from app.fleet.rules import MOTORED, VehicleKind
from app.fleet.tables import VehicleClass, WageRule
from app.handover.queries import preferences_by_id
from app.handover.tables import DropPreference
from app.places.closures import barred, closed_streets
from app.places.tables import FulfilmentNode
from app.pricing.rules import promised_grams
from app.slots.closings import Closings, Gate
from app.slots.queries import all_closings, slots_by_id
from app.slots.tables import DeliverySlot
from app.values.basket import VehicleSkill
from app.values.load import DIMENSIONS, Load
from app.values.window import Window

# Each order keeps so many of its cheapest choices, and where it is.
MOST_CHOICES = 14
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Scope:
    """Which bookings a run may move.

    `lost` are pools that have lost vehicles: what is in them may move whatever has been picked. `barred` are
    kinds of vehicles that cannot reach some bookings any more. `loaded` are on other vehicles already, and
    stay; `stranded` may move wherever they are. `at_cutoff`: what was not assigned since its cut-off is not
    picked yet.
    """

    lost: frozenset[str] = frozenset()
    at_cutoff: bool = False
    barred: Mapping[str, frozenset[VehicleKind]] = field(default_factory=dict)
    loaded: frozenset[str] = frozenset()
    stranded: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Frozen:
    """A problem with the rows it was made of: bookings in its order, and the reach behind each choice."""

    problem: OrderProblem
    bookings: tuple[DeliveryBooking, ...]
    windows: dict[str, list[DeliverySlot]]
    reaches: dict[tuple[str, str], Reach]
    preferences: dict[str, DropPreference]
    slots: dict[str, DeliverySlot]


def freeze(conn: Connection, *, now: datetime, day: date, scope: Scope | None = None) -> Frozen:
    """The problem of a local day's confirmed bookings; holds and what is under way are fixed load."""
    scope = scope or Scope()
    facts = _read(conn, now, day, scope)
    closed = closed_streets(conn, _span(facts.bookings, now))
    shut = {b.id: MOTORED for b in facts.bookings if barred(closed, b.window, b.point, b.address_label)}
    scope = replace(scope, barred={**shut, **scope.barred})
    number = {pool.id: p for p, pool in enumerate(facts.pools)}
    waves = sorted({pool.pick_load_id for pool in facts.pools if pool.pick_load_id})
    fixed = {pool.id: pool.loads("held") + pool.loads("booked") for pool in facts.pools}
    for booking in facts.bookings:
        if booking.pool_id in fixed:
            fixed[booking.pool_id] = fixed[booking.pool_id] - booking.load
    orders = tuple(_order(facts, scope, booking, number) for booking in facts.bookings)
    problem = OrderProblem(
        day=day,
        currency=facts.currency,
        pools=tuple(_pool(facts, scope, pool, fixed[pool.id], waves) for pool in facts.pools),
        waves=tuple(_wave_room(facts, wave) for wave in waves),
        orders=orders,
    )
    return Frozen(
        problem, tuple(facts.bookings), facts.windows, facts.reaches, facts.preferences, facts.slots
    )


def _span(bookings: Sequence[DeliveryBooking], now: datetime) -> Window:
    """All the time in which any of these may be brought."""
    return Window(
        now, max((b.ends_at for b in bookings if b.ends_at > now), default=now + timedelta(hours=1))
    )


@dataclass(frozen=True)
class _Facts:
    """The rows a problem is made of; `reaches` by pool and zone, `windows` those of flexible bookings."""

    now: datetime
    figures: AssignmentFigures
    currency: str
    wage_minor_per_h: int
    pools: list[CapacityPool]
    able: dict[str, frozenset[VehicleSkill]]
    waves: dict[str, PickLoad]
    bookings: list[DeliveryBooking]
    present: dict[str, CapacityPool]
    assigned_at: dict[str, datetime]
    toured: frozenset[str]
    windows: dict[str, list[DeliverySlot]]
    slots: dict[str, DeliverySlot]
    reaches: dict[tuple[str, str], Reach]
    by_zone: dict[str, list[Reach]]
    preferences: dict[str, DropPreference]
    closings: Closings


def _read(conn: Connection, now: datetime, day: date, scope: Scope) -> _Facts:
    table = table_of(CapacityPool)
    all_pools = rows(
        conn, CapacityPool, sa.select(table).where(table.c.day == day, table.c.ends_at > now).order_by("id")
    )
    present = {pool.id: pool for pool in all_pools}
    assigned_at = _assigned_at(conn, day)
    open_bookings = [
        booking
        for booking in _bookings(conn, now, day)
        if _open(now, booking, present, assigned_at.get(booking.id), scope)
    ]
    pools = [p for p in all_pools if p.starts_at > now or p.id in scope.lost]
    zones = sorted({booking.zone_id for booking in open_bookings})
    by_zone = {zone: _reaches(conn, now, zone, pools) for zone in zones}
    wages = rows(conn, WageRule, sa.select(table_of(WageRule)).order_by(sa.desc("valid_from")).limit(1))
    flexible = flexible_of(conn, [booking.id for booking in open_bookings])
    undecided = [b for b in open_bookings if b.id in flexible and flexible[b.id].narrowed_at is None]
    choices = choices_of(conn, [booking.hold_id for booking in undecided])
    load = table_of(PickLoad)
    return _Facts(
        now=now,
        figures=_figures(conn, pools),
        currency=open_bookings[0].currency if open_bookings else (wages[0].currency if wages else "EUR"),
        wage_minor_per_h=wages[0].wage_minor_per_h if wages else 1_700,
        pools=pools,
        able={one.id: one.able for one in rows(conn, VehicleClass, sa.select(table_of(VehicleClass)))},
        waves={w.id: w for w in rows(conn, PickLoad, sa.select(load).where(load.c.day == day))},
        bookings=open_bookings,
        present=present,
        assigned_at=assigned_at,
        toured=_toured(conn, day),
        windows={b.id: choices[b.hold_id] for b in undecided},
        slots={s.id: s for s in slots_by_id(conn, [b.slot_id for b in open_bookings])},
        reaches={(r.pool_id, zone): r for zone, found in by_zone.items() for r in found},
        by_zone=by_zone,
        preferences=preferences_by_id(conn, [one.drop_preference_id for one in open_bookings]),
        closings=all_closings(conn, first=day, last=day),
    )


def _bookings(conn: Connection, now: datetime, day: date) -> list[DeliveryBooking]:
    booking, pool = table_of(DeliveryBooking), table_of(CapacityPool)
    open_states = (BookingStatus.CONFIRMED, BookingStatus.LOCKED, BookingStatus.IN_FULFILMENT)
    query = (
        sa.select(booking)
        .join(pool, pool.c.id == booking.c.pool_id)
        .where(pool.c.day == day, booking.c.status.in_(open_states), booking.c.ends_at > now)
        .order_by(booking.c.created_at, booking.c.id)
    )
    return rows(conn, DeliveryBooking, query)


def _open(
    now: datetime,
    booking: DeliveryBooking,
    present: Mapping[str, CapacityPool],
    assigned_at: datetime | None,
    scope: Scope,
) -> bool:
    """Whether a run may move it: what is picked stays, unless what should bring it is lost."""
    pool = present.get(booking.pool_id)
    if booking.id in scope.loaded:
        return False
    if booking.partner_courier or booking.pool_id in scope.lost or booking.id in scope.barred:
        return True
    if booking.id in scope.stranded:
        return True
    if pool is None or pool.starts_at <= now or booking.status is not BookingStatus.CONFIRMED:
        return False
    return not _picked(now, booking, assigned_at, scope)


def _picked(now: datetime, booking: DeliveryBooking, assigned_at: datetime | None, scope: Scope) -> bool:
    if booking.status is not BookingStatus.CONFIRMED:
        return True
    if now < booking.cutoff_at:
        return False
    return not scope.at_cutoff or (assigned_at is not None and assigned_at >= booking.cutoff_at)


def _assigned_at(conn: Connection, day: date) -> dict[str, datetime]:
    allocation, booking = table_of(BookingAllocation), table_of(DeliveryBooking)
    pool = table_of(CapacityPool)
    query = (
        sa.select(allocation.c.booking_id, allocation.c.at)
        .join(booking, booking.c.id == allocation.c.booking_id)
        .join(pool, pool.c.id == booking.c.pool_id)
        .where(pool.c.day == day)
    )
    return {row.booking_id: row.at for row in conn.execute(query)}


def _toured(conn: Connection, day: date) -> frozenset[str]:
    """The bookings whose pool was chosen with better tentative tours."""
    move, booking = table_of(BookingMove), table_of(DeliveryBooking)
    pool = table_of(CapacityPool)
    query = (
        sa.select(booking.c.id)
        .join(pool, pool.c.id == booking.c.pool_id)
        .join(move, sa.and_(move.c.booking_id == booking.c.id, move.c.after_pool_id == booking.c.pool_id))
        .where(pool.c.day == day, move.c.run_id.is_(None))
    )
    return frozenset(conn.execute(query).scalars())


def _reaches(conn: Connection, now: datetime, zone_id: str, pools: Sequence[CapacityPool]) -> list[Reach]:
    if not pools:
        return []
    span = Window(min(p.starts_at for p in pools), max(p.ends_at for p in pools))
    known = {pool.id for pool in pools}
    return [r for r in reaches_of(conn, now=now, zone_id=zone_id, span=span) if r.pool_id in known]


def _figures(conn: Connection, pools: Sequence[CapacityPool]) -> AssignmentFigures:
    node, table = table_of(FulfilmentNode), table_of(AssignmentFigures)
    nodes = {pool.node_id for pool in pools}
    query = sa.select(table).where(table.c.city_id.in_(sa.select(node.c.city_id).where(node.c.id.in_(nodes))))
    return next(iter(rows(conn, AssignmentFigures, query)), AssignmentFigures(city_id=""))


def _wave_room(facts: _Facts, wave_id: str) -> int:
    """The orders a picking wave still takes, those of the problem taken out of it."""
    wave = facts.waves[wave_id]
    ours = sum(
        booking.load.orders
        for booking in facts.bookings
        if (pool := facts.present.get(booking.pool_id)) is not None and pool.pick_load_id == wave_id
    )
    others = wave.held_orders + wave.booked_orders - ours
    # Never less than it has: what is there may stay.
    return max(wave.sell_orders - others, ours)


def _pool(facts: _Facts, scope: Scope, pool: CapacityPool, fixed: Load, waves: Sequence[str]) -> OpenPool:
    sell, used = pool.loads("sell"), pool.loads("held") + pool.loads("booked")
    late_s = overtime_s(facts.figures, sell, pool.loads("cap"))
    if pool.id not in scope.lost and pool.vehicles > 0:
        # An overbooked pool whose vehicles are there keeps what it has.
        late_s = max(late_s, used.work_s - sell.work_s)
        sell = Load(*(s if d == "work_s" else max(s, u) for d, s, u in _each(sell, used)))
    if pool.protected_until is not None and pool.protected_until > facts.now:
        kept = max(0, pool.protected_orders - pool.protected_used)
        sell = Load(max(sell.orders - kept, min(sell.orders, used.orders)), *_rest(sell))
    # Fixed work beyond what is sold is overtime that is spent already.
    spent_s = max(0, fixed.work_s - sell.work_s)
    return OpenPool(
        id=pool.id,
        node_id=pool.node_id,
        class_id=pool.vehicle_class_id,
        window=pool.window,
        room=Load(*(max(0, s - f) for _, s, f in _each(sell, fixed))),
        overtime_s=max(0, late_s - spent_s),
        overtime_minor=facts.wage_minor_per_h * facts.figures.overtime_bp / 10_000 / 60,
        wave=waves.index(pool.pick_load_id) if pool.pick_load_id else None,
        skills=tuple(sorted(facts.able[pool.vehicle_class_id])),
    )


def _each(one: Load, other: Load) -> list[tuple[str, int, int]]:
    return [(d, getattr(one, d), getattr(other, d)) for d in DIMENSIONS]


def _rest(load: Load) -> list[int]:
    return [getattr(load, d) for d in DIMENSIONS[1:]]


def _order(facts: _Facts, scope: Scope, booking: DeliveryBooking, number: Mapping[str, int]) -> Order:
    made = sorted(_choices(facts, scope, booking, number), key=lambda c: c.price)
    here = number.get(booking.pool_id)
    kept = made[:MOST_CHOICES] + [c for c in made[MOST_CHOICES:] if c.pool == here]
    load = booking.basket.load(0)
    return Order(
        id=booking.id,
        volume_ml=load.volume_ml,
        weight_g=load.weight_g,
        chilled_ml=load.chilled_ml,
        frozen_ml=load.frozen_ml,
        partner_minor=partner_minor(
            facts.figures, volume_ml=load.volume_ml, promised_for=facts.now - booking.created_at
        ),
        present=None if booking.partner_courier else here,
        choices=tuple(kept),
        needs=tuple(sorted(booking.basket.needs)),
    )


def _choices(
    facts: _Facts, scope: Scope, booking: DeliveryBooking, number: Mapping[str, int]
) -> list[Choice]:
    """The pools that may serve a booking; the one that serves it now is among them while it is there."""
    picked = _picked(facts.now, booking, facts.assigned_at.get(booking.id), scope)
    before = facts.present.get(booking.pool_id)
    # The hour counts more than the grams for whoever would otherwise lose it.
    rescued = (
        before is None
        or before.sell_orders == 0
        or before.id in scope.lost
        or booking.id in scope.barred
        or not booking.basket.needs <= facts.able[before.vehicle_class_id]
    )
    # What better tours have chosen is disturbed at the full price, lest two rules undo each other.
    settled = picked or booking.id in facts.toured
    at_door_s = facts.preferences[booking.drop_preference_id].at_door_s
    found = []
    for reach in facts.by_zone[booking.zone_id]:
        window = _window_of(facts, booking, reach)
        is_here = reach.pool_id == booking.pool_id and not booking.partner_courier
        if window is None or reach.vehicle_kind in scope.barred.get(booking.id, ()):
            continue
        if reach.lacks(booking.basket):
            # Also of the pool that it is in, whose class may have been able to do more.
            continue
        if not is_here and not _may_enter(
            facts, booking, reach, window, before, picked=picked, rescued=rescued
        ):
            continue
        work_s = booking.work_s if is_here else reach.drop_s(at_door_s)
        pool = facts.pools[number[reach.pool_id]]
        worth = reach.minute_worth_micro * work_s / 60e6 if facts.now < booking.cutoff_at else 0.0
        move = move_minor(facts.figures, before, pool, picked=settled) if before and not is_here else 0.0
        if is_here and booking.id in scope.stranded:
            # Its vehicle fails: staying with its pool it changes the vehicle too. Others need not.
            move = float(facts.figures.class_moved_minor)
        found.append(Choice(number[pool.id], window, work_s, float(reach.cost_minor), worth, move))
    here = number.get(booking.pool_id)
    missing = here is not None and all(choice.pool != here for choice in found)
    if here is not None and missing and not booking.partner_courier and booking.id not in scope.barred:
        pool = facts.pools[here]
        able = booking.basket.needs <= facts.able[pool.vehicle_class_id]
        if able and pool.vehicles > 0 and pool.id not in scope.lost:
            # A pool that sells nothing more reaches nobody, and still serves what it has.
            found.append(Choice(here, 0, booking.work_s, 0.0))
    return found


def _window_of(facts: _Facts, booking: DeliveryBooking, reach: Reach) -> int | None:
    """The place of the shortest accepted window around a pool's bucket; 0 for the only one."""
    windows = facts.windows.get(booking.id)
    if windows is None:
        return 0 if booking.window.covers(reach.window) else None
    around = [w for w, slot in enumerate(windows) if slot.window.covers(reach.window)]
    return min(around, key=lambda w: (windows[w].window.duration, w), default=None)


def _may_enter(
    facts: _Facts,
    booking: DeliveryBooking,
    reach: Reach,
    window: int,
    before: CapacityPool | None,
    *,
    picked: bool,
    rescued: bool,
) -> bool:
    windows = facts.windows.get(booking.id)
    slot = windows[window] if windows else facts.slots[booking.slot_id]
    if not reach.carries(booking.basket):
        return False
    most_grams = promised_grams(booking.fee_parts, booking.grams)
    if most_grams is not None and reach.grams > most_grams and not rescued:
        return False
    gate = facts.closings.gate(slot, reach.node_id, reach.window, facts.now)
    if gate is Gate.BLACKOUT:
        return False
    if not picked:
        return True
    # Picked goods lie in their node; those of a node that is lost are picked again elsewhere.
    elsewhere = before is not None and before.node_id != reach.node_id
    if elsewhere and before is not None and before.sell_orders > 0:
        return False
    cold = booking.chilled_ml + booking.frozen_ml > 0
    limit = timedelta(minutes=facts.figures.chilled_limit_min)
    return not cold or keeps_cold(reach.window, facts.now, limit)
