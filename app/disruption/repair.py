"""Make a repair count: silent moves inside the promises, proposals to the rest, a partner courier at last."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events, jobs
from app.alerts.clear_alerts import clear_alerts
from app.alerts.rules import AlertKind
from app.allocation.orders import PARTNER, OrderPlan
from app.assignment.facts import Scope
from app.assignment.publish import Told, publish_assignment
from app.assignment.snapshot import Frozen
from app.assignment.tables import BookingMove
from app.booking.repromise import open_proposals, propose_to
from app.booking.rules import TO_BRING, RepromiseState
from app.booking.tables import DeliveryBooking, RepromiseProposal
from app.capacity.tables import CapacityPool
from app.capacity.transfer import Transfer, transfer
from app.database.rows import add, rows, table_of
from app.disruption.published import Hit, mend_tours, take_off
from app.disruption.rules import DisruptionStatus, alert_cause, answer_by
from app.disruption.tables import Disruption
from app.fleet.rules import MOTORED
from app.tours.remove import remove
from app.values.load import Load
from app.values.money import round_half_up


def scope_of(hit: Hit, disruption: Disruption) -> Scope:
    """Which bookings its repair may move: those of what was lost, and what nobody has picked yet.

    What is loaded on tours of other vehicles, or on the road, stays there.
    """
    return Scope(
        lost=frozenset(disruption.overrides),
        barred=dict.fromkeys((str(key) for key in disruption.barred), MOTORED),
        loaded=hit.loaded,
        stranded=hit.stranded,
    )


def publish_repair(
    conn: Connection,
    now: datetime,
    run_id: str,
    frozen: Frozen,
    plan: OrderPlan,
    *,
    disruption: Disruption,
    hit: Hit,
    chilled_limit: timedelta,
) -> None:
    """Publish a checked repair in this transaction; raises what `publish_assignment` does.

    What no vehicle can bring in its window is asked for another while there is one, and is brought by a
    partner courier where there is none: goods that must stay cold wait for no later day.
    """
    day = frozen.problem.day
    unplaced = _unplaced(frozen, plan, disruption, hit)
    # They stay where they are until it is known what room is left for them.
    told = Told(disruption.actor, disruption.reason, disruption.id, frozenset(b.id for b in unplaced))
    moves = publish_assignment(
        conn, now=now, run_id=run_id, frozen=frozen, plan=plan, told=told, narrow_due=False
    )
    proposals = propose_to(
        conn,
        now=now,
        actor=disruption.actor,
        disruption_id=disruption.id,
        overrides=disruption.overrides,
        reason=disruption.reason,
        bookings=unplaced,
        cold_until=now + chilled_limit,
    )
    asked = {one.booking_id for one in open_proposals(conn, disruption_id=disruption.id)}
    rest = [booking for booking in unplaced if booking.id not in asked]
    moves += hand_over(
        conn, now=now, run_id=run_id, disruption=disruption, bookings=rest, reason=disruption.reason
    )
    placed = {move.booking_id for move in moves} | asked
    taken_over = _taken_over(conn, now, run_id, frozen, disruption, hit, placed)
    take_off(conn, {move.booking_id for move in moves} | hit.stranded)
    touched = {key for m in moves for key in (m.before_pool_id, m.after_pool_id) if key}
    touched |= {move.after_pool_id for move in taken_over if move.after_pool_id}
    mend_tours(
        conn,
        now=now,
        disruption=disruption,
        run_id=run_id,
        day=day,
        pool_ids=touched,
        on_the_road=hit.on_the_road,
    )
    until = _ask(conn, now, disruption, frozen, proposals)
    _note(conn, now, run_id, disruption, day, {
        "asked": len(proposals), "answer_by": until, **_outcome(frozen, plan, [*moves, *taken_over])
    })  # fmt: skip
    clear_alerts(conn, now=now, kinds=[AlertKind.DISRUPTION_UNREPAIRED], causes=[alert_cause(disruption.id)])
    facts = {"disruption_id": disruption.id, "moved": len(moves), "asked": len(proposals)}
    events.record(conn, now=now, topic="disruption", kind="disruption.repaired", payload=facts)


def _unplaced(frozen: Frozen, plan: OrderPlan, disruption: Disruption, hit: Hit) -> list[DeliveryBooking]:
    """The bookings of what failed that no vehicle has room for."""
    barred = {str(key) for key in disruption.barred}
    return [
        booking
        for booking, place in zip(frozen.bookings, plan.chosen, strict=True)
        if place == PARTNER
        and not booking.partner_courier
        and (booking.pool_id in disruption.overrides or booking.id in barred | hit.stranded)
    ]


def _taken_over(
    conn: Connection,
    now: datetime,
    run_id: str,
    frozen: Frozen,
    disruption: Disruption,
    hit: Hit,
    placed: Collection[str],
) -> list[BookingMove]:
    """What was on a tour that failed and stays with its pool: another vehicle of the kind brings it."""
    made = [
        BookingMove(
            booking_id=one.id,
            at=now,
            actor=disruption.actor,
            reason=disruption.reason,
            run_id=run_id,
            disruption_id=disruption.id,
            before_pool_id=one.pool_id,
            after_pool_id=one.pool_id,
        )
        for one in frozen.bookings
        if one.id in hit.stranded and one.id not in placed and not one.partner_courier
    ]
    add(conn, *made)
    return made


def _note(
    conn: Connection, now: datetime, run_id: str, disruption: Disruption, day: date, outcome: dict[str, Any]
) -> None:
    """Add what became of a day's bookings; it is repaired when none of its days waits."""
    table = table_of(Disruption)
    query = sa.select(table).where(table.c.id == disruption.id).with_for_update()
    before = rows(conn, Disruption, query)[0]
    still = [one for one in before.open_days if one != day.isoformat()]
    counts = {
        name: (getattr(before, name) or 0) + outcome.pop(name)
        for name in ("moved_silently", "asked", "partner_couriers", "cost_minor")
    }
    until = [one for one in (before.answer_by, outcome.pop("answer_by")) if one is not None and one > now]
    conn.execute(
        sa.update(table)
        .where(table.c.id == disruption.id)
        .values(
            status=before.status if still else DisruptionStatus.REPAIRED,
            open_days=still,
            run_id=run_id,
            repaired_at=now,
            answer_by=min(until, default=before.answer_by),
            message=None,
            **counts,
            **outcome,
        )
    )


def _outcome(frozen: Frozen, plan: OrderPlan, moves: Sequence[BookingMove]) -> dict[str, Any]:
    """The columns that say what became of those who were not asked, and what that costs."""
    prices = {order.id: order.partner_minor for order in frozen.problem.orders}
    handed = [move for move in moves if move.after_pool_id is None]
    overtime = sum(
        pool.overtime_minor * late / 60
        for pool, late in zip(frozen.problem.pools, plan.overtime_s, strict=True)
    )
    return {
        "moved_silently": len(moves) - len(handed),
        "partner_couriers": len(handed),
        "cost_minor": round_half_up(overtime + sum(prices[move.booking_id] for move in handed)),
        "currency": frozen.problem.currency,
    }


def _ask(
    conn: Connection,
    now: datetime,
    disruption: Disruption,
    frozen: Frozen,
    proposals: list[RepromiseProposal],
) -> datetime | None:
    """One message to each who is asked; who has not answered in time is brought it by a partner courier."""
    if not proposals:
        return None
    ends = {booking.id: booking.ends_at for booking in frozen.bookings}
    until = answer_by(now, [ends[one.booking_id] for one in proposals])
    table = table_of(RepromiseProposal)
    mine = table.c.id.in_([one.id for one in proposals])
    conn.execute(sa.update(table).where(mine).values(answer_by=until))
    for one in proposals:
        told = {"booking_id": one.booking_id, "proposal_id": one.id, "answer_by": until.isoformat()}
        jobs.later(conn, now=now, kind="engagement.repromise", payload=told, dedup_key=f"repromise:{one.id}")
    jobs.later(
        conn,
        now=now,
        kind="disruption.settle",
        payload={"disruption_id": disruption.id, "day": frozen.problem.day.isoformat()},
        dedup_key=f"settle:{disruption.id}:{frozen.problem.day}:{until.isoformat()}",
        run_at=until,
    )
    return until


def settle_disruption(conn: Connection, *, now: datetime, disruption: Disruption, day: date) -> int:
    """Have a partner courier keep the promises of a day's bookings that were asked and have not chosen."""
    booking, proposal = table_of(DeliveryBooking), table_of(RepromiseProposal)
    pool = table_of(CapacityPool)
    of_day = sa.select(pool.c.id).where(pool.c.day == day)
    mine = set(conn.execute(of_day).scalars())
    waiting = [one for one in open_proposals(conn, disruption_id=disruption.id) if one.pool_id in mine]
    ids = sorted(one.booking_id for one in waiting)
    query = sa.select(booking).where(booking.c.id.in_(ids)).order_by(booking.c.id).with_for_update()
    still = [one for one in rows(conn, DeliveryBooking, query) if one.pool_id in mine and _is_open(one)]
    reason = f"{disruption.reason}; no other window was chosen in time"
    _later_handed(conn, now, disruption, still, reason)
    conn.execute(
        sa.update(proposal)
        .where(proposal.c.id.in_([one.id for one in waiting]))
        .values(state=RepromiseState.WITHDRAWN)
    )
    return len(still)


def unserved_by_tours(
    conn: Connection, *, now: datetime, disruption: Disruption, booking_ids: Collection[str]
) -> frozenset[str]:
    """Have a partner courier bring what it moved and no tour can bring in its window; returns which."""
    booking, move = table_of(DeliveryBooking), table_of(BookingMove)
    moved = sa.select(move.c.booking_id).where(move.c.disruption_id == disruption.id)
    mine = sa.and_(booking.c.id.in_(sorted(booking_ids)), booking.c.id.in_(moved))
    query = sa.select(booking).where(mine).order_by(booking.c.id).with_for_update()
    still = [one for one in rows(conn, DeliveryBooking, query) if _is_open(one)]
    reason = f"{disruption.reason}; no other tour can come by in its window"
    _later_handed(conn, now, disruption, still, reason)
    return frozenset(one.id for one in still)


def _later_handed(
    conn: Connection, now: datetime, disruption: Disruption, bookings: Sequence[DeliveryBooking], reason: str
) -> None:
    run_id = disruption.run_id or ""
    hand_over(conn, now=now, run_id=run_id, disruption=disruption, bookings=bookings, reason=reason)
    noted = table_of(Disruption)
    more = sa.func.coalesce(noted.c.partner_couriers, 0) + len(bookings)
    conn.execute(sa.update(noted).where(noted.c.id == disruption.id).values(partner_couriers=more))


def _is_open(booking: DeliveryBooking) -> bool:
    return not booking.partner_courier and booking.status in TO_BRING


def hand_over(
    conn: Connection,
    *,
    now: datetime,
    run_id: str,
    disruption: Disruption,
    bookings: Sequence[DeliveryBooking],
    reason: str,
) -> list[BookingMove]:
    """A partner courier brings these bookings, which are locked; pools and tours are rid of them."""
    if not bookings:
        return []
    transfer(
        conn,
        now=now,
        actor=disruption.actor,
        reason=reason,
        transfers=[
            Transfer(one.id, one.customer_group, one.pool_id, one.load, None, Load()) for one in bookings
        ],
        overtime_s={},
    )
    table = table_of(DeliveryBooking)
    for one in bookings:
        remove(conn, now=now, pool_ids=[one.pool_id], references=[one.hold_id])
        changes = {"partner_courier": True, "version": one.version + 1, "changed_at": now}
        conn.execute(sa.update(table).where(table.c.id == one.id).values(**changes))
    take_off(conn, [one.id for one in bookings])
    moves = [
        BookingMove(
            booking_id=one.id,
            at=now,
            actor=disruption.actor,
            reason=reason,
            run_id=run_id,
            disruption_id=disruption.id,
            before_pool_id=one.pool_id,
            after_pool_id=None,
        )
        for one in bookings
    ]
    add(conn, *moves)
    return moves
