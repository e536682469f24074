"""Change the goods of a hold, or how they are handed over: it goes on where it still fits."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.active_hold import active_hold, check_version
from app.booking.claim import claim, menu_of, nearby
from app.booking.columns import goods, served, wanted_basket, with_handover
from app.booking.compartments import kept_by_hold, lock_lockers
from app.booking.errors import BasketTooLarge, CutoffPassed, SlotFull
from app.booking.hold import stable
from app.booking.kept_offers import kept
from app.booking.menu import Menu
from app.booking.rules import HoldStatus, SlotClosedReason, unfit
from app.booking.serve_waitlist import serve_waitlist
from app.booking.stops import stop_of
from app.booking.tables import SlotHold
from app.capacity.adjust import adjust
from app.capacity.give_back import give_back
from app.capacity.lock import lock
from app.capacity.rules import drop_s
from app.database.idempotency import once, row_answer
from app.database.rows import row_of, table_of
from app.handover.choose import choose
from app.handover.queries import preference_by_id
from app.handover.rules import DropWish, is_collected, refused
from app.handover.tables import DropPreference
from app.slots.queries import slots_by_id
from app.slots.tables import DeliverySlot
from app.tours.place import place
from app.tours.queries import locked_sheets
from app.tours.remove import remove
from app.values.actor import Actor
from app.values.basket import Basket


def update_hold(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    hold_id: str,
    basket: Basket | None = None,
    wish: DropWish | None = None,
    expected_version: int | None = None,
    key: str,
) -> SlotHold:
    """The hold with these goods and this handover; what is not given stays, the fee stays locked.

    Goods that do not fit any more are accepted too: the hold is CONFLICTED with the reason, keeps what it
    had taken, and goes on once the goods are changed back. Raises HoldNotFound, HoldEnded, HoldReleased,
    HoldAlreadyConfirmed, VersionConflict, CutoffPassed, the refusals of handover for a wish that these
    goods do not allow, and those of `once`.
    """
    request = {
        "hold": hold_id,
        "basket": stable(basket) if basket else None,
        "wish": asdict(wish) if wish else None,
    }
    return once(
        conn,
        now=now,
        scope=f"{actor.storefront_id}:update_hold",
        key=key,
        request=request,
        answer=row_answer(SlotHold),
        work=lambda: _update(conn, now, actor, hold_id, basket, wish, expected_version),
    )


def _update(
    conn: Connection,
    now: datetime,
    actor: Actor,
    hold_id: str,
    basket: Basket | None,
    wish: DropWish | None,
    expected_version: int | None,
) -> SlotHold:
    held = active_hold(conn, now=now, actor=actor, hold_id=hold_id)
    check_version(held, expected_version)
    if now >= held.cutoff_at:
        raise CutoffPassed(field=("input", "holdId"), cutoff_at=held.cutoff_at.isoformat())
    slot = slots_by_id(conn, [held.slot_id])[0]
    wanted = basket or wanted_basket(held)
    preference = preference_by_id(conn, held.drop_preference_id)
    if wish:
        collected = is_collected(preference)
        preference = choose(conn, now=now, wish=wish, basket=wanted, collected=collected)
    lock_lockers(conn, held.lockers)
    changes = _fitted(conn, now, actor, held, slot, wanted, preference)
    if held.lockers and changes["status"] is HoldStatus.ACTIVE:
        # The changed goods have a compartment that is large enough, or go to the door.
        kept_by_hold(conn, now=now, held=held, slot=slot, basket=wanted)
    changes |= {"version": held.version + 1, "changed_at": now}
    table = table_of(SlotHold)
    conn.execute(sa.update(table).where(table.c.id == held.id).values(**changes))
    serve_waitlist(conn, now=now, pool_ids=[held.pool_id])
    return row_of(SlotHold, {**held.model_dump(), **changes})


def _fitted(
    conn: Connection,
    now: datetime,
    actor: Actor,
    held: SlotHold,
    slot: DeliverySlot,
    wanted: Basket,
    preference: DropPreference,
) -> dict[str, Any]:
    """The columns of a hold that goes on with these goods, or of one that is in conflict with them."""
    menu = menu_of(
        conn,
        now=now,
        storefront_id=held.storefront_id,
        slot=slot,
        point=held.point,
        basket=wanted,
        collected=is_collected(preference),
    )

    def conflict(reason: SlotClosedReason) -> dict[str, Any]:
        instead = kept(nearby(conn, menu, slot, wanted, held.customer_group))
        named = {**goods(wanted), "instead": instead}
        return {"status": HoldStatus.CONFLICTED, "conflict": reason, "wanted": named}

    if refused(preference.mode, wanted):
        return conflict(SlotClosedReason.HANDOVER_RULE)
    if wanted.value.minor < menu.terms.min_order_minor:
        return conflict(SlotClosedReason.MIN_ORDER_VALUE)
    if not menu.pools_for(slot, wanted, preference.at_door_s):
        return conflict(menu.shut(slot, wanted) or unfit(menu.open_reaches(slot), wanted))
    taken = _stays(conn, now, actor, held, menu, slot, wanted, preference)
    if taken is None:
        try:
            taken = _elsewhere(conn, now, actor, held, menu, slot, wanted, preference)
        except (SlotFull, BasketTooLarge):
            return conflict(SlotClosedReason.FULL)
    agreed = {"status": HoldStatus.ACTIVE, "conflict": None, "wanted": None}
    return {**goods(wanted), "currency": held.currency, **with_handover(held, preference), **taken, **agreed}


def _stays(
    conn: Connection,
    now: datetime,
    actor: Actor,
    held: SlotHold,
    menu: Menu,
    slot: DeliverySlot,
    wanted: Basket,
    preference: DropPreference,
) -> dict[str, Any] | None:
    """The goods in the pool that the hold is in, if that can carry them and it and its tours have room."""
    reaches = menu.pools_for(slot, wanted, preference.at_door_s)
    here = next((reach for reach in reaches if reach.pool_id == held.pool_id), None)
    if here is None:
        return None
    work_s = drop_s(held.reach_work_s, held.handover_bp, preference.at_door_s)
    # The pool is locked before the sheet, as everywhere.
    lock(conn, pool_ids=[held.pool_id])
    known = locked_sheets(conn, keys=[(here.node_id, here.day)]).get((here.node_id, here.day))
    stop = stop_of(
        reference=held.id,
        slot=slot,
        point=held.point,
        reach=here,
        basket=wanted,
        at_door_s=preference.at_door_s,
    )
    planned = known.sheet.with_stop(stop) if known else None
    fits = (known is None or planned is not None) and adjust(
        conn,
        now=now,
        actor=actor.name,
        pool_id=held.pool_id,
        held=wanted.load(work_s) - held.load,
        reference=held.id,
        reason="the basket changed",
    )
    if fits and known and planned:
        place(conn, now=now, known=known, stop=stop, planned=planned)
    return {"work_s": work_s, "drop_preference_id": preference.id} if fits else None


def _elsewhere(
    conn: Connection,
    now: datetime,
    actor: Actor,
    held: SlotHold,
    menu: Menu,
    slot: DeliverySlot,
    wanted: Basket,
    preference: DropPreference,
) -> dict[str, Any]:
    """The goods in another pool of the same window; raises SlotFull, BasketTooLarge."""
    others = menu.without(held.pool_id)
    tried = others.pools_for(slot, wanted, preference.at_door_s)
    pools = [held.pool_id, *(reach.pool_id for reach in tried)]
    lock(conn, pool_ids=pools)
    locked_sheets(conn, pool_ids=pools)
    reach = claim(
        conn,
        now=now,
        actor=actor,
        menu=others.refreshed(conn),
        slot=slot,
        basket=wanted,
        at_door_s=preference.at_door_s,
        reference=held.id,
        customer_group=held.customer_group,
        reason="the basket changed",
    )
    give_back(
        conn,
        now=now,
        actor=actor.name,
        pool_id=held.pool_id,
        held=held.load,
        reference=held.id,
        reason="the basket moved to another vehicle",
        audience=held.customer_group,
    )
    remove(
        conn,
        now=now,
        pool_ids=[held.pool_id],
        references=[held.id],
        but_not=(reach.node_id, reach.day),
    )
    return {**served(reach, preference), "cutoff_at": menu.cutoff_at(slot, [reach])}
