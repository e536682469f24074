"""Compartments of lockers that holds and bookings keep: read, taken under a lock, moved and given back.

A claim is a row that is worth what its hold or booking is worth: what expired, was released or cancelled
keeps nothing, so nobody has to give anything back in time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.errors import LockerFull
from app.booking.flexible import choices_of
from app.booking.menu import span_of
from app.booking.rules import OCCUPYING, BookingStatus
from app.booking.tables import CompartmentClaim, DeliveryBooking, SlotHold
from app.database.rows import add, one_or_none, table_of
from app.handover.rules import HandoverMode, refused
from app.places.collection_points import compartments_of
from app.places.locker_room import Goods, LockerRoom, Stay
from app.places.rules import LockerClosedReason
from app.places.tables import CollectionPoint
from app.slots.tables import DeliverySlot
from app.values.basket import Basket
from app.values.window import Window

# Bookings whose goods are in no locker and never will be.
_GONE = (BookingStatus.CANCELLED, BookingStatus.FAILED, BookingStatus.RETURNED)
MESSAGES = {
    LockerClosedReason.FULL: "All compartments of this locker are taken in this window.",
    LockerClosedReason.TOO_SMALL: "No compartment of this locker is large enough for these goods.",
    LockerClosedReason.GOODS: "These goods may not be left in a locker.",
}


def lock_lockers(conn: Connection, locker_ids: Collection[str]) -> None:
    """Nobody else takes a compartment of these lockers until the transaction ends.

    Locked by their ids, after holds and bookings and before pools and tours.
    """
    if locker_ids:
        table = table_of(CollectionPoint)
        mine = sa.select(table.c.id).where(table.c.id.in_(sorted(set(locker_ids)))).order_by(table.c.id)
        conn.execute(mine.with_for_update())


def locker_room(conn: Connection, *, now: datetime, locker_ids: Collection[str], span: Window) -> LockerRoom:
    """The compartments of these lockers and who keeps them at any time of a span of handovers.

    Whoever will take one has locked the lockers before.
    """
    wanted = sorted(set(locker_ids))
    if not wanted:
        return LockerRoom({}, {}, [])
    point = table_of(CollectionPoint)
    sizes = compartments_of(conn, wanted)
    hours = conn.execute(sa.select(point.c.id, point.c.kept_h).where(point.c.id.in_(wanted)))
    kept = {row.id: timedelta(hours=row.kept_h) for row in hours}
    longest = max(kept.values(), default=timedelta())
    return LockerRoom(sizes, kept, _stays(conn, now, wanted, Window(span.start, span.end + longest)))


def _stays(conn: Connection, now: datetime, locker_ids: Sequence[str], span: Window) -> list[Stay]:
    claim, hold, booking = table_of(CompartmentClaim), table_of(SlotHold), table_of(DeliveryBooking)
    held = sa.and_(hold.c.status.in_(OCCUPYING), hold.c.expires_at > now)
    booked = sa.and_(booking.c.id.is_not(None), booking.c.status.not_in(_GONE))
    query = (
        sa.select(claim.c.hold_id, claim.c.compartment_id, claim.c.starts_at, claim.c.ends_at)
        .join(hold, hold.c.id == claim.c.hold_id)
        .outerjoin(booking, booking.c.hold_id == claim.c.hold_id)
        .where(
            claim.c.locker_id.in_(locker_ids),
            claim.c.ends_at > span.start,
            claim.c.starts_at < span.end,
            claim.c.emptied_at.is_(None),
            sa.or_(held, booked),
        )
    )
    return [
        Stay(row.hold_id, row.compartment_id, Window(row.starts_at, row.ends_at))
        for row in conn.execute(query)
    ]


def reserved(
    conn: Connection,
    *,
    now: datetime,
    hold_id: str,
    locker_ids: Sequence[str],
    basket: Basket,
    window: Window,
) -> list[CompartmentClaim]:
    """A compartment of the first of these lockers for a hold that begins; the caller adds it after the hold.

    All of them must have one to offer. Empty where no locker is named. Raises LockerFull, which names those
    that have none. The caller has locked the lockers.
    """
    if not locker_ids:
        return []
    room = locker_room(conn, now=now, locker_ids=locker_ids, span=window)
    goods = Goods(hold_id, basket.volume_ml, window)
    closed = [(key, reason) for key in locker_ids if (reason := room.shut(key, goods))]
    if closed:
        raise full(conn, closed)
    claim = _claim(room, locker_ids[0], goods)
    return [claim] if claim else []


def kept_again(
    conn: Connection,
    *,
    now: datetime,
    hold_id: str,
    locker_ids: Sequence[str],
    basket: Basket,
    window: Window,
) -> str | None:
    """The first of these lockers that has a compartment for the goods, which is the hold's from now on.

    The one that it keeps is looked at first. None, and it keeps none any more, where none is free or the
    goods may go to none: it goes to the door. The caller has locked the lockers.
    """
    table = table_of(CompartmentClaim)
    mine = table.c.hold_id == hold_id
    present = one_or_none(conn, CompartmentClaim, sa.select(table).where(mine))
    conn.execute(sa.delete(table).where(mine))
    if refused(HandoverMode.LOCKER, basket) is not None:
        return None
    first = [present.locker_id] if present and present.locker_id in locker_ids else []
    room = locker_room(conn, now=now, locker_ids=locker_ids, span=window)
    for key in dict.fromkeys([*first, *locker_ids]):
        claim = _claim(room, key, Goods(hold_id, basket.volume_ml, window))
        if claim is not None:
            add(conn, claim)
            return key
    return None


def kept_by_hold(
    conn: Connection, *, now: datetime, held: SlotHold, slot: DeliverySlot, basket: Basket
) -> str | None:
    """`kept_again` for a hold in `slot`, from the first of the windows that it accepts to the last."""
    choices = choices_of(conn, [held.id])[held.id] or [slot]
    return kept_again(
        conn, now=now, hold_id=held.id, locker_ids=held.lockers, basket=basket, window=span_of(choices)
    )


def given_back(conn: Connection, *, hold_id: str) -> None:
    """The hold keeps no compartment any more: it goes to the door."""
    table = table_of(CompartmentClaim)
    conn.execute(sa.delete(table).where(table.c.hold_id == hold_id))


def claim_of(conn: Connection, hold_id: str) -> CompartmentClaim | None:
    """The compartment that a hold or its booking keeps."""
    table = table_of(CompartmentClaim)
    return one_or_none(conn, CompartmentClaim, sa.select(table).where(table.c.hold_id == hold_id))


def moved(conn: Connection, *, now: datetime, booking: DeliveryBooking, window: Window) -> None:
    """A booking that is to be brought in another window has a compartment then, if it had one.

    Where none is free it goes to its door. Raises LockerFull for one that the goods have been decided for: it
    has no door any more. Called before the pools are locked.
    """
    present = claim_of(conn, booking.hold_id)
    accepted = list(booking.lockers or ([present.locker_id] if present else []))
    if not accepted:
        return
    lock_lockers(conn, accepted)
    found = kept_again(
        conn,
        now=now,
        hold_id=booking.hold_id,
        locker_ids=accepted,
        basket=booking.basket,
        window=window,
    )
    if found is None and not booking.lockers:
        raise full(conn, [(accepted[0], LockerClosedReason.FULL)], field=("input", "slotId"))


def keeps_for(conn: Connection, *, booking: DeliveryBooking, window: Window) -> None:
    """A compartment that is kept for several windows is kept for one of them only."""
    present = claim_of(conn, booking.hold_id)
    if present is not None:
        table = table_of(CompartmentClaim)
        values = {"starts_at": window.start, "ends_at": present.ends_at - (booking.ends_at - window.end)}
        conn.execute(sa.update(table).where(table.c.hold_id == booking.hold_id).values(**values))


def allotted(
    conn: Connection, *, now: datetime, bookings: Iterable[DeliveryBooking]
) -> dict[str, tuple[str, ...]]:
    """For each booking the lockers that it may be brought to whatever becomes of the others.

    Whoever keeps a compartment has it; what is left is given in the order of booking, a compartment in every
    locker that a booking accepts. So no decision among these overfills a locker.
    """
    asking = [one for one in bookings if one.lockers and refused(HandoverMode.LOCKER, one.basket) is None]
    if not asking:
        return {}
    span = Window(min(one.starts_at for one in asking), max(one.ends_at for one in asking))
    room = locker_room(conn, now=now, locker_ids={key for one in asking for key in one.lockers}, span=span)
    found: dict[str, tuple[str, ...]] = {}
    for one in sorted(asking, key=lambda booking: (booking.created_at, booking.id)):
        found[one.id] = tuple(key for key in one.lockers if room.take(key, _goods(one)))
    return found


def placed(conn: Connection, *, now: datetime, going: Sequence[tuple[DeliveryBooking, str | None]]) -> bool:
    """Whether all of these bookings have a compartment of the locker that each goes to, None to its door.

    Then they keep it, and nothing else; where one has none, nothing changes. The caller has locked the
    bookings, and pools and tours come after.
    """
    lockers = {key for _, key in going if key}
    lock_lockers(conn, lockers)
    holders = {one.hold_id for one, _ in going}
    claims: list[CompartmentClaim] = []
    if lockers:
        span = Window(min(one.starts_at for one, _ in going), max(one.ends_at for one, _ in going))
        room = locker_room(conn, now=now, locker_ids=lockers, span=span).without(holders)
        made = [_claim(room, key, _goods(one)) for one, key in going if key]
        claims = [claim for claim in made if claim is not None]
        if len(claims) != len(made):
            return False
    table = table_of(CompartmentClaim)
    for hold_id in sorted(holders):
        conn.execute(sa.delete(table).where(table.c.hold_id == hold_id))
    add(conn, *claims)
    return True


def _goods(booking: DeliveryBooking) -> Goods:
    return Goods(booking.hold_id, booking.basket.volume_ml, booking.window)


def full(
    conn: Connection,
    closed: Sequence[tuple[str, LockerClosedReason]],
    field: tuple[str, ...] = ("input", "lockerIds"),
) -> LockerFull:
    """That lockers cannot be had, by their names and each with its reason in words."""
    table = table_of(CollectionPoint)
    known = conn.execute(
        sa.select(table.c.id, table.c.name).where(table.c.id.in_([key for key, _ in closed]))
    )
    names = {row.id: row.name for row in known}
    said = " ".join(f"{names[key]}: {MESSAGES[reason]}" for key, reason in closed)
    return LockerFull(field=field, why=said)


def _claim(room: LockerRoom, locker_id: str, goods: Goods) -> CompartmentClaim | None:
    size = room.take(locker_id, goods)
    if size is None:
        return None
    span = room.span(locker_id, goods.window)
    return CompartmentClaim(
        hold_id=goods.holder,
        locker_id=locker_id,
        compartment_id=size.id,
        starts_at=span.start,
        ends_at=span.end,
    )
