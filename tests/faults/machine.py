"""Random shoppers, operators and a clock drive the real verbs against the model.

To add a verb: a field in Verbs, a rule here that asks the model what may be answered and notes what was, and
the model's `may_...`. What must hold after every step is in the invariants.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)
from sqlalchemy import Connection, Engine
from sqlmodel import SQLModel

from app.booking.apply_promotion import apply_promotion
from app.booking.begin_checkout import begin_checkout
from app.booking.cancel import cancel
from app.booking.confirm import confirm
from app.booking.hold import hold
from app.booking.join_waitlist import join_waitlist
from app.booking.prefer import prefer
from app.booking.reclaim import reclaim
from app.booking.release import release
from app.booking.remove_promotion import remove_promotion
from app.booking.reschedule import reschedule
from app.booking.rules import (
    OCCUPYING,
    BookingStatus,
    HoldOrigin,
    HoldStatus,
    WaitlistStatus,
    status_at,
)
from app.booking.tables import DeliveryBooking, SlotHold, WaitlistEntry
from app.booking.update_hold import update_hold
from app.capacity.resize import resize
from app.capacity.rules import PoolPlan
from app.capacity.tables import CapacityPool
from app.customers.rules import CustomerFacts
from app.database.runner import settled
from app.errors import Refusal
from app.handover.rules import DropWish, HandoverMode
from app.handover.tables import DropPreference
from app.values.basket import Basket
from app.values.load import DIMENSIONS, Load
from app.values.window import Window
from tests.factories import (
    NOW,
    Shop,
    evening,
    make_basket,
    make_pools,
    make_promotion,
    make_shop,
    make_slot,
    make_vehicle_class,
    pool_plan,
)
from tests.faults import invariants
from tests.faults.model import AT_DOOR_S, HOLD, OK, Claim, Code, Model, Pool

_ROOM = Load(2, 20_000, 400_000, 200_000, 60_000, 30_000)
BASKETS = (
    make_basket(),
    make_basket(weight_g=50_000, ambient_ml=60_000, chilled_ml=0, frozen_ml=0),
    make_basket(chilled_ml=20_000),
    make_basket(frozen_ml=12_000, ambient_ml=1_000),
)
_SHOPPERS = st.sampled_from(("ana", "rui", "eva"))
_CARTS = st.sampled_from(("", "second"))
_MODES = st.sampled_from(sorted(AT_DOOR_S))
_CODES = {"BEMVINDO": Code(3, 1, 100_000, 200), "POUCO": Code(100, 2, 500, 200)}
_WISHES = {
    "ATTENDED": DropWish(HandoverMode.ATTENDED),
    "SAFE_PLACE": DropWish(HandoverMode.SAFE_PLACE, place="the porch"),
    "NEIGHBOUR": DropWish(HandoverMode.NEIGHBOUR, neighbour="Rui", neighbour_line1="Rua das Flores 14"),
}


def _joined(conn: Connection, **told: Any) -> WaitlistEntry:
    """The entry of who joins the waitlist."""
    return join_waitlist(conn, **told).entry


@dataclass(frozen=True)
class Verbs:
    """The verbs under test; a test that plants a bug replaces one."""

    hold: Callable[..., SlotHold] = hold
    confirm: Callable[..., DeliveryBooking] = confirm
    release: Callable[..., SlotHold] = release
    prefer: Callable[..., SlotHold | DeliveryBooking] = prefer
    begin_checkout: Callable[..., SlotHold] = begin_checkout
    update_hold: Callable[..., SlotHold] = update_hold
    reschedule: Callable[..., DeliveryBooking] = reschedule
    cancel: Callable[..., DeliveryBooking] = cancel
    join_waitlist: Callable[..., WaitlistEntry] = _joined
    apply_promotion: Callable[..., SlotHold] = apply_promotion
    remove_promotion: Callable[..., SlotHold] = remove_promotion


@dataclass(frozen=True)
class Street:
    """One shop with two windows over three pools, each short of something else."""

    shop: Shop
    slots: tuple[str, ...]
    plans: tuple[PoolPlan, ...]
    cutoff_at: datetime


def make_street(conn: Connection, _now: object) -> Street:
    """Committed once; each history is rolled back to it."""
    shop = make_shop(conn)
    van = make_vehicle_class(conn, name="Van", volume_ml=3_000_000, weight_g=600_000).id
    first, second = evening(start=18, end=19), evening(start=19, end=20)
    plans = (
        pool_plan(shop, first, sell=replace(_ROOM, chilled_ml=22_000)),
        pool_plan(
            shop, first, sell=replace(_ROOM, orders=1, frozen_ml=14_000), vehicle_class_id=van, cost_minor=90
        ),
        pool_plan(shop, second, sell=replace(_ROOM, work_s=1_500, weight_g=90_000)),
    )
    make_pools(conn, *plans)
    slots = [
        make_slot(conn, shop, Window(first.start, end), cutoff_at=first.start - timedelta(hours=2))
        for end in (first.end, second.end)
    ]
    for name, code in _CODES.items():
        limits = {
            "max_uses": code.max_uses,
            "per_customer": code.per_customer,
            "budget_minor": code.budget_minor,
        }
        make_promotion(conn, shop, code=name, amount_minor=code.discount_minor, **limits)
    return Street(shop, tuple(slot.id for slot in slots), plans, slots[0].cutoff_at)


class Booking(RuleBasedStateMachine):
    """One history: every step is a savepoint of one transaction that is rolled back at the end."""

    engine: ClassVar[Engine]
    street: ClassVar[Street]
    verbs: ClassVar[Verbs] = Verbs()
    holds: Bundle[str] = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.conn = self.engine.connect()
        self.history = self.conn.begin()
        self.now = NOW
        self.plans = list(self.street.plans)
        self.keys = 0
        self.offers: list[str] = []
        self.answered: list[tuple[str, dict[str, Any], str, dict[str, Any] | None]] = []
        self.ids = {
            (p.vehicle_class_id, p.starts_at): p.id for p in invariants.every(self.conn, CapacityPool)
        }
        names = [self._pool_id(plan) for plan in self.plans]
        pools = {name: Pool(plan.sell, 300) for name, plan in zip(names, self.plans, strict=True)}
        slots = dict(zip(self.street.slots, (tuple(names[:2]), tuple(names)), strict=True))
        self.model = Model(pools, slots, dict(_CODES), self.street.cutoff_at)

    def teardown(self) -> None:
        """Nothing of it stays."""
        with closing(self.conn):
            self.history.rollback()

    @initialize(target=holds)
    def opens_with_some_holds(self) -> Any:
        """So that a short history has something to go on."""
        told = [("ana", "", 0, "ATTENDED"), ("rui", "", 0, "NEIGHBOUR"), ("eva", "", 1, "ATTENDED")]
        return multiple(*(self._hold(who, cart, slot, BASKETS[slot], mode) for who, cart, slot, mode in told))

    @rule(
        target=holds,
        customer=_SHOPPERS,
        cart=_CARTS,
        slot=st.integers(0, 1),
        basket=st.sampled_from(BASKETS),
        mode=_MODES,
    )
    def holds_a_window(self, customer: str, cart: str, slot: int, basket: Basket, mode: str) -> Any:
        held = self._hold(customer, cart, slot, basket, mode)
        return held if held else multiple()

    def _hold(self, customer: str, cart: str, slot: int, basket: Basket, mode: str) -> str | None:
        slot_id = self.street.slots[slot]
        may = self.model.may_hold(
            now=self.now, customer=customer, cart=cart, slot=slot_id, basket=basket, mode=mode
        )
        told = {
            "slot_id": slot_id,
            "place": self.street.shop.place,
            "basket": basket,
            "customer": CustomerFacts(reference=customer, email=f"{customer}@example.com"),
            "wish": _WISHES[mode],
            "cart_reference": cart,
        }
        held = self._keyed("hold", told, may)
        if not isinstance(held, SlotHold):
            return None
        work_s = self.model.pools[held.pool_id].work_s + AT_DOOR_S[mode]
        claim = Claim(
            id=held.id,
            customer=customer,
            cart=cart,
            slot=held.slot_id,
            pool=held.pool_id,
            basket=basket,
            work_s=work_s,
            created_at=self.now,
            expires_at=self.now + HOLD,
            mode=mode,
        )
        assert self.model.fits(held.pool_id, claim.load, self.now, self.model.of_cart(customer, cart))
        self.model.held(claim, self.now)
        return held.id

    @rule(hold_id=holds, order=st.integers(0, 5))
    def confirms(self, hold_id: str, order: int) -> None:
        self._confirm(hold_id, order)

    def _confirm(self, hold_id: str, order: int) -> None:
        reference = f"order-{order}"
        may = self.model.may_confirm(hold_id, reference, self.now)
        booked = self._keyed("confirm", {"hold_id": hold_id, "order_reference": reference}, may)
        if isinstance(booked, DeliveryBooking):
            self.model.change(hold_id, booking=booked.id, order=reference, pool=booked.pool_id)

    @rule(customer=_SHOPPERS, slot=st.integers(0, 1), basket=st.sampled_from(BASKETS))
    def joins_the_waitlist(self, customer: str, slot: int, basket: Basket) -> None:
        told = {
            "slot_ids": [self.street.slots[slot]],
            "place": self.street.shop.place,
            "basket": basket,
            "customer": CustomerFacts(reference=customer, email=f"{customer}@example.com"),
        }
        may = {"CUTOFF_PASSED"} if self.now >= self.model.cutoff_at else {OK}
        self._keyed("join_waitlist", told, may)
        self.model.waited = True

    @precondition(lambda self: self.offers)
    @rule(data=st.data(), order=st.integers(0, 5))
    def takes_an_offer(self, data: st.DataObject, order: int) -> None:
        self._confirm(data.draw(st.sampled_from(self.offers)), order)

    @rule(hold_id=holds)
    def begins_to_pay(self, hold_id: str) -> None:
        may = self.model.may_change(hold_id, self.now, paying=True)
        until = self.model.paid_until(hold_id, self.now)
        if self._keyed("begin_checkout", {"hold_id": hold_id}, may):
            self.model.change(hold_id, paying=True, expires_at=until)

    @rule(hold_id=holds, basket=st.sampled_from(BASKETS))
    def changes_the_goods(self, hold_id: str, basket: Basket) -> None:
        may = self.model.may_change(hold_id, self.now)
        held = self._keyed("update_hold", {"hold_id": hold_id, "basket": basket}, may)
        if not isinstance(held, SlotHold):
            return
        claim = self.model.claims[hold_id]
        fresh = replace(claim, basket=basket)
        more = fresh.load - claim.load
        stays = claim.pool in self.model.slots[claim.slot] and self.model.pools[claim.pool].sell.orders > 0
        elsewhere = self.model.room_in(claim.slot, fresh, self.now, but=claim.pool)
        if held.status is HoldStatus.CONFLICTED:
            firm = self.model.room_in(claim.slot, fresh, self.now, but=claim.pool, counted=True)
            assert not (firm if self.model.waited else elsewhere)
            assert not (stays and self.model.fits(claim.pool, more, self.now, counted=True))
            self.model.change(hold_id, conflicted=True)
        else:
            assert elsewhere or (stays and self.model.fits(claim.pool, more, self.now))
            self.model.change(hold_id, conflicted=False, basket=basket, pool=held.pool_id)

    @rule(hold_id=holds, slot=st.integers(0, 1))
    def moves(self, hold_id: str, slot: int) -> None:
        claim = self.model.claims[hold_id]
        if claim.booking:
            slot_id = self.street.slots[slot]
            may = self.model.may_move(hold_id, slot_id, self.now)
            moved = self._keyed("reschedule", {"booking_id": claim.booking, "slot_id": slot_id}, may)
            if isinstance(moved, DeliveryBooking):
                self.model.change(hold_id, slot=slot_id, pool=moved.pool_id, moves=claim.moves + 1)

    @rule(hold_id=holds)
    def cancels(self, hold_id: str) -> None:
        claim = self.model.claims[hold_id]
        if claim.booking:
            may = self.model.may_cancel(hold_id, self.now)
            if self._keyed("cancel", {"booking_id": claim.booking}, may):
                self.model.change(hold_id, cancelled=True)

    @rule(hold_id=holds)
    def releases(self, hold_id: str) -> None:
        may = self.model.may_release(hold_id, self.now)
        before = self.model.claims[hold_id].status(self.now)
        if self._done("release", {"hold_id": hold_id}, may):
            self.model.change(hold_id, ended=True, released=before in ("ACTIVE", "CONFLICTED", "RELEASED"))

    @rule(hold_id=holds, mode=_MODES)
    def prefers(self, hold_id: str, mode: str) -> None:
        may = self.model.may_prefer(hold_id, mode, self.now)
        claim = self.model.claims[hold_id]
        target = {"booking_id": claim.booking} if claim.booking else {"hold_id": hold_id}
        if self._done("prefer", {**target, "wish": _WISHES[mode]}, may):
            work_s = self.model.pools[claim.pool].work_s + AT_DOOR_S[mode]
            self.model.change(hold_id, mode=mode, work_s=work_s)

    @rule(hold_id=holds, code=st.sampled_from(sorted(_CODES)))
    def uses_a_code(self, hold_id: str, code: str) -> None:
        may = self.model.may_apply(hold_id, code, self.now)
        if self._keyed("apply_promotion", {"hold_id": hold_id, "code": code}, may):
            self.model.change(hold_id, code=code)

    @rule(hold_id=holds, code=st.sampled_from(sorted(_CODES)))
    def takes_a_code_off(self, hold_id: str, code: str) -> None:
        may = self.model.may_remove(hold_id, self.now)
        if self._done("remove_promotion", {"hold_id": hold_id, "code": code}, may):
            left = self.model.claims[hold_id].code
            self.model.change(hold_id, code=None if left == code else left)

    @precondition(lambda self: self.answered)
    @rule(data=st.data())
    def repeats_a_request(self, data: st.DataObject) -> None:
        """An answer was lost: the same key gets the same answer, and nothing happens twice."""
        name, told, code, row = data.draw(st.sampled_from(self.answered))
        again, answer = self._asked(name, told)
        assert (again, answer.model_dump() if answer else None) == (code, row), f"{name} has two answers"

    @rule(data=st.data())
    def uses_a_key_again(self, data: st.DataObject) -> None:
        """The same key with another request is refused."""
        confirmed = [a for a in self.answered if a[0] == "confirm"]
        if confirmed:
            name, told, _, _ = data.draw(st.sampled_from(confirmed))
            code, _ = self._asked(name, {**told, "order_reference": "another"})
            assert code == "IDEMPOTENCY_KEY_REUSED"

    @rule(minutes=st.sampled_from((5, 59, 60, 61, 120)))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def sweeps(self) -> None:
        with self.conn.begin_nested():
            reclaim(self.conn, now=self.now)
        self.model.notice(self.now)

    @rule(which=st.integers(0, 2), percent=st.sampled_from((0, 40, 100, 150)))
    def resizes_a_pool(self, which: int, percent: int) -> None:
        """An operator sells more or less of a pool, also less than is taken."""
        whole = self.street.plans[which].sell
        fresh = Load(*(getattr(whole, d) * percent // 100 for d in DIMENSIONS))
        self.plans[which] = replace(self.street.plans[which], sell=fresh, cap=fresh)
        day = self.plans[which].day
        with self.conn.begin_nested():
            resize(
                self.conn,
                now=self.now,
                actor="operator",
                reason="a van broke down",
                run_id="run",
                first=day,
                last=day,
                pools=self.plans,
            )
        name = self._pool_id(self.plans[which])
        self.model.pools[name] = replace(self.model.pools[name], sell=fresh)

    def everything_holds(self) -> None:
        """All that is looked at after every step, for a history that is told and not drawn."""
        self.no_pool_is_oversold_and_the_ledger_agrees()
        self.promotions_stay_within_their_limits()
        self.every_offer_of_the_waitlist_is_backed_by_room_of_its_own()
        self.what_was_acknowledged_is_there_and_nothing_else()

    @invariant()
    def no_pool_is_oversold_and_the_ledger_agrees(self) -> None:
        assert invariants.capacity(self.conn) == []

    @invariant()
    def promotions_stay_within_their_limits(self) -> None:
        assert invariants.promotions(self.conn) == []

    @invariant()
    def every_offer_of_the_waitlist_is_backed_by_room_of_its_own(self) -> None:
        self._meet_offers()
        held = {row.id: row.status for row in invariants.every(self.conn, SlotHold)}
        entries = invariants.every(self.conn, WaitlistEntry)
        offered = {e.hold_id for e in entries if e.status is WaitlistStatus.OFFERED}
        assert all(held[one] in OCCUPYING for one in offered if one)
        taken = {e.hold_id for e in entries if e.status is WaitlistStatus.ACCEPTED}
        assert all(held[one] is HoldStatus.CONFIRMED for one in taken if one)
        open_ones = {one for one in self.offers if held[one] in OCCUPYING}
        assert open_ones == offered

    def _meet_offers(self) -> None:
        """Offers are made by whoever frees room; the model learns of them here, and finds the room for them."""
        for row in invariants.every(self.conn, SlotHold):
            if row.origin is HoldOrigin.WAITLIST and row.id not in self.model.claims:
                self.offers.append(row.id)
                self.model.claims[row.id] = Claim(
                    id=row.id,
                    customer=row.customer_id,
                    cart=row.cart_reference,
                    slot=row.slot_id,
                    pool=row.pool_id,
                    basket=row.basket,
                    work_s=row.work_s,
                    created_at=row.created_at,
                    expires_at=row.expires_at,
                )
                sold = self.model.taken(row.pool_id, self.now)
                assert sold.fits(self.model.pools[row.pool_id].sell), "an offer without room"

    @invariant()
    def what_was_acknowledged_is_there_and_nothing_else(self) -> None:
        self._meet_offers()
        modes = {wish.id: wish.mode.value for wish in invariants.every(self.conn, DropPreference)}
        rows: dict[str, SlotHold] = {row.id: row for row in invariants.every(self.conn, SlotHold)}
        booked = {row.hold_id: row for row in invariants.every(self.conn, DeliveryBooking)}
        there = {
            row.id: (
                status_at(row.status, row.expires_at, self.now).value,
                row.pool_id,
                row.slot_id,
                row.load,
                modes[row.drop_preference_id],
            )
            for row in rows.values()
            if row.id not in booked
        }
        there |= {
            row.hold_id: (
                rows[row.hold_id].status.value,
                row.pool_id,
                row.slot_id,
                row.load,
                modes[row.drop_preference_id],
            )
            for row in booked.values()
        }
        wanted = {
            c.id: (c.status(self.now), c.pool, c.slot, c.load, c.mode) for c in self.model.claims.values()
        }
        assert there == wanted
        bookings = {
            row.hold_id: (row.id, row.order_reference, row.moves, row.status is BookingStatus.CANCELLED)
            for row in booked.values()
        }
        assert bookings == {
            c.id: (c.booking, c.order, c.moves, c.cancelled) for c in self.model.claims.values() if c.booking
        }

    def _keyed(self, name: str, told: dict[str, Any], may: set[str]) -> SQLModel | None:
        self.keys += 1
        told = {**told, "key": f"key-{self.keys}"}
        code, row = self._asked(name, told)
        assert code in may, f"{name} was answered {code}, not {may}"
        self.answered.append((name, told, code, row.model_dump() if row else None))
        return row

    def _done(self, name: str, told: dict[str, Any], may: set[str]) -> bool:
        code, _ = self._asked(name, told)
        assert code in may, f"{name} was answered {code}, not {may}"
        return code == OK

    def _asked(self, name: str, told: dict[str, Any]) -> tuple[str, SQLModel | None]:
        """As the runner asks: a settled refusal keeps what was written, any other leaves nothing."""
        verb = getattr(self.verbs, name)

        def work(conn: Connection, now: datetime) -> SQLModel:
            row: SQLModel = verb(conn, now=now, actor=self.street.shop.actor, **told)
            return row

        try:
            with self.conn.begin_nested():
                row, refusal = settled(work, self.conn, self.now)
        except Refusal as refused:
            return refused.code, None
        return (refusal.code, None) if refusal else (OK, row)

    def _pool_id(self, plan: PoolPlan) -> str:
        return self.ids[plan.vehicle_class_id, plan.window.start]


def machine_on(engine: Engine, street: Street, **verbs: Any) -> type[Booking]:
    """The machine on a database where the street has been committed."""
    told = {"engine": engine, "street": street, "verbs": Verbs(**verbs)}
    return type("BookingHere", (Booking,), told)
