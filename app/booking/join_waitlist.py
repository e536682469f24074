"""Wait for room in one of some windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated

from pydantic import TypeAdapter
from sqlalchemy import Connection

from app.booking.columns import goods, where
from app.booking.errors import CutoffPassed, SlotNotFound, TooManyWindows
from app.booking.hold import stable
from app.booking.serve_waitlist import serve_waitlist
from app.booking.tables import SlotHold, WaitlistEntry, WaitlistWindow
from app.capacity.queries import reaches_of
from app.capacity.rules import inside
from app.customers.register import register
from app.customers.rules import CustomerFacts
from app.database.idempotency import Answer, once
from app.database.rows import AsRow, add, by_id
from app.handover.choose import choose
from app.handover.rules import DropWish
from app.places.rules import CollectionPlace, Place
from app.places.zone_of import zone_of
from app.slots.queries import slots_by_id
from app.slots.tables import DeliverySlot
from app.values.actor import Actor
from app.values.basket import Basket

MAX_WINDOWS = 20


@dataclass(frozen=True, slots=True)
class Joined:
    """An entry with the offer that came at once, both as they were then."""

    entry: Annotated[WaitlistEntry, AsRow()]
    offer: Annotated[SlotHold, AsRow()] | None


_JSON = TypeAdapter(Joined)
_JOINED: Answer[Joined] = Answer(lambda joined: _JSON.dump_json(joined).decode(), _JSON.validate_json)
_SLOTS = ("input", "slotIds")


def join_waitlist(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    slot_ids: Sequence[str],
    place: Place,
    basket: Basket,
    customer: CustomerFacts,
    wish: DropWish | None = None,
    priority: int = 0,
    key: str,
) -> Joined:
    """An entry for any of these windows, the first of them wanted most; an offer comes at once if one has
    room.

    Higher `priority` is served first, then who joined first. Raises TooManyWindows, SlotNotFound,
    OutOfZone, CutoffPassed when no window can be ordered any more, the refusals of handover and
    customers, and those of `once`.
    """
    request = {
        "slots": list(slot_ids),
        "place": asdict(place),
        "basket": stable(basket),
        "customer": asdict(customer),
        "wish": asdict(wish) if wish else None,
        "priority": priority,
    }
    return once(
        conn,
        now=now,
        scope=f"{actor.storefront_id}:join_waitlist",
        key=key,
        request=request,
        answer=_JOINED,
        work=lambda: _join(conn, now, actor, slot_ids, place, basket, customer, wish, priority),
    )


def _join(
    conn: Connection,
    now: datetime,
    actor: Actor,
    slot_ids: Sequence[str],
    place: Place,
    basket: Basket,
    customer: CustomerFacts,
    wish: DropWish | None,
    priority: int,
) -> Joined:
    slots = _slots(conn, now, slot_ids, place)
    buyer = register(conn, now=now, actor=actor, facts=customer)
    collected = isinstance(place, CollectionPlace)
    preference = choose(conn, now=now, wish=wish, basket=basket, collected=collected)
    entry = WaitlistEntry(
        storefront_id=actor.storefront_id,
        customer_id=buyer.id,
        zone_id=slots[0].zone_id,
        drop_preference_id=preference.id,
        priority=priority,
        joined_at=now,
        **goods(basket),
        **where(place),
    )
    add(conn, entry)
    windows = [
        WaitlistWindow(entry_id=entry.id, slot_id=slot.id, place=place) for place, slot in enumerate(slots)
    ]
    add(conn, *windows)
    reaches = [
        reach for slot in slots for reach in reaches_of(conn, now=now, zone_id=slot.zone_id, span=slot.window)
    ]
    pools = {r.pool_id for slot in slots for r in inside(reaches, slot.window)}
    serve_waitlist(conn, now=now, pool_ids=pools)
    there = by_id(conn, WaitlistEntry, entry.id) or entry
    return Joined(there, by_id(conn, SlotHold, there.hold_id) if there.hold_id else None)


def _slots(conn: Connection, now: datetime, slot_ids: Sequence[str], place: Place) -> list[DeliverySlot]:
    wanted = list(dict.fromkeys(slot_ids))
    if not 1 <= len(wanted) <= MAX_WINDOWS:
        raise TooManyWindows(field=_SLOTS, limit=MAX_WINDOWS)
    zone = zone_of(conn, point=place.point)
    found = {
        slot.id: slot
        for slot in slots_by_id(conn, wanted)
        if slot.zone_id == zone.id and slot.withdrawn_at is None
    }
    if len(found) != len(wanted):
        raise SlotNotFound(field=_SLOTS)
    slots = [found[slot_id] for slot_id in wanted]
    if all(now >= slot.cutoff_at for slot in slots):
        raise CutoffPassed(field=_SLOTS, cutoff_at=max(s.cutoff_at for s in slots).isoformat())
    return slots
