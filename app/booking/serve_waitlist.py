"""Offer freed room to those who wait for it; the offer is a hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events, jobs
from app.booking.columns import new_hold, place_of
from app.booking.covered_fee import covered_fee, fee_in
from app.booking.menu import Menu, policy_of, read_menu
from app.booking.queries import windows_of
from app.booking.rules import HoldOrigin, WaitlistStatus, offer_end
from app.booking.tables import SlotHold, WaitlistEntry, WaitlistWindow
from app.booking.take_place import take_place
from app.capacity.rules import Reach
from app.capacity.tables import CapacityPool, CapacityReach
from app.customers.queries import group_of
from app.database.rows import add, rows, table_of
from app.handover.queries import preference_by_id
from app.handover.tables import DropPreference
from app.slots.queries import slots_by_id
from app.slots.tables import DeliverySlot
from app.tours.room import Asked
from app.values.ids import new_id

# How many entries are looked at for one freed unit; the next unit begins with the first again.
_LOOKED_AT = 200


def serve_waitlist(conn: Connection, *, now: datetime, pool_ids: Iterable[str]) -> list[SlotHold]:
    """Make an offer to each waiting customer whose basket these pools can now take.

    The highest priority first, then who joined first; an entry that does not fit is passed over and
    keeps its place. Each offer is a hold with its own end, and leaves word for its message.
    """
    entries = _waiting(conn, now, sorted(set(pool_ids)))
    wanted = _windows(conn, entries)
    offers = (_offer(conn, now, entry, wanted[entry.id]) for entry in entries)
    return [held for held in offers if held is not None]


def waited_pools(conn: Connection, *, now: datetime, first: date, last: date) -> list[str]:
    """The pools with room that serve a window of these local days for which somebody waits, by id."""
    window, slot, pool = table_of(WaitlistWindow), table_of(DeliverySlot), table_of(CapacityPool)
    entry = table_of(WaitlistEntry)
    query = (
        _served(sa.select(pool.c.id).distinct(), now)
        .join(entry, entry.c.id == window.c.entry_id)
        .where(
            entry.c.status == WaitlistStatus.WAITING,
            slot.c.day.between(first, last),
            pool.c.sell_orders > pool.c.held_orders + pool.c.booked_orders,
        )
    )
    return list(conn.scalars(query.order_by(pool.c.id)))


def settle_offer(conn: Connection, *, hold_id: str, status: WaitlistStatus) -> None:
    """Note what became of the offer that this hold is."""
    entry = table_of(WaitlistEntry)
    mine = sa.and_(entry.c.hold_id == hold_id, entry.c.status == WaitlistStatus.OFFERED)
    conn.execute(sa.update(entry).where(mine).values(status=status))


def _waiting(conn: Connection, now: datetime, pool_ids: Sequence[str]) -> list[WaitlistEntry]:
    """Who waits for a window that one of the pools serves, in the order of service."""
    if not pool_ids:
        return []
    entry, window, pool = table_of(WaitlistEntry), table_of(WaitlistWindow), table_of(CapacityPool)
    served_here = _served(sa.select(window.c.entry_id), now).where(pool.c.id.in_(pool_ids))
    query = (
        sa.select(entry)
        .where(entry.c.status == WaitlistStatus.WAITING, entry.c.id.in_(served_here))
        .order_by(entry.c.priority.desc(), entry.c.joined_at, entry.c.id)
        .limit(_LOOKED_AT)
    )
    return rows(conn, WaitlistEntry, query)


def _served(query: sa.Select[tuple[str]], now: datetime) -> sa.Select[tuple[str]]:
    """The waited-for windows that can be ordered, each with the pools within it that serve its zone."""
    window, slot = table_of(WaitlistWindow), table_of(DeliverySlot)
    pool, reach = table_of(CapacityPool), table_of(CapacityReach)
    return (
        query.select_from(window)
        .join(slot, slot.c.id == window.c.slot_id)
        .join(reach, reach.c.zone_id == slot.c.zone_id)
        .join(pool, pool.c.id == reach.c.pool_id)
        .where(
            slot.c.starts_at <= pool.c.starts_at,
            slot.c.ends_at >= pool.c.ends_at,
            slot.c.cutoff_at > now,
            slot.c.withdrawn_at.is_(None),
        )
    )


def _windows(conn: Connection, entries: Sequence[WaitlistEntry]) -> dict[str, list[DeliverySlot]]:
    """The windows that each entry would take, the most wanted first."""
    if not entries:
        return {}
    by_entry = windows_of(conn, [entry.id for entry in entries])
    slots = {
        slot.id: slot for slot in slots_by_id(conn, sorted({s for ids in by_entry.values() for s in ids}))
    }
    return {entry_id: [slots[slot_id] for slot_id in ids] for entry_id, ids in by_entry.items()}


def _offer(
    conn: Connection, now: datetime, entry: WaitlistEntry, wanted: Sequence[DeliverySlot]
) -> SlotHold | None:
    policy = policy_of(conn, entry.storefront_id)
    preference = preference_by_id(conn, entry.drop_preference_id)
    group = group_of(conn, entry.customer_id)
    for slot in wanted:
        menu = _menu(conn, now, entry, slot, group)
        if menu.shut(slot, entry.basket):
            continue
        roomed = [
            r
            for r in menu.pools_for(slot, entry.basket, preference.at_door_s)
            if r.has_room(entry.basket, preference.at_door_s)
        ]
        reaches = menu.toured(slot, roomed, Asked.of(entry.basket.load(0), preference.at_door_s))
        closes_at = menu.cutoff_at(slot, reaches)
        end = offer_end(now, closes_at, policy.offer_min, policy.offer_least_min)
        if not reaches or end is None:
            continue
        if held := _held(conn, now, entry, slot, menu, reaches, preference, end, group):
            return held
    return None


def _held(
    conn: Connection,
    now: datetime,
    entry: WaitlistEntry,
    slot: DeliverySlot,
    menu: Menu,
    reaches: Sequence[Reach],
    preference: DropPreference,
    end: datetime,
    group: str | None,
) -> SlotHold | None:
    """The offer, if nobody else has just made one to this entry and a pool takes the basket."""
    hold_id = new_id()
    if not _moved(conn, entry, WaitlistStatus.WAITING, WaitlistStatus.OFFERED):
        return None
    reach = take_place(
        conn,
        now=now,
        actor="waitlist",
        menu=menu,
        slot=slot,
        reaches=reaches,
        basket=entry.basket,
        at_door_s=preference.at_door_s,
        reference=hold_id,
        stop_reference=hold_id,
        audience=group,
        reason="offered to a customer who waits",
    )
    if reach is None:
        _moved(conn, entry, WaitlistStatus.OFFERED, WaitlistStatus.WAITING)
        return None
    closes_at = menu.cutoff_at(slot, [reach])
    until = min(end, closes_at)
    priced = fee_in(slot, reach, preference)
    fee = covered_fee(conn, now=now, menu=menu, slot=slot, priced=priced, hold_id=hold_id, until=until)
    held = new_hold(
        now=now,
        hold_id=hold_id,
        storefront_id=entry.storefront_id,
        customer_id=entry.customer_id,
        customer_group=group,
        cart_reference=f"waitlist:{entry.id}",
        place=place_of(entry),
        basket=entry.basket,
        slot=slot,
        reach=reach,
        preference=preference,
        fee=fee,
        cutoff_at=closes_at,
        expires_at=until,
        origin=HoldOrigin.WAITLIST,
    )
    add(conn, held)
    table = table_of(WaitlistEntry)
    conn.execute(sa.update(table).where(table.c.id == entry.id).values(hold_id=hold_id))
    _leave_word(conn, now, entry, held)
    return held


def _moved(conn: Connection, entry: WaitlistEntry, before: WaitlistStatus, after: WaitlistStatus) -> bool:
    table = table_of(WaitlistEntry)
    mine = sa.and_(table.c.id == entry.id, table.c.status == before)
    return conn.execute(sa.update(table).where(mine).values(status=after)).rowcount == 1


def _leave_word(conn: Connection, now: datetime, entry: WaitlistEntry, held: SlotHold) -> None:
    facts = {"entry_id": entry.id, "hold_id": held.id}
    events.record(conn, now=now, topic=f"waitlist:{entry.id}", kind="waitlist.offered", payload=facts)
    key = f"waitlist_offered:{held.id}"
    jobs.later(conn, now=now, kind="engagement.waitlist_offered", payload=facts, dedup_key=key)
    # An offer that nobody takes goes on to the next at once, not with the next round of housekeeping.
    jobs.later(
        conn,
        now=now,
        kind="booking.reclaim",
        payload={"pool_id": held.pool_id},
        dedup_key=f"reclaim:{held.id}",
        run_at=held.expires_at,
    )


def _menu(
    conn: Connection, now: datetime, entry: WaitlistEntry, slot: DeliverySlot, group: str | None
) -> Menu:
    return read_menu(
        conn,
        now=now,
        storefront_id=entry.storefront_id,
        zone_id=slot.zone_id,
        time_zone=slot.time_zone,
        span=slot.window,
        point=entry.point,
        basket=entry.basket,
        customer_id=entry.customer_id,
        customer_group=group,
    )
