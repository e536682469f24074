"""Disruptions as an operator sees them: what failed, what became of each booking, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.assignment.tables import BookingMove
from app.booking.repromise import SeenProposal, proposals_of
from app.booking.tables import DeliveryBooking, RepromiseProposal
from app.capacity.seen import SeenPool, pools_by_id
from app.database.rows import rows, table_of
from app.disruption.errors import DisruptionNotFound
from app.disruption.queries import moves_for
from app.disruption.rules import DisruptionKind, is_over
from app.disruption.tables import Disruption
from app.errors import OperatorsOnly
from app.fleet.tables import Vehicle
from app.places.tables import FulfilmentNode, Street
from app.values.actor import Actor


@dataclass(frozen=True, slots=True)
class SeenDisruption:
    """A disruption with the names of what failed, and whether it is over."""

    row: Disruption
    vehicle: str | None
    node: str | None
    street: str | None
    is_over: bool


@dataclass(frozen=True, slots=True)
class SeenMove:
    """A booking that its repair moved, from which pool to which; no pool is a partner courier."""

    row: BookingMove
    code: str
    order_reference: str
    before: SeenPool | None
    after: SeenPool | None


@dataclass(frozen=True, slots=True)
class SeenRepair:
    """What became of the bookings of a disruption: the newest moves and proposals, up to a number."""

    of: SeenDisruption
    moves: Sequence[SeenMove]
    proposals: Sequence[SeenProposal]


def seen_disruptions(conn: Connection, *, now: datetime, actor: Actor, limit: int) -> list[SeenDisruption]:
    """Those that go on, all of them, and the newest that are over; newest first. Raises OperatorsOnly."""
    _check(actor)
    table = table_of(Disruption)
    lasts = sa.and_(table.c.ended_at.is_(None), sa.or_(table.c.ends_at.is_(None), table.c.ends_at > now))
    newest = sa.select(table).order_by(table.c.id.desc())
    going_on = rows(conn, Disruption, newest.where(lasts))
    over = sa.or_(table.c.ended_at.is_not(None), table.c.ends_at <= now)
    past = rows(conn, Disruption, newest.where(over).limit(limit))
    return named_disruptions(conn, now=now, found=[*going_on, *past])


def seen_repair(
    conn: Connection, *, now: datetime, actor: Actor, disruption_id: str, limit: int
) -> SeenRepair:
    """A disruption and its repair; raises OperatorsOnly, DisruptionNotFound."""
    _check(actor)
    table = table_of(Disruption)
    found = rows(conn, Disruption, sa.select(table).where(table.c.id == disruption_id))
    if not found:
        raise DisruptionNotFound
    proposal = table_of(RepromiseProposal)
    mine = sa.select(proposal.c.id).where(proposal.c.disruption_id == disruption_id)
    newest = list(conn.execute(mine.order_by(proposal.c.id.desc()).limit(limit)).scalars())
    return SeenRepair(
        of=named_disruptions(conn, now=now, found=found)[0],
        moves=_named_moves(conn, moves_for(conn, actor=actor, disruption_id=disruption_id, limit=limit)),
        proposals=proposals_of(conn, now=now, actor=actor, proposal_ids=newest, limit=limit),
    )


def what_failed(seen: SeenDisruption) -> str:
    """What failed, in words."""
    kind = str(seen.row.vehicle_kind or "vehicle").replace("_", " ").lower()
    return {
        DisruptionKind.VEHICLE: f"{seen.vehicle} is out",
        DisruptionKind.COURIER: f"Nobody drives {seen.vehicle or f'one {kind}'}, {seen.node}",
        DisruptionKind.NODE: f"{seen.node} sends nothing out",
        DisruptionKind.STREET: f"{seen.street} is closed to motor vehicles",
    }[seen.row.kind]


def _check(actor: Actor) -> None:
    if not actor.is_operator:
        raise OperatorsOnly


def named_disruptions(
    conn: Connection, *, now: datetime, found: Sequence[Disruption]
) -> list[SeenDisruption]:
    """Disruptions with the names of what failed."""
    names: dict[str | None, str] = {None: ""}
    for model, keys in (
        (Vehicle, {one.vehicle_id for one in found}),
        (FulfilmentNode, {one.node_id for one in found}),
        (Street, {one.street_id for one in found}),
    ):
        table = table_of(model)
        wanted = sa.select(table.c.id, table.c.name).where(table.c.id.in_(sorted(filter(None, keys))))
        names |= {row.id: row.name for row in conn.execute(wanted)}
    return [
        SeenDisruption(
            row=one,
            vehicle=names[one.vehicle_id] or None,
            node=names[one.node_id] or None,
            street=names[one.street_id] or None,
            is_over=is_over(one.ends_at, one.ended_at, now),
        )
        for one in found
    ]


def _named_moves(conn: Connection, found: Sequence[BookingMove]) -> list[SeenMove]:
    booking = table_of(DeliveryBooking)
    pools = pools_by_id(
        conn, sorted({key for one in found for key in (one.before_pool_id, one.after_pool_id) if key})
    )
    wanted = sa.select(booking).where(booking.c.id.in_(sorted({one.booking_id for one in found})))
    bookings = {row.id: row for row in rows(conn, DeliveryBooking, wanted)}
    return [
        SeenMove(
            row=one,
            code=bookings[one.booking_id].code,
            order_reference=bookings[one.booking_id].order_reference,
            before=pools.get(one.before_pool_id or ""),
            after=pools.get(one.after_pool_id or ""),
        )
        for one in found
    ]
