"""A shopper: holds, changes, books or lets go, and remembers what was acknowledged.

To drive another mutation: name it in calls.py, write a function like `_prefer` here that notes in the Cart
what was acknowledged, and put it into WHILE_HELD or ONCE_BOOKED with how often it happens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from app.values.ids import new_id
from schema.ids import from_global, to_global
from tests.faults.calls import (
    APPLY,
    BEGIN,
    CANCEL,
    CONFIRM,
    HOLD,
    MOVE,
    PREFER,
    RELEASE,
    UPDATE,
    Call,
    Client,
)
from tests.faults.town import HOME_INPUT, SCARCE, WIDE, Town

_WAYS: dict[str, dict[str, Any]] = {
    "SAFE_PLACE": {"safePlace": {"place": "the porch"}},
    "NEIGHBOUR": {"neighbour": {"name": "Rui", "line1": "Rua das Flores 14"}},
    "ATTENDED": {"attended": {"extraMinutes": 2}},
}


@dataclass
class Cart:
    """What one shopper was told of one order: the state that the database must be in."""

    reference: str
    slot_id: str
    hold_id: str | None = None
    # Holds that a later one for the same cart has replaced.
    replaced: list[str] = field(default_factory=list)
    order: str | None = None
    booking_id: str | None = None
    released: bool = False
    mode: str = "ATTENDED"
    code: str | None = None
    # The goods, once they were changed, and whether the last change of them did not fit.
    weight_g: int | None = None
    conflicted: bool = False
    moves: int = 0
    cancelled: bool = False
    # A call about it was never answered, so what came of it is open.
    unknown: bool = False


class Shopper:
    """One of the concurrent callers, shopping until told to stop."""

    def __init__(self, client: Client, town: Town) -> None:
        self.client, self.town = client, town
        self.chance = client.chance
        self.carts: list[Cart] = []

    def shop(self, enough: Event, leisurely: Event, booked: Callable[[], None]) -> None:
        """Orders until there are enough; `booked` is called for each that was acknowledged."""
        while not enough.is_set():
            if leisurely.is_set():
                enough.wait(self.chance.uniform(0.2, 0.6))
            cart = self._hold()
            if cart is None:
                continue
            for share, change in WHILE_HELD:
                if not cart.unknown and self.chance.random() < share:
                    change(self, cart)
            self._end(cart)
            if cart.booking_id:
                booked()
                for share, change in ONCE_BOOKED:
                    if not cart.unknown and self.chance.random() < share:
                        change(self, cart)
            if self.chance.random() < 0.15:
                self._replay()
        self.client.close()

    def _hold(self) -> Cart | None:
        cart = Cart(f"cart-{self.client.number}-{len(self.carts)}", self.window())
        self.carts.append(cart)
        self.hold(cart, cart.slot_id)
        return cart if cart.hold_id else None

    def window(self) -> str:
        """One in four shoppers wants the first day."""
        windows = self.town.hot if self.chance.random() < 0.25 else self.town.slot_ids
        return self.chance.choice(windows)

    def hold(self, cart: Cart, slot_id: str) -> None:
        """Hold a window for the cart; what it held before is given back."""
        name = f"shopper-{self.client.number}-{int(cart.reference.rsplit('-', 1)[1]) % 40}"
        customer = {"reference": name, "name": "Ana Lima", "email": f"{name}@example.com"}
        call = self.client.call(
            HOLD,
            slotId=slot_id,
            address=HOME_INPUT,
            customer=customer,
            cartReference=cart.reference,
            idempotencyKey=new_id(),
        )
        cart.unknown = call.answer is None
        if call.done:
            cart.replaced += [cart.hold_id] if cart.hold_id else []
            cart.hold_id, cart.slot_id = key_in(call, "hold"), slot_id
            cart.mode, cart.code, cart.weight_g, cart.conflicted = "ATTENDED", None, None, False

    def _end(self, cart: Cart) -> None:
        """Three in four book, some release, and some just go away."""
        if cart.unknown:
            return
        way = self.chance.random()
        if way < 0.12:
            call = self.client.call(RELEASE, holdId=global_hold(cart))
            cart.unknown = call.answer is None
            cart.released = call.done
        elif way < 0.8 + 0.12:
            cart.order = f"order-{cart.reference}"
            call = self.client.call(
                CONFIRM, holdId=global_hold(cart), orderReference=cart.order, idempotencyKey=new_id()
            )
            cart.unknown = call.answer is None
            if call.done:
                cart.booking_id = key_in(call, "booking")

    def _replay(self) -> None:
        answered = [c for c in self.client.calls[-60:] if c.mutation.keyed and c.answer is not None]
        if answered:
            self.client.replay(self.chance.choice(answered))


def _prefer(shopper: Shopper, cart: Cart) -> None:
    mode = shopper.chance.choice(sorted(_WAYS))
    target = {"bookingId": global_booking(cart)} if cart.booking_id else {"holdId": global_hold(cart)}
    call = shopper.client.call(PREFER, target=target, preference=_WAYS[mode])
    cart.unknown = call.answer is None
    if call.done:
        cart.mode = mode


def _change_window(shopper: Shopper, cart: Cart) -> None:
    shopper.hold(cart, shopper.window())


def _apply(shopper: Shopper, cart: Cart) -> None:
    code = shopper.chance.choice((WIDE, SCARCE))
    call = shopper.client.call(APPLY, holdId=global_hold(cart), code=code, idempotencyKey=new_id())
    cart.unknown = call.answer is None
    if call.done:
        cart.code = code


def _begin(shopper: Shopper, cart: Cart) -> None:
    call = shopper.client.call(BEGIN, holdId=global_hold(cart), idempotencyKey=new_id())
    cart.unknown = call.answer is None


def _change_goods(shopper: Shopper, cart: Cart) -> None:
    """Now and then so much that no vehicle can take it: the hold is in conflict and keeps what it had."""
    weight_g = shopper.chance.choice((9_000, 14_000, 100_000_000))
    basket = {"weightGrams": weight_g}
    call = shopper.client.call(UPDATE, holdId=global_hold(cart), basket=basket, idempotencyKey=new_id())
    cart.unknown = call.answer is None
    if call.done:
        cart.conflicted = status_in(call, "hold") == "CONFLICTED"
        cart.weight_g = cart.weight_g if cart.conflicted else weight_g


def _move(shopper: Shopper, cart: Cart) -> None:
    slot_id = shopper.window()
    call = shopper.client.call(MOVE, bookingId=global_booking(cart), slotId=slot_id, idempotencyKey=new_id())
    cart.unknown = call.answer is None
    if call.done:
        cart.slot_id, cart.moves = slot_id, cart.moves + 1


def _cancel(shopper: Shopper, cart: Cart) -> None:
    call = shopper.client.call(CANCEL, bookingId=global_booking(cart), idempotencyKey=new_id())
    cart.unknown = call.answer is None
    cart.cancelled |= call.done


type Change = Callable[[Shopper, Cart], None]
WHILE_HELD: tuple[tuple[float, Change], ...] = (
    (0.1, _apply),
    (0.1, _change_goods),
    (0.15, _change_window),
    (0.15, _prefer),
    (0.15, _apply),
    (0.1, _begin),
)
ONCE_BOOKED: tuple[tuple[float, Change], ...] = (
    (0.1, _prefer),
    (0.15, _move),
    (0.08, _cancel),
    (0.05, _move),
)


def key_in(call: Call, name: str) -> str:
    """The key of the row that an answer is about."""
    assert call.answer is not None
    return from_global(call.answer[name]["id"])[1]


def status_in(call: Call, name: str) -> str:
    """The status of the row that an answer is about."""
    assert call.answer is not None
    return str(call.answer[name]["status"])


def global_hold(cart: Cart) -> str:
    """The id of its hold, as the API gave it."""
    return _global("SlotHold", cart.hold_id)


def global_booking(cart: Cart) -> str:
    """The id of its booking, as the API gave it."""
    return _global("DeliveryBooking", cart.booking_id)


def _global(kind: str, key: str | None) -> str:
    assert key is not None
    return str(to_global(kind, key))
