"""Make a repair count: silent moves inside the promises, proposals to the rest, a partner courier at last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events, jobs
from app.alerts.clear_alerts import clear_alerts
from app.alerts.rules import AlertKind
from app.allocation.orders import PARTNER, OrderPlan
from app.assignment.publish import Told, publish_assignment
from app.assignment.snapshot import Frozen, Scope
from app.assignment.tables import BookingMove
from app.booking.repromise import open_proposals, propose_to
from app.booking.rules import BookingStatus, RepromiseState
from app.booking.tables import DeliveryBooking, RepromiseProposal
from app.capacity.transfer import Transfer, transfer
from app.database.rows import add, rows, table_of
from app.disruption.rules import MOTORED, DisruptionStatus, alert_cause, answer_by
from app.disruption.tables import Disruption
from app.tours.remove import remove
from app.values.load import Load
from app.values.money import round_half_up


def scope_of(disruption: Disruption) -> Scope:
    """Which bookings its repair may move: those of what was lost, and what nobody has picked yet."""
    return Scope(
        lost=frozenset(disruption.overrides),
        barred=dict.fromkeys((str(key) for key in disruption.barred), MOTORED),
    )


def publish_repair(
    conn: Connection,
    now: datetime,
    run_id: str,
    frozen: Frozen,
    plan: OrderPlan,
    *,
    disruption: Disruption,
    chilled_limit: timedelta,
) -> None:
    """Publish a checked repair in this transaction; raises what `publish_assignment` does.

    What no vehicle can bring in its window is asked for another while there is one, and is brought by a
    partner courier where there is none: goods that must stay cold wait for no later day.
    """
    told = Told(disruption.actor, disruption.reason, disruption.id)
    unplaced = [
        booking
        for booking, place in zip(frozen.bookings, plan.chosen, strict=True)
        if place == PARTNER and not booking.partner_courier and booking.pool_id in disruption.overrides
    ]
    proposals = propose_to(
        conn,
        now=now,
        actor=disruption.actor,
        overrides=disruption.overrides,
        reason=disruption.reason,
        bookings=unplaced,
        cold_until=now + chilled_limit,
    )
    asked = frozenset(one.booking_id for one in proposals)
    moves = publish_assignment(
        conn,
        now=now,
        run_id=run_id,
        frozen=frozen,
        plan=plan,
        told=Told(told.actor, told.reason, told.disruption_id, asked),
        narrow_due=False,
    )
    until = _ask(conn, now, disruption, frozen, proposals)
    table = table_of(Disruption)
    outcome = _outcome(frozen, plan, moves)
    conn.execute(
        sa.update(table)
        .where(table.c.id == disruption.id)
        .values(
            status=DisruptionStatus.REPAIRED,
            run_id=run_id,
            repaired_at=now,
            asked=len(proposals),
            answer_by=until,
            message=None,
            **outcome,
        )
    )
    clear_alerts(conn, now=now, kinds=[AlertKind.DISRUPTION_UNREPAIRED], causes=[alert_cause(disruption.id)])
    facts = {"disruption_id": disruption.id, "moved": len(moves), "asked": len(proposals)}
    events.record(conn, now=now, topic="disruption", kind="disruption.repaired", payload=facts)


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
    for one in proposals:
        told = {"booking_id": one.booking_id, "proposal_id": one.id, "answer_by": until.isoformat()}
        jobs.later(conn, now=now, kind="engagement.repromise", payload=told, dedup_key=f"repromise:{one.id}")
    jobs.later(
        conn,
        now=now,
        kind="disruption.settle",
        payload={"disruption_id": disruption.id},
        dedup_key=f"settle:{disruption.id}",
        run_at=until,
    )
    return until


def settle_disruption(conn: Connection, *, now: datetime, disruption: Disruption) -> int:
    """Have a partner courier keep the promises of those who were asked and have not chosen."""
    booking, proposal = table_of(DeliveryBooking), table_of(RepromiseProposal)
    waiting = open_proposals(conn, override_ids=list(disruption.overrides.values()))
    ids = sorted(one.booking_id for one in waiting)
    query = sa.select(booking).where(booking.c.id.in_(ids)).order_by(booking.c.id).with_for_update()
    still = [
        one
        for one in rows(conn, DeliveryBooking, query)
        if one.pool_id in disruption.overrides
        and not one.partner_courier
        and one.status in (BookingStatus.CONFIRMED, BookingStatus.IN_FULFILMENT)
    ]
    reason = f"{disruption.reason}; no other window was chosen in time"
    transfer(
        conn,
        now=now,
        actor=disruption.actor,
        reason=reason,
        transfers=[
            Transfer(one.id, one.customer_group, one.pool_id, one.load, None, Load()) for one in still
        ],
        overtime_s={},
    )
    for one in still:
        remove(conn, now=now, pool_ids=[one.pool_id], references=[one.hold_id])
    moves = [
        BookingMove(
            booking_id=one.id,
            at=now,
            actor=disruption.actor,
            reason=reason,
            run_id=disruption.run_id,
            disruption_id=disruption.id,
            before_pool_id=one.pool_id,
            after_pool_id=None,
        )
        for one in still
    ]
    add(conn, *moves)
    for one in still:
        changes = {"partner_courier": True, "version": one.version + 1, "changed_at": now}
        conn.execute(sa.update(booking).where(booking.c.id == one.id).values(**changes))
    conn.execute(
        sa.update(proposal)
        .where(proposal.c.id.in_([one.id for one in waiting]))
        .values(state=RepromiseState.WITHDRAWN)
    )
    table = table_of(Disruption)
    more = table.c.partner_couriers + len(still)
    conn.execute(sa.update(table).where(table.c.id == disruption.id).values(partner_couriers=more))
    return len(still)
