"""What would open a closed window: the changes that do, the nearest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from app.booking.rules import SlotClosedReason, SlotOpeningKind, halved, nearest
from app.capacity.rules import Reach
from app.handover.rules import HandoverMode, HandoverOption
from app.places.tables import CollectionPoint
from app.slots.tables import DeliverySlot
from app.values.basket import NEEDED, Basket, GoodsTrait
from app.values.money import Money

# Less than this share of a basket is another order, not a smaller one.
_LEAST_PERCENT = 10
_DIMENSIONS = ("weight_g", "volume_ml", "chilled_ml", "frozen_ml")
# What nothing about the order or the place changes: who asks is too early, or asks for too little.
BY_TERMS = (SlotClosedReason.HORIZON, SlotClosedReason.MIN_ORDER_VALUE)
_FOR_LACK_OF_ROOM = (
    SlotClosedReason.FULL,
    SlotClosedReason.FLEET_CAPACITY,
    SlotClosedReason.SKILL_MISSING,
)
_GOODS = {
    GoodsTrait.AGE_RESTRICTED: "age-restricted goods",
    GoodsTrait.TWO_PERSON: "what two people must carry",
    GoodsTrait.TAIL_LIFT: "what needs a tail-lift",
}


# Whether the window takes a basket that is handed over in so many seconds.
type Takes = Callable[[Basket, int], bool]


@dataclass(frozen=True, slots=True)
class BasketRoom:
    """The most that a basket may be: grams and millilitres; `bulky` is whether it may be what fits no box."""

    weight_g: int
    volume_ml: int
    chilled_ml: int
    frozen_ml: int
    bulky: bool


@dataclass(frozen=True, slots=True)
class Opening:
    """A change that would open a closed window; only what belongs to its kind is given.

    `slot` is the window to take instead, `room` how large a basket may be, `handover` the way to choose,
    `missing` what to add to the order, `at` the instant from which it is open, `collection_point` where the
    goods of `slot` can be fetched, `without` what of the goods to leave out.
    """

    kind: SlotOpeningKind
    message: str
    slot: DeliverySlot | None = None
    room: BasketRoom | None = None
    handover: HandoverMode | None = None
    missing: Money | None = None
    at: datetime | None = None
    collection_point: CollectionPoint | None = None
    without: tuple[GoodsTrait, ...] | None = None


@dataclass(frozen=True, slots=True)
class ClosedWindow:
    """A closed window with the pools that still take orders for it, and all the nodes that serve it.

    `can_wait` is whether the customer may wait for it, `opens_at` when it is open to them by itself,
    `missing` what the order lacks of the least value.
    """

    slot: DeliverySlot
    reason: SlotClosedReason
    reaches: Sequence[Reach]
    nodes: frozenset[str]
    can_wait: bool
    opens_at: datetime | None
    missing: Money | None


@dataclass(frozen=True, slots=True)
class OpenWindow:
    """An open window and the node that would serve it."""

    slot: DeliverySlot
    node_id: str


def openings(
    closed: ClosedWindow,
    others: Sequence[OpenWindow],
    basket: Basket,
    at_door_s: int,
    options: Sequence[HandoverOption],
    takes: Takes,
) -> tuple[Opening, ...]:
    """What opens the window for this basket, or comes nearest to it, among the open windows shown beside it.

    What keeps the window comes before what gives it up: a smaller basket, another handover, a wider window
    around it, another place that delivers that day, waiting, coming back later. Where there is nothing of
    these, the nearest open window. `takes` is asked before anything is said of another basket or handover.
    """
    if closed.missing is not None:
        return (_more(closed.missing),)
    found = [*_within(closed, basket, at_door_s, options, takes)]
    if closed.reason not in BY_TERMS:
        found += [*_wider(closed, others), *_other_node(closed, others)]
    if closed.can_wait:
        found.append(Opening(SlotOpeningKind.WAITLIST, "Wait for it: we tell you when a place is free."))
    if closed.opens_at is not None:
        local = closed.opens_at.astimezone(ZoneInfo(closed.slot.time_zone))
        text = f"It is open to you from {local:%Y-%m-%d %H:%M} on."
        found.append(Opening(SlotOpeningKind.LATER, text, at=closed.opens_at))
    return tuple(found) or tuple(_nearest(closed, others))


def _more(missing: Money) -> Opening:
    text = f"Add {missing.amount} {missing.currency} to the order."
    return Opening(SlotOpeningKind.LARGER_BASKET, text, missing=missing)


def _within(
    closed: ClosedWindow, basket: Basket, at_door_s: int, options: Sequence[HandoverOption], takes: Takes
) -> Iterator[Opening]:
    """The same window with fewer goods, or handed over in less time."""
    if closed.reason not in _FOR_LACK_OF_ROOM:
        return
    yield from _without(closed.reaches, basket, at_door_s, takes)
    room = most_that_fits(closed.reaches, basket, at_door_s)
    if room is not None and takes(_cut(basket, room), at_door_s):
        kilograms, litres = room.weight_g // 1_000, room.volume_ml // 1_000
        bulky = "" if room.bulky else " and nothing bulky"
        text = f"It still takes up to {kilograms} kg and {litres} l{bulky}."
        yield Opening(SlotOpeningKind.SMALLER_BASKET, text, room=room)
    elif takes(halved(basket), at_door_s):
        yield Opening(SlotOpeningKind.SMALLER_BASKET, "Half of this basket would still fit.")
    quicker = [option for option in options if option.allowed and option.at_door_s < at_door_s]
    for option in sorted(quicker, key=lambda option: -option.at_door_s):
        if takes(basket, option.at_door_s):
            way = option.mode.lower().replace("_", " ")
            text = f"It is still open when it is handed over as {way}."
            yield Opening(SlotOpeningKind.OTHER_HANDOVER, text, handover=option.mode)
            return


def _without(reaches: Sequence[Reach], basket: Basket, at_door_s: int, takes: Takes) -> Iterator[Opening]:
    """The window without the fewest goods that ask for more than some of its vehicles can do."""
    lacking = {reach.lacks(basket) for reach in reaches}
    for lacks in sorted(lacking, key=lambda some: (len(some), sorted(some))):
        out = tuple(trait for trait in sorted(basket.traits) if NEEDED.get(trait) in lacks)
        # What fits no box is a matter of size: see BasketRoom.
        if not out or GoodsTrait.BULKY in out:
            continue
        if takes(replace(basket, traits=basket.traits - set(out)), at_door_s):
            text = f"It is open without {' and '.join(_GOODS[trait] for trait in out)}."
            yield Opening(SlotOpeningKind.WITHOUT_GOODS, text, without=out)
            return


def _cut(basket: Basket, room: BasketRoom) -> Basket:
    """As much of the basket as the room takes."""
    chilled, frozen = min(basket.chilled_ml, room.chilled_ml), min(basket.frozen_ml, room.frozen_ml)
    return replace(
        basket,
        weight_g=min(basket.weight_g, room.weight_g),
        ambient_ml=max(0, min(basket.ambient_ml, room.volume_ml - chilled - frozen)),
        chilled_ml=min(chilled, room.volume_ml),
        frozen_ml=max(0, min(frozen, room.volume_ml - chilled)),
        traits=basket.traits if room.bulky else basket.traits - {GoodsTrait.BULKY},
    )


def most_that_fits(reaches: Iterable[Reach], basket: Basket, at_door_s: int) -> BasketRoom | None:
    """The room for goods of the pool that takes the largest part of a basket, if that is worth saying."""
    nothing = replace(
        basket, weight_g=0, ambient_ml=0, chilled_ml=0, frozen_ml=0, traits=basket.traits - {GoodsTrait.BULKY}
    )
    wanted = basket.load(0)
    best: tuple[int, BasketRoom] | None = None
    for reach in reaches:
        if not reach.carries(nothing) or not reach.has_room(nothing, at_door_s):
            continue
        left = [min(getattr(reach.free, d), getattr(reach.vehicle, d)) for d in _DIMENSIONS]
        shares = [
            100 * have // getattr(wanted, d)
            for d, have in zip(_DIMENSIONS, left, strict=True)
            if getattr(wanted, d)
        ]
        percent = min([100, *shares])
        bulky = reach.carries(replace(nothing, traits=nothing.traits | {GoodsTrait.BULKY}))
        if percent >= _LEAST_PERCENT and (best is None or percent > best[0]):
            best = (percent, BasketRoom(left[0], left[1], left[2], left[3], bulky))
    return best[1] if best else None


def _wider(closed: ClosedWindow, others: Iterable[OpenWindow]) -> Iterator[Opening]:
    around = [one.slot for one in others if one.slot.window.covers(closed.slot.window)]
    if around:
        slot = min(around, key=lambda s: s.window.duration)
        yield Opening(SlotOpeningKind.WIDER_WINDOW, "A wider window around it is open.", slot)


def _other_node(closed: ClosedWindow, others: Iterable[OpenWindow]) -> Iterator[Opening]:
    """The nearest window of the day from a place that has nothing to do with this one."""
    elsewhere = [
        (one.slot.starts_at, one.slot)
        for one in others
        if one.node_id not in closed.nodes and one.slot.day == closed.slot.day
    ]
    for slot in nearest(elsewhere, closed.slot.starts_at, 1) if closed.nodes else ():
        text = f"Another of our places still delivers that day at {_clock(slot)}."
        yield Opening(SlotOpeningKind.OTHER_NODE, text, slot)


def _nearest(closed: ClosedWindow, others: Iterable[OpenWindow]) -> Iterator[Opening]:
    choices = [(one.slot.starts_at, one.slot) for one in others]
    for slot in nearest(choices, closed.slot.starts_at, 1):
        text = f"The nearest open window is on {slot.day} at {_clock(slot)}."
        yield Opening(SlotOpeningKind.OTHER_WINDOW, text, slot)


def _clock(slot: DeliverySlot) -> str:
    return f"{slot.starts_at.astimezone(ZoneInfo(slot.time_zone)):%H:%M}"
