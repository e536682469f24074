"""Freeze what an assignment of a day's bookings must know: pools and their room, orders and their choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from app.allocation.orders import OpenPool, OrderProblem
from app.assignment.choices import order_of
from app.assignment.facts import Facts, Scope, read_facts
from app.assignment.rules import overtime_s
from app.booking.tables import DeliveryBooking
from app.capacity.rules import Reach
from app.capacity.tables import CapacityPool
from app.fleet.rules import MOTORED
from app.handover.tables import DropPreference
from app.places.closures import barred, closed_streets
from app.slots.tables import DeliverySlot
from app.values.load import DIMENSIONS, Load
from app.values.window import Window


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
    facts = read_facts(conn, now, day, scope)
    closed = closed_streets(conn, _span(facts.bookings, now))
    shut = {b.id: MOTORED for b in facts.bookings if barred(closed, b.window, b.point, b.address_label)}
    scope = replace(scope, barred={**shut, **scope.barred})
    number = {pool.id: p for p, pool in enumerate(facts.pools)}
    waves = sorted({pool.pick_load_id for pool in facts.pools if pool.pick_load_id})
    fixed = {pool.id: pool.loads("held") + pool.loads("booked") for pool in facts.pools}
    for booking in facts.bookings:
        if booking.pool_id in fixed:
            fixed[booking.pool_id] = fixed[booking.pool_id] - booking.load
    orders = tuple(order_of(facts, scope, booking, number) for booking in facts.bookings)
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


def _wave_room(facts: Facts, wave_id: str) -> int:
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


def _pool(facts: Facts, scope: Scope, pool: CapacityPool, fixed: Load, waves: Sequence[str]) -> OpenPool:
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
