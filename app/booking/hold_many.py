"""Hold slots for many shoppers in one transaction: the same holds as one by one, in far fewer statements.

A hot window makes callers queue for one row's lock over each other's commits. Here those who wait are
served together: one lock, one commit. Whoever is not plainly successful is left to `hold`, alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields
from datetime import date, datetime, timedelta
from functools import cache

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.columns import new_hold
from app.booking.hold import HoldRequest, hold
from app.booking.hold_drafts import DraftedTours, HoldDraft, on_tours
from app.booking.menu import Menu, policy_of, read_menu, span_of
from app.booking.stops import stop_of
from app.booking.tables import SlotHold, occupying
from app.capacity.post_many import Claim, post_many
from app.capacity.rules import EntryKind, Reach
from app.customers.register import register_many
from app.customers.tables import Customer
from app.database.idempotency import claim_many, digest_of, give_up, keep_many, row_answer
from app.database.rows import add, table_of
from app.database.runner import Together
from app.errors import Busy, Refusal
from app.handover.choose import drafted
from app.handover.queries import policies
from app.handover.tables import DropPreference, HandoverPolicy
from app.places.tables import ServiceZone
from app.places.zone_of import zones_of
from app.pricing.rules import Quote, dearer
from app.pricing.spend import Spending, spend
from app.promotions.pass_uses import pass_holders
from app.slots.queries import slots_by_id
from app.slots.tables import DeliverySlot
from app.values.ids import new_id
from app.values.load import Load


def hold_many(conn: Connection, *, now: datetime, requests: Sequence[HoldRequest]) -> list[SlotHold | None]:
    """A hold for each request that is plainly successful, in order; None for one to be asked alone.

    Alone go keys that were used before, customers told twice or holding another window for the same cart,
    and everything that is refused or does not fit at first sight.
    """
    single = _told_once(requests)
    digests = {(r.scope, r.key): digest_of(r.same_as()) for r in single if 1 <= len(r.key) <= 255}
    claimed = claim_many(conn, now=now, keys=digests) if digests else set()
    open_ones = [request for request in single if (request.scope, request.key) in claimed]
    tours = DraftedTours()
    drafts = _drafts(conn, now, open_ones, tours) if open_ones else []
    claims = [draft.claim for draft in drafts]
    taken = post_many(conn, now=now, kind=EntryKind.HOLD, reason="held for a shopper", claims=claims)
    held = [draft for draft in drafts if draft.held.id in taken]
    made = on_tours(conn, now=now, tours=tours, drafts=held)
    _spend(conn, now, made)
    add(conn, *(draft.preference for draft in made))
    add(conn, *(draft.held for draft in made))
    holds = {(draft.request.scope, draft.request.key): draft.held for draft in made}
    keep_many(conn, answers=holds, answer=row_answer(SlotHold))
    give_up(conn, keys=sorted(claimed - holds.keys()))
    single_ones = {id(request) for request in single}
    return [holds.get((r.scope, r.key)) if id(r) in single_ones else None for r in requests]


def _spend(conn: Connection, now: datetime, made: Sequence[HoldDraft]) -> None:
    """Count what they take off to steer demand; raises Busy where others have just spent the budget.

    Then nothing was held, and each is asked alone.
    """
    by_day: dict[tuple[str, date], list[HoldDraft]] = defaultdict(list)
    for draft in made:
        if draft.incentive_minor:
            by_day[draft.held.storefront_id, draft.day].append(draft)
    for (storefront_id, day), drafts in sorted(by_day.items()):
        uses = tuple((draft.held.id, draft.incentive_minor) for draft in drafts)
        spending = Spending(storefront_id, day, drafts[0].usual_minor, uses)
        if not spend(conn, now=now, spending=spending):
            raise Busy


def _alone(conn: Connection, now: datetime, request: HoldRequest) -> SlotHold:
    told = {field.name: getattr(request, field.name) for field in fields(request)}
    return hold(conn, now=now, **told)


# Holding, for a door whose callers may be served together.
HOLDING = Together[HoldRequest, SlotHold](
    many=lambda conn, now, requests: hold_many(conn, now=now, requests=requests), alone=_alone
)


def _told_once(requests: Sequence[HoldRequest]) -> list[HoldRequest]:
    """The first request of each customer and of each key."""
    customers: set[tuple[str, str]] = set()
    keys: set[tuple[str, str]] = set()
    chosen = []
    for request in requests:
        customer = (request.actor.storefront_id, request.customer.reference)
        key = (request.scope, request.key)
        if customer not in customers and key not in keys:
            chosen.append(request)
        customers.add(customer)
        keys.add(key)
    return chosen


def _drafts(
    conn: Connection, now: datetime, requests: Sequence[HoldRequest], tours: DraftedTours
) -> list[HoldDraft]:
    zones = zones_of(conn, points=[request.place.point for request in requests])
    slots = {slot.id: slot for slot in slots_by_id(conn, sorted({r.slot_id for r in requests}))}
    customers = register_many(conn, now=now, told=[(r.actor, r.customer) for r in requests])
    holding = _holding(conn, [customer.id for customer in customers.values()])
    # Whoever has prepaid is left to `hold`, which reserves a delivery of the pass.
    prepaid = pass_holders(conn, now=now, customer_ids=[customer.id for customer in customers.values()])
    desk = _Desk(conn, now, list(slots.values()), tours)
    drafts = []
    for request in requests:
        customer = customers.get((request.actor.storefront_id, request.customer.reference))
        zone, slot = zones.get(request.place.point), slots.get(request.slot_id)
        if customer is None or zone is None or slot is None or slot.withdrawn_at is not None:
            continue
        if customer.id in prepaid:
            continue
        if slot.zone_id != zone.id or (customer.id, request.cart_reference) in holding:
            continue
        if draft := desk.draft(request, customer, zone, slot):
            drafts.append(draft)
    return drafts


def _holding(conn: Connection, customer_ids: Sequence[str]) -> set[tuple[str, str]]:
    """The carts for which these customers hold a window already."""
    found = conn.execute(_carts(), {"ids": customer_ids})
    return {(row.customer_id, row.cart_reference) for row in found}


@cache
def _carts() -> sa.Select[tuple[str, str]]:
    hold = table_of(SlotHold)
    theirs = hold.c.customer_id.in_(sa.bindparam("ids", expanding=True))
    return sa.select(hold.c.customer_id, hold.c.cart_reference).where(theirs, occupying())


class _Desk:
    """What is read once for a whole batch, and the room that is left as it is given out."""

    def __init__(
        self, conn: Connection, now: datetime, slots: Sequence[DeliverySlot], tours: DraftedTours
    ) -> None:
        self._conn, self._now, self._slots = conn, now, slots
        self._menus: dict[tuple[str, str, str | None], Menu] = {}
        self._firm: dict[str, Reach] = {}
        self._room: dict[str, Load] = {}
        self._picks: dict[str, int] = {}
        self._tours = tours
        self._hold_min: dict[str, int] = {}
        self._policies: list[HandoverPolicy] = policies(conn)

    def draft(
        self, request: HoldRequest, customer: Customer, zone: ServiceZone, slot: DeliverySlot
    ) -> HoldDraft | None:
        """The hold that is asked for, if the window is open to it and a pool has room."""
        menu = self._menu(request, customer, zone)
        if slot.id in menu.waited or request.lockers or menu.shut(slot, request.basket):
            return None
        try:
            preference = drafted(
                self._policies,
                now=self._now,
                wish=request.wish,
                basket=request.basket,
                collected=request.collected,
            )
        except Refusal:
            return None
        hold_id = new_id()
        for reach in menu.pools_for(slot, request.basket, preference.at_door_s):
            load = request.basket.load(reach.drop_s(preference.at_door_s))
            stop = stop_of(
                reference=hold_id,
                slot=slot,
                point=request.place.point,
                reach=reach,
                basket=request.basket,
                at_door_s=preference.at_door_s,
            )
            if self._has_room(reach, load) and self._tours.add(menu, reach, stop):
                break
        else:
            return None
        fee = menu.quote(slot, reach, preference.at_door_s, preference.fee_minor)
        if request.expected_fee is not None and dearer(fee.total, request.expected_fee):
            return None
        self._give_out(reach, load)
        held = self._held(hold_id, request, customer, slot, menu, reach, preference, fee)
        claim = Claim(
            pool_id=reach.pool_id,
            held=load,
            reference=held.id,
            actor=request.actor.name,
            audience=customer.customer_group,
        )
        known = self._tours.known(menu, reach)
        usual = menu.table.incentive_day_minor
        return HoldDraft(request, held, preference, claim, stop, known, fee.incentive_minor, slot.day, usual)

    def _has_room(self, reach: Reach, load: Load) -> bool:
        """Whether the pool and its picking wave can take the load after all that was given out before."""
        room = self._room_of(reach)
        picked = reach.wave is None or self._picks_of(reach) >= load.orders
        return picked and load.fits(room) and load.orders <= room.orders - max(0, reach.kept_orders)

    def _give_out(self, reach: Reach, load: Load) -> None:
        self._room[reach.pool_id] = self._room_of(reach) - load
        if reach.wave is not None:
            self._picks[reach.wave] = self._picks_of(reach) - load.orders

    def _room_of(self, reach: Reach) -> Load:
        # What ended holds still occupy is given out by `hold`, which takes it back first.
        return self._room.get(reach.pool_id) or self._firm[reach.pool_id].free

    def _picks_of(self, reach: Reach) -> int:
        return self._picks.get(reach.wave or "", self._firm[reach.pool_id].pick_free or 0)

    def _menu(self, request: HoldRequest, customer: Customer, zone: ServiceZone) -> Menu:
        key = (request.actor.storefront_id, zone.id, customer.customer_group)
        if key not in self._menus:
            self._menus[key] = read_menu(
                self._conn,
                now=self._now,
                storefront_id=request.actor.storefront_id,
                zone_id=zone.id,
                time_zone=zone.time_zone,
                span=span_of([slot for slot in self._slots if slot.zone_id == zone.id]),
                point=request.place.point,
                basket=request.basket,
                customer_id=None,
                customer_group=customer.customer_group,
            )
            self._firm |= {reach.pool_id: reach for reach in self._menus[key].firm}
        return self._menus[key]

    def _held(
        self,
        hold_id: str,
        request: HoldRequest,
        customer: Customer,
        slot: DeliverySlot,
        menu: Menu,
        reach: Reach,
        preference: DropPreference,
        fee: Quote,
    ) -> SlotHold:
        shop = request.actor.storefront_id
        if shop not in self._hold_min:
            self._hold_min[shop] = policy_of(self._conn, shop).hold_min
        return new_hold(
            now=self._now,
            hold_id=hold_id,
            storefront_id=shop,
            customer_id=customer.id,
            customer_group=customer.customer_group,
            cart_reference=request.cart_reference,
            place=request.place,
            basket=request.basket,
            slot=slot,
            reach=reach,
            preference=preference,
            fee=fee,
            cutoff_at=menu.cutoff_at(slot, [reach]),
            expires_at=self._now + timedelta(minutes=self._hold_min[shop]),
        )
