"""What booking promises, as plain Python: who has what, and what an answer may be.

It knows nothing of counters, ledgers or statements; the machine compares it with the database after each
step. Expiry is a comparison here as there, with one allowance: counters of ended holds that nobody has
taken back yet may make a change of the handover look too large.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from app.values.basket import Basket
from app.values.load import DIMENSIONS, Load

OK = "OK"
HOLD, CHECKOUT, CEILING, LATE = (timedelta(minutes=m) for m in (60, 10, 120, 120))
MOVES = 3
AT_DOOR_S = {"ATTENDED": 240, "SAFE_PLACE": 120, "NEIGHBOUR": 210}


@dataclass(frozen=True)
class Pool:
    """What may be sold of one hour of one kind of vehicle, and the seconds of a drop but for the door."""

    sell: Load
    work_s: int


@dataclass(frozen=True)
class Claim:
    """A hold, and the booking that it may have become."""

    id: str
    customer: str
    cart: str
    slot: str
    pool: str
    basket: Basket
    work_s: int
    expires_at: datetime
    version: int = 1
    mode: str = "ATTENDED"
    code: str | None = None
    released: bool = False
    # The hold was seen to be over, so its capacity and its code have been taken back.
    ended: bool = False
    order: str | None = None
    booking: str | None = None
    cancelled: bool = False
    moves: int = 0
    # The goods were changed to some that do not fit; what is claimed is still the old ones.
    conflicted: bool = False
    created_at: datetime | None = None
    paying: bool = False

    @property
    def load(self) -> Load:
        """What it takes."""
        return self.basket.load(self.work_s)

    def status(self, now: datetime) -> str:
        """As a caller sees it now."""
        if self.booking:
            return "CONFIRMED"
        if self.released:
            return "RELEASED"
        if self.ended or self.expires_at <= now:
            return "EXPIRED"
        return "CONFLICTED" if self.conflicted else "ACTIVE"

    def lives(self, now: datetime) -> bool:
        """Whether it takes room and its code is used."""
        return not self.cancelled and self.status(now) in ("ACTIVE", "CONFLICTED", "CONFIRMED")


@dataclass(frozen=True)
class Code:
    """A promotion's limits and what it takes off."""

    max_uses: int
    per_customer: int
    budget_minor: int
    discount_minor: int


@dataclass
class Model:
    """The state that the database must be in."""

    pools: dict[str, Pool]
    slots: dict[str, tuple[str, ...]]
    codes: dict[str, Code]
    cutoff_at: datetime
    claims: dict[str, Claim] = field(default_factory=dict)
    # Somebody has joined the waitlist: what ended holds leave behind may be theirs before it is anybody's.
    waited: bool = False

    def taken(self, pool: str, now: datetime, without: Iterable[str] = (), *, counted: bool = False) -> Load:
        """What is held and booked of a pool; `counted` adds what ended without anybody noticing."""
        total = Load()
        for claim in self.claims.values():
            unnoticed = counted and claim.status(now) == "EXPIRED" and not claim.ended
            if claim.pool == pool and claim.id not in without and (claim.lives(now) or unnoticed):
                total += claim.load
        return total

    def fits(
        self, pool: str, more: Load, now: datetime, without: Iterable[str] = (), *, counted: bool = False
    ) -> bool:
        """Whether what grows still fits what may be sold."""
        after = self.taken(pool, now, without, counted=counted) + more
        return all(
            getattr(more, d) <= 0 or getattr(after, d) <= getattr(self.pools[pool].sell, d)
            for d in DIMENSIONS
        )

    def of_cart(self, customer: str, cart: str) -> list[str]:
        """The earlier holds of a cart, which a new one replaces."""
        return [
            c.id
            for c in self.claims.values()
            if (c.customer, c.cart) == (customer, cart) and not (c.booking or c.released or c.ended)
        ]

    def may_hold(
        self, *, now: datetime, customer: str, cart: str, slot: str, basket: Basket, mode: str
    ) -> set[str]:
        """What a request for a hold may be answered."""
        if now >= self.cutoff_at:
            return {"CUTOFF_PASSED"}
        earlier = self.of_cart(customer, cart)

        def fits(*, counted: bool) -> bool:
            return any(
                self.fits(pool, self.drop(pool, basket, mode), now, earlier, counted=counted)
                for pool in self.slots[slot]
                if self.pools[pool].sell.orders > 0
            )

        return self._room(fits(counted=False), fits(counted=True), "SLOT_FULL")

    def drop(self, pool: str, basket: Basket, mode: str) -> Load:
        """What a drop takes of a pool."""
        return basket.load(self.pools[pool].work_s + AT_DOOR_S[mode])

    def _room(self, there: bool, firm: bool, full: str) -> set[str]:
        """What follows from whether there is room, and room that needs nothing to be taken back first."""
        if firm or (there and not self.waited):
            return {OK}
        return {OK, full} if there else {full}

    def held(self, claim: Claim, now: datetime) -> None:
        """A hold was taken; the earlier ones of its cart are over."""
        for one in self.of_cart(claim.customer, claim.cart):
            expired = self.claims[one].expires_at <= now
            self.change(one, released=not expired, ended=True)
        self.claims[claim.id] = claim

    def may_confirm(self, hold: str, order: str, now: datetime) -> set[str]:
        """What a confirmation may be answered."""
        claim = self.claims[hold]
        status = claim.status(now)
        if status == "CONFIRMED":
            return {"HOLD_ALREADY_CONFIRMED"}
        if status == "RELEASED":
            return {"HOLD_RELEASED"}
        if now >= self.cutoff_at:
            return {"CUTOFF_PASSED"}
        if claim.conflicted:
            return {"HOLD_CONFLICTED"}
        if any(other.order == order for other in self.claims.values()):
            return {"ORDER_ALREADY_BOOKED"}
        return {OK} if status == "ACTIVE" else self._may_be_late(claim, now)

    def _may_be_late(self, claim: Claim, now: datetime) -> set[str]:
        """A payment that arrives after the hold: it gets its room again if there is any, and its code."""
        if now >= claim.expires_at + LATE:
            return {"HOLD_EXPIRED"}
        # A hold that nobody has noticed still has its room; a code that lapsed may be somebody else's by now.
        if not claim.ended:
            return {OK, "HOLD_EXPIRED"}
        there, firm = (self.room_in(claim.slot, claim, now, counted=counted) for counted in (False, True))
        may = self._room(there, firm, "HOLD_EXPIRED")
        return may | {"HOLD_EXPIRED"} if claim.code else may

    def room_in(
        self, slot: str, claim: Claim, now: datetime, *, but: str | None = None, counted: bool = False
    ) -> bool:
        """Whether some pool of the window, `but` one, has room for the drop."""
        return any(
            self.fits(pool, self.drop(pool, claim.basket, claim.mode), now, counted=counted)
            for pool in self.slots[slot]
            if pool != but and self.pools[pool].sell.orders > 0
        )

    def may_move(self, hold: str, slot: str, now: datetime) -> set[str]:
        """What moving a booking may be answered."""
        claim = self.claims[hold]
        if refused := self._shut(claim, now):
            return {refused}
        if claim.moves >= MOVES:
            return {"MOVE_LIMIT_REACHED"}
        if slot == claim.slot:
            return {"SAME_WINDOW"}
        stays = claim.pool in self.slots[slot] and self.pools[claim.pool].sell.orders > 0
        if stays:
            return {OK}
        there, firm = (
            self.room_in(slot, claim, now, but=claim.pool, counted=counted) for counted in (False, True)
        )
        return self._room(there, firm, "SLOT_FULL")

    def may_cancel(self, hold: str, now: datetime) -> set[str]:
        """What cancelling a booking may be answered."""
        return {self._shut(self.claims[hold], now) or OK}

    def may_change(self, hold: str, now: datetime, *, paying: bool = False) -> set[str]:
        """What other goods, or the beginning of a payment, may be answered."""
        claim = self.claims[hold]
        if claim.booking:
            return {"HOLD_ALREADY_CONFIRMED"}
        if over := self._over(claim, now):
            return {over}
        if paying and claim.conflicted:
            return {"HOLD_CONFLICTED"}
        return {"CUTOFF_PASSED"} if now >= self.cutoff_at else {OK}

    def paid_until(self, hold: str, now: datetime) -> datetime:
        """When a hold ends whose payment begins now, for the first time."""
        claim = self.claims[hold]
        if claim.paying or claim.created_at is None:
            return claim.expires_at
        enough = max(claim.expires_at, now + CHECKOUT)
        return max(claim.expires_at, min(enough, claim.created_at + CEILING))

    def _shut(self, claim: Claim, now: datetime) -> str | None:
        """Why a booking can no longer be changed."""
        if claim.cancelled:
            return "BOOKING_ENDED"
        return "CUTOFF_PASSED" if now >= self.cutoff_at else None

    def may_release(self, hold: str, now: datetime) -> set[str]:
        """What a release may be answered."""
        return {"HOLD_ALREADY_CONFIRMED"} if self.claims[hold].status(now) == "CONFIRMED" else {OK}

    def may_prefer(self, hold: str, mode: str, now: datetime) -> set[str]:
        """What another way of handing over may be answered."""
        claim = self.claims[hold]
        if over := self._shut(claim, now) if claim.booking else self._over(claim, now):
            return {over}
        if claim.conflicted:
            return {"HOLD_CONFLICTED"}
        if now >= self.cutoff_at:
            return {"CUTOFF_PASSED"}
        more = Load(work_s=self.pools[claim.pool].work_s + AT_DOOR_S[mode] - claim.work_s)
        if not self.fits(claim.pool, more, now):
            return {"SLOT_FULL"}
        return {OK} if self.fits(claim.pool, more, now, counted=True) else {OK, "SLOT_FULL"}

    def may_apply(self, hold: str, name: str, now: datetime) -> set[str]:
        """What a code may be answered."""
        claim = self.claims[hold]
        if over := self._over(claim, now):
            return {over}
        if claim.booking:
            return {"HOLD_ALREADY_CONFIRMED"}
        code = self.codes[name]
        alive = [c for c in self.claims.values() if c.code == name and c.lives(now)]
        if len(alive) >= code.max_uses or (len(alive) + 1) * code.discount_minor > code.budget_minor:
            return {"EXHAUSTED"}
        if claim.code:
            return {"NOT_STACKABLE"}
        by_customer = [c for c in alive if c.customer == claim.customer]
        return {"ALREADY_USED"} if len(by_customer) >= code.per_customer else {OK}

    def may_remove(self, hold: str, now: datetime) -> set[str]:
        """What taking a code off may be answered."""
        claim = self.claims[hold]
        if claim.booking:
            return {"HOLD_ALREADY_CONFIRMED"}
        return {self._over(claim, now) or OK}

    def change(self, hold: str, **changes: object) -> None:
        """Something was acknowledged."""
        self.claims[hold] = replace(self.claims[hold], **changes)  # type: ignore[arg-type]

    def notice(self, now: datetime) -> None:
        """Somebody looked: what has ended is over for good, whatever the clock says later."""
        for claim in list(self.claims.values()):
            if claim.status(now) == "EXPIRED":
                self.change(claim.id, ended=True)

    def _over(self, claim: Claim, now: datetime) -> str | None:
        match claim.status(now):
            case "RELEASED":
                return "HOLD_RELEASED"
            case "EXPIRED":
                return "HOLD_ENDED"
        return None
