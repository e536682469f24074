"""Propose other windows to the bookings that a smaller pool harms least, and read the proposals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events
from app.booking.menu import alternatives, read_menu, span_of
from app.booking.overcommitment import Overcommitment
from app.booking.rules import BookingStatus, RepromiseState, least_harm_first, misfits
from app.booking.seen import SeenBooking, seen_bookings
from app.booking.tables import DeliveryBooking, RepromiseProposal
from app.capacity.tables import CapacityPool
from app.database.rows import add, one_or_none, rows, table_of
from app.fleet.outages import outages_within
from app.places.tables import FulfilmentNode
from app.slots.queries import slots_between, slots_by_id
from app.slots.tables import DeliverySlot
from app.values.actor import Actor
from app.values.window import Window


@dataclass(frozen=True, slots=True)
class SeenProposal:
    """A proposal with its booking and the windows proposed; `state` is that of now."""

    row: RepromiseProposal
    state: RepromiseState
    booking: SeenBooking
    alternatives: tuple[DeliverySlot, ...]


def propose(
    conn: Connection,
    *,
    now: datetime,
    actor: str,
    override_id: str,
    reason: str,
    over: Sequence[Overcommitment],
) -> list[RepromiseProposal]:
    """Write a proposal for each booking that does not fit its pool any more, least harm first.

    Only bookings: a hold ends by itself. Those that have an open proposal already count as moved.
    Nothing is taken from any pool for the windows proposed, so they may be gone when one is chosen.
    """
    _settle(conn, [one.edit.pool_id for one in over])
    asked = _asked(conn, [one.edit.pool_id for one in over])
    chosen = [
        booking
        for one in over
        for booking in misfits(
            sorted(least_harm_first(one.bookings, now), key=lambda b: b.id not in asked), one.edit.after
        )
        if booking.id not in asked
    ]
    elsewhere = _alternatives(conn, now, chosen)
    made = [
        RepromiseProposal(
            storefront_id=booking.storefront_id,
            booking_id=booking.id,
            pool_id=booking.pool_id,
            override_id=override_id,
            reason=reason,
            actor=actor,
            alternatives=elsewhere[booking.id],
            created_at=now,
        )
        for booking in chosen
    ]
    add(conn, *made)
    for one in made:
        facts = {"booking_id": one.booking_id, "proposal_id": one.id, "alternatives": one.alternatives}
        topic = f"booking:{one.booking_id}"
        events.record(conn, now=now, topic=topic, kind="booking.repromise_proposed", payload=facts)
    return made


def propose_to(
    conn: Connection,
    *,
    now: datetime,
    actor: str,
    disruption_id: str,
    overrides: Mapping[str, str],
    reason: str,
    bookings: Sequence[DeliveryBooking],
    cold_until: datetime,
) -> list[RepromiseProposal]:
    """Write a proposal for each of these bookings that has any window to be proposed.

    `overrides` are what took their pools away, by pool, where pools were. Goods that are picked and must
    stay cold are there by `cold_until`. One that this disruption has asked already is left with it; what
    others asked, an operator or an earlier disruption, gives way to what there is to choose from now.
    """
    pools = sorted({booking.pool_id for booking in bookings})
    _settle(conn, pools)
    asked = {one.booking_id for one in open_proposals(conn, disruption_id=disruption_id)}
    _give_way(conn, disruption_id, [booking.id for booking in bookings])
    elsewhere = _alternatives(conn, now, bookings)
    slots = {slot.id: slot for slot in slots_by_id(conn, [s for ids in elsewhere.values() for s in ids])}
    made = []
    for booking in bookings:
        cold = booking.chilled_ml + booking.frozen_ml > 0 and now >= booking.cutoff_at
        near = [s for s in elsewhere[booking.id] if not cold or slots[s].ends_at <= cold_until]
        if near and booking.id not in asked:
            made.append(
                RepromiseProposal(
                    storefront_id=booking.storefront_id,
                    booking_id=booking.id,
                    pool_id=booking.pool_id,
                    override_id=overrides.get(booking.pool_id),
                    disruption_id=disruption_id,
                    reason=reason,
                    actor=actor,
                    alternatives=near,
                    created_at=now,
                )
            )
    add(conn, *made)
    for one in made:
        facts = {"booking_id": one.booking_id, "proposal_id": one.id, "alternatives": one.alternatives}
        topic = f"booking:{one.booking_id}"
        events.record(conn, now=now, topic=topic, kind="booking.repromise_proposed", payload=facts)
    return made


def _give_way(conn: Connection, disruption_id: str, booking_ids: Sequence[str]) -> None:
    """Take back what was asked of these bookings before this disruption."""
    proposal = table_of(RepromiseProposal)
    others = sa.or_(proposal.c.disruption_id.is_(None), proposal.c.disruption_id != disruption_id)
    theirs = sa.and_(proposal.c.booking_id.in_(booking_ids), proposal.c.state == RepromiseState.OPEN, others)
    conn.execute(sa.update(proposal).where(theirs).values(state=RepromiseState.WITHDRAWN))


def open_proposals(conn: Connection, *, disruption_id: str) -> list[RepromiseProposal]:
    """The proposals of a disruption that nobody has answered."""
    proposal = table_of(RepromiseProposal)
    mine = sa.and_(proposal.c.disruption_id == disruption_id, proposal.c.state == RepromiseState.OPEN)
    return rows(conn, RepromiseProposal, sa.select(proposal).where(mine).order_by(proposal.c.id))


def open_proposal_of(conn: Connection, *, booking_id: str) -> RepromiseProposal | None:
    """The proposal that a booking's customer may still answer: None where there is none."""
    proposal, booking = table_of(RepromiseProposal), table_of(DeliveryBooking)
    query = (
        sa.select(proposal)
        .join(booking, booking.c.id == proposal.c.booking_id)
        .where(
            proposal.c.booking_id == booking_id,
            proposal.c.state == RepromiseState.OPEN,
            booking.c.pool_id == proposal.c.pool_id,
            booking.c.status != BookingStatus.CANCELLED,
        )
    )
    return one_or_none(conn, RepromiseProposal, query)


def withdraw(conn: Connection, *, override_id: str | None = None, disruption_id: str | None = None) -> int:
    """Take back the open proposals of an override or of a disruption; returns how many there were."""
    proposal = table_of(RepromiseProposal)
    of = proposal.c.override_id == override_id
    if disruption_id is not None:
        of = proposal.c.disruption_id == disruption_id
    mine = sa.and_(of, proposal.c.state == RepromiseState.OPEN)
    return conn.execute(sa.update(proposal).where(mine).values(state=RepromiseState.WITHDRAWN)).rowcount


def proposals_of(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    state: RepromiseState | None = None,
    proposal_ids: Sequence[str] | None = None,
    limit: int,
    after: str | None = None,
    before: str | None = None,
    backwards: bool = False,
) -> list[SeenProposal]:
    """A page of proposals, newest first, between two ids; a storefront sees only its own bookings'."""
    proposal, booking = table_of(RepromiseProposal), table_of(DeliveryBooking)
    query = sa.select(proposal).join(booking, booking.c.id == proposal.c.booking_id)
    if not actor.is_operator:
        query = query.where(proposal.c.storefront_id == actor.storefront_id)
    if proposal_ids is not None:
        query = query.where(proposal.c.id.in_(proposal_ids))
    if after is not None:
        query = query.where(proposal.c.id < after)
    if before is not None:
        query = query.where(proposal.c.id > before)
    left = sa.or_(booking.c.pool_id != proposal.c.pool_id, booking.c.status == BookingStatus.CANCELLED)
    is_open = proposal.c.state == RepromiseState.OPEN
    match state:
        case RepromiseState.OPEN:
            query = query.where(is_open, sa.not_(left))
        case RepromiseState.SETTLED:
            query = query.where(sa.or_(sa.and_(is_open, left), proposal.c.state == state))
        case RepromiseState.WITHDRAWN:
            query = query.where(proposal.c.state == state)
    order = proposal.c.id.asc() if backwards else proposal.c.id.desc()
    found = rows(conn, RepromiseProposal, query.order_by(order).limit(limit))
    return _seen(conn, now, found[::-1] if backwards else found)


def proposed(
    conn: Connection, *, proposals: Sequence[RepromiseProposal], bookings: Sequence[DeliveryBooking]
) -> list[SeenProposal]:
    """Proposals as they were when they were made, with their bookings as those were then."""
    slots = {slot.id: slot for slot in slots_by_id(conn, [s for one in proposals for s in one.alternatives])}
    return [
        SeenProposal(
            row=one,
            state=one.state,
            booking=seen_bookings(conn, now=one.created_at, bookings=[booking], at=one.created_at)[0],
            alternatives=tuple(slots[slot_id] for slot_id in one.alternatives if slot_id in slots),
        )
        for one, booking in zip(proposals, bookings, strict=True)
    ]


def _seen(conn: Connection, now: datetime, found: Sequence[RepromiseProposal]) -> list[SeenProposal]:
    table = table_of(DeliveryBooking)
    wanted = sa.select(table).where(table.c.id.in_([one.booking_id for one in found]))
    bookings = seen_bookings(conn, now=now, bookings=rows(conn, DeliveryBooking, wanted))
    by_id = {seen.row.id: seen for seen in bookings}
    slots = {slot.id: slot for slot in slots_by_id(conn, [s for one in found for s in one.alternatives])}
    return [
        SeenProposal(
            row=one,
            state=_state(one, by_id[one.booking_id].row),
            booking=by_id[one.booking_id],
            alternatives=tuple(slots[slot_id] for slot_id in one.alternatives if slot_id in slots),
        )
        for one in found
    ]


def _state(proposal: RepromiseProposal, booking: DeliveryBooking) -> RepromiseState:
    left = booking.pool_id != proposal.pool_id or booking.status is BookingStatus.CANCELLED
    return RepromiseState.SETTLED if proposal.state is RepromiseState.OPEN and left else proposal.state


def _settle(conn: Connection, pool_ids: Sequence[str]) -> None:
    """Write down that proposals of bookings that now lie in these pools, made for another, are settled."""
    proposal, booking = table_of(RepromiseProposal), table_of(DeliveryBooking)
    here = sa.select(booking.c.id).where(
        booking.c.id == proposal.c.booking_id,
        booking.c.pool_id.in_(pool_ids),
        booking.c.pool_id != proposal.c.pool_id,
    )
    conn.execute(
        sa.update(proposal)
        .where(proposal.c.state == RepromiseState.OPEN, sa.exists(here))
        .values(state=RepromiseState.SETTLED)
    )


def _asked(conn: Connection, pool_ids: Sequence[str]) -> set[str]:
    proposal = table_of(RepromiseProposal)
    still = sa.and_(proposal.c.pool_id.in_(pool_ids), proposal.c.state == RepromiseState.OPEN)
    return set(conn.execute(sa.select(proposal.c.booking_id).where(still)).scalars())


def _alternatives(
    conn: Connection, now: datetime, bookings: Sequence[DeliveryBooking]
) -> dict[str, list[str]]:
    """Up to three open windows nearest to each booking's own, by booking; one menu for all alike.

    Goods that are picked can come later the same day too, whatever the cut-offs.
    """
    picked_at = picked_where(conn, now, bookings)
    wanted = {slot.id: slot for slot in slots_by_id(conn, [booking.slot_id for booking in bookings])}
    alike: dict[tuple[object, ...], list[DeliveryBooking]] = defaultdict(list)
    for booking in bookings:
        slot = wanted[booking.slot_id]
        alike[booking.storefront_id, slot.zone_id, slot.day, booking.customer_group].append(booking)
    found: dict[str, list[str]] = {}
    for group in alike.values():
        slot = wanted[group[0].slot_id]
        day = timedelta(days=1)
        near = slots_between(conn, zone_id=slot.zone_id, first=slot.day - day, last=slot.day + day)
        menu = read_menu(
            conn,
            now=now,
            storefront_id=group[0].storefront_id,
            zone_id=slot.zone_id,
            time_zone=slot.time_zone,
            span=span_of(near),
            point=group[0].point,
            basket=group[0].basket,
            customer_id=None,
            customer_group=group[0].customer_group,
        )
        for booking in group:
            mine = menu.at(booking.point).of_picked(picked_at.get(booking.id, frozenset()))
            nearest = alternatives(mine, near, booking.basket, wanted[booking.slot_id])
            found[booking.id] = [one.slot.id for one in nearest]
    return found


def picked_where(
    conn: Connection, now: datetime, bookings: Sequence[DeliveryBooking]
) -> dict[str, frozenset[str]]:
    """The nodes that can bring goods which are picked, by booking; none for those before their cut-off.

    Picked goods lie in their node; those of a node that sends nobody out are picked again elsewhere.
    """
    pool, table = table_of(CapacityPool), table_of(FulfilmentNode)
    picked = [booking for booking in bookings if now >= booking.cutoff_at]
    if not picked:
        return {}
    ids = sorted({booking.pool_id for booking in picked})
    node_of = {
        row.id: row.node_id
        for row in conn.execute(sa.select(pool.c.id, pool.c.node_id).where(pool.c.id.in_(ids)))
    }
    gone = {
        outage.node_id
        for outage in outages_within(conn, Window(now, max(b.ends_at for b in picked)))
        if outage.vehicle_class_id is None and outage.vehicles is None
    }
    others = frozenset(conn.execute(sa.select(table.c.id)).scalars()) - gone
    return {
        booking.id: others if node_of[booking.pool_id] in gone else frozenset([node_of[booking.pool_id]])
        for booking in picked
    }
