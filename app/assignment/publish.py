"""Make a checked assignment the one that counts: pools of bookings, ledger, narrowing, reasons."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.orders import PARTNER, Choice, Order, OrderPlan
from app.allocation.rules import RunStatus
from app.assignment.snapshot import Frozen
from app.assignment.tables import AssignmentRun, BookingAllocation, BookingMove
from app.booking.columns import served_by
from app.booking.compartments import placed
from app.booking.lock_unchanged import Outdated, lock_unchanged
from app.booking.narrow import narrow
from app.booking.settle_place import settle_place
from app.booking.stops import stop_of
from app.booking.tables import DeliveryBooking
from app.capacity.transfer import Transfer, transfer
from app.database.rows import add, table_of
from app.events import record
from app.tours.place import settle as on_tour
from app.tours.remove import remove
from app.values.actor import Actor, Role
from app.values.load import Load
from app.values.money import round_half_up

# So many choices of a booking are kept to explain it.
_EXPLAINED = 4
_CHUNK = 400
_PLANNER = Actor("", Role.OPERATOR, "planner")


@dataclass(frozen=True, slots=True)
class Told:
    """Who moves bookings and why, and which of them stay although no vehicle has room: their customers
    are asked."""

    actor: str
    reason: str
    disruption_id: str | None = None
    asked: frozenset[str] = frozenset()


def publish_assignment(
    conn: Connection,
    *,
    now: datetime,
    run_id: str,
    frozen: Frozen,
    plan: OrderPlan,
    told: Told,
    narrow_due: bool = True,
) -> list[BookingMove]:
    """Serve the bookings by this plan from now on; returns the moves.

    What was promised stays: a window only becomes one of those that a flexible customer chose. Raises
    Outdated, or NoRoom from the ledger, when something was booked meanwhile; then the transaction ends.
    """
    moved = _moved(frozen, plan, told.asked)
    due = _due(now, frozen, plan) if narrow_due else []
    in_lockers = _placed(frozen, plan)
    concerned = (*(b for b, _, _ in moved), *(b for b, _ in due), *(b for b, _, _ in in_lockers))
    touched = {booking.id: booking for booking in concerned}
    lock_unchanged(conn, bookings=list(touched.values()))
    going = [(b, b.lockers[choice.place - 1]) for b, _, choice in in_lockers]
    if not placed(conn, now=now, going=going):
        # Others have taken the compartments that were free when this was solved.
        raise Outdated
    made = [_move(now, run_id, told, booking, enters) for booking, _, enters in moved]
    overtime = {p.id: late for p, late in zip(frozen.problem.pools, plan.overtime_s, strict=True)}
    limits = {p.id: max(overtime[p.id], p.overtime_s) for p in frozen.problem.pools}
    transfer(
        conn,
        now=now,
        actor=told.actor,
        reason=told.reason,
        transfers=[
            *(_transfer(frozen, b, order, choice) for b, order, choice in _chosen(frozen, plan, moved)),
            *_quicker(frozen, in_lockers, {booking.id for booking, *_ in moved}),
        ],
        overtime_s=limits,
    )
    _write_bookings(conn, now, frozen, plan, moved)
    _tours(conn, now, frozen, plan, moved)
    _explain(conn, now, run_id, frozen, plan)
    add(conn, *made)
    told_anyway = {booking.id for booking, _ in due}
    for booking, _, choice in in_lockers:
        settle_place(
            conn,
            now=now,
            actor=_PLANNER,
            booking_id=booking.id,
            locker_id=booking.lockers[choice.place - 1],
            counted=True,
            tell=booking.id not in told_anyway,
        )
    for booking, slot_id in due:
        narrow(conn, now=now, actor=_PLANNER, booking_id=booking.id, slot_id=slot_id)
    _certificate(conn, now, run_id, frozen, plan, len(moved), len(due))
    facts = {"run_id": run_id, "day": frozen.problem.day.isoformat(), "moved": len(moved)}
    record(conn, now=now, topic="assignment", kind="assignment.published", payload=facts)
    return made


type _Moved = tuple[DeliveryBooking, int, str | None]


def _moved(frozen: Frozen, plan: OrderPlan, asked: Collection[str]) -> list[_Moved]:
    """The bookings that another pool serves, each with its number and that pool; None a partner courier."""
    found = []
    orders = zip(frozen.bookings, frozen.problem.orders, plan.chosen, strict=True)
    for number, (booking, order, place) in enumerate(orders):
        if place == PARTNER:
            enters = None
            same = booking.partner_courier or booking.id in asked
        else:
            enters = frozen.problem.pools[order.choices[place].pool].id
            same = not booking.partner_courier and enters == booking.pool_id
        if not same:
            found.append((booking, number, enters))
    return sorted(found, key=lambda one: one[0].id)


def _chosen(
    frozen: Frozen, plan: OrderPlan, moved: Sequence[_Moved]
) -> list[tuple[DeliveryBooking, Order, Choice | None]]:
    found = []
    for booking, number, enters in moved:
        order = frozen.problem.orders[number]
        found.append((booking, order, None if enters is None else order.choices[plan.chosen[number]]))
    return found


type _Placed = tuple[DeliveryBooking, Order, Choice]


def _placed(frozen: Frozen, plan: OrderPlan) -> list[_Placed]:
    """The bookings that go to a locker."""
    orders = zip(frozen.bookings, frozen.problem.orders, plan.chosen, strict=True)
    found = [(one, order, order.choices[place]) for one, order, place in orders if place != PARTNER]
    return sorted((one for one in found if one[2].place), key=lambda one: one[0].id)


def _quicker(frozen: Frozen, placed: Sequence[_Placed], moved: Collection[str]) -> list[Transfer]:
    """Those that go to a locker with the vehicles that they have: their pools count the shorter stop."""
    return [
        _transfer(frozen, booking, order, choice)
        for booking, order, choice in placed
        if booking.id not in moved
    ]


def _transfer(frozen: Frozen, booking: DeliveryBooking, order: Order, choice: Choice | None) -> Transfer:
    return Transfer(
        reference=booking.id,
        audience=booking.customer_group,
        leaves=None if booking.partner_courier else booking.pool_id,
        left=booking.load,
        enters=None if choice is None else frozen.problem.pools[choice.pool].id,
        taken=Load() if choice is None else order.load(choice),
    )


def _move(
    now: datetime, run_id: str, told: Told, booking: DeliveryBooking, enters: str | None
) -> BookingMove:
    return BookingMove(
        booking_id=booking.id,
        at=now,
        actor=told.actor,
        reason=told.reason,
        run_id=run_id,
        disruption_id=told.disruption_id,
        before_pool_id=None if booking.partner_courier else booking.pool_id,
        after_pool_id=enters,
    )


def _write_bookings(
    conn: Connection, now: datetime, frozen: Frozen, plan: OrderPlan, moved: Sequence[_Moved]
) -> None:
    table = table_of(DeliveryBooking)
    for booking, number, enters in moved:
        values: dict[str, Any] = {"version": booking.version + 1, "changed_at": now}
        if enters is None:
            values["partner_courier"] = True
        else:
            choice = frozen.problem.orders[number].choices[plan.chosen[number]]
            reach = frozen.reaches[enters, booking.zone_id]
            values |= {"partner_courier": False, **served_by(reach, choice.work_s)}
            windows = frozen.windows.get(booking.id)
            if windows:
                # Of several windows the one that is planned as of now; what is promised stays all of them.
                values["slot_id"] = windows[choice.window].id
        conn.execute(sa.update(table).where(table.c.id == booking.id).values(**values))


def _tours(conn: Connection, now: datetime, frozen: Frozen, plan: OrderPlan, moved: Sequence[_Moved]) -> None:
    """The stops of what moved leave their tours and are put on those of the pools that serve them now."""
    leaving = sorted((b for b, _, _ in moved if not b.partner_courier), key=lambda b: (b.pool_id, b.id))
    for pool_id, group in groupby(leaving, key=lambda booking: booking.pool_id):
        remove(conn, now=now, pool_ids=[pool_id], references=[booking.hold_id for booking in group])
    for booking, number, enters in moved:
        if enters is not None:
            choice = frozen.problem.orders[number].choices[plan.chosen[number]]
            reach = frozen.reaches[enters, booking.zone_id]
            windows = frozen.windows.get(booking.id)
            slot = windows[choice.window] if windows else frozen.slots[booking.slot_id]
            stop = stop_of(
                reference=booking.hold_id,
                slot=slot,
                point=booking.point,
                reach=reach,
                basket=booking.basket,
                at_door_s=frozen.preferences[booking.drop_preference_id].at_door_s,
            )
            on_tour(conn, now=now, key=(reach.node_id, reach.day), stop=stop)


def _explain(conn: Connection, now: datetime, run_id: str, frozen: Frozen, plan: OrderPlan) -> None:
    table = table_of(BookingAllocation)
    ids = [booking.id for booking in frozen.bookings]
    for start in range(0, len(ids), _CHUNK):
        conn.execute(sa.delete(table).where(table.c.booking_id.in_(ids[start : start + _CHUNK])))
    made = []
    for order, place in zip(frozen.problem.orders, plan.chosen, strict=True):
        chosen = None if place == PARTNER else order.choices[place]
        # Elsewhere at the same vehicles is not another choice of vehicles.
        others = [one for one in order.choices if chosen is None or one.pool != chosen.pool]
        others.sort(key=lambda choice: choice.price + _scarcity(plan, choice))
        kept = ([chosen] if chosen else []) + others[: _EXPLAINED - 1]
        made.append(
            BookingAllocation(
                booking_id=order.id,
                run_id=run_id,
                at=now,
                pool_id=frozen.problem.pools[chosen.pool].id if chosen else None,
                partner_minor=round_half_up(order.partner_minor),
                choices=[_told_choice(frozen, plan, choice) for choice in kept],
            )
        )
    add(conn, *made)


def _scarcity(plan: OrderPlan, choice: Choice) -> float:
    return plan.minute_worth[choice.pool] * choice.work_s / 60


def _told_choice(frozen: Frozen, plan: OrderPlan, choice: Choice) -> dict[str, Any]:
    return {
        "pool": frozen.problem.pools[choice.pool].id,
        "work_s": choice.work_s,
        "cost_minor": round_half_up(choice.cost_minor),
        "worth_minor": round_half_up(choice.worth_minor),
        "move_minor": round_half_up(choice.move_minor),
        "scarcity_minor": round_half_up(_scarcity(plan, choice)),
    }


def _due(now: datetime, frozen: Frozen, plan: OrderPlan) -> list[tuple[DeliveryBooking, str]]:
    """The flexible bookings whose cut-off is here, each with the window that it is to have."""
    found = []
    for number, booking in enumerate(frozen.bookings):
        windows, place = frozen.windows.get(booking.id), plan.chosen[number]
        if windows and booking.cutoff_at <= now and place != PARTNER:
            choice = frozen.problem.orders[number].choices[place]
            found.append((booking, windows[choice.window].id))
    return found


def _certificate(
    conn: Connection,
    now: datetime,
    run_id: str,
    frozen: Frozen,
    plan: OrderPlan,
    moved: int,
    narrowed: int,
) -> None:
    run = table_of(AssignmentRun)
    conn.execute(
        sa.update(run)
        .where(run.c.id == run_id)
        .values(
            status=RunStatus.PUBLISHED,
            finished_at=now,
            orders=len(frozen.problem.orders),
            columns=plan.columns,
            objective_minor=round_half_up(plan.objective),
            bound_minor=round_half_up(plan.bound),
            gap=plan.gap,
            overtime_s=sum(plan.overtime_s),
            partner_couriers=plan.partner_couriers,
            moved=moved,
            narrowed=narrowed,
            solver_s=round(plan.solver_s, 3),
        )
    )
