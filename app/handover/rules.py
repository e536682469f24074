"""How goods may change hands: goods x mode x proof, with the reason where they may not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from app.values.basket import LARGE, Basket, GoodsTrait


class HandoverMode(StrEnum):
    """The ways of handing over."""

    ATTENDED = "ATTENDED"
    SAFE_PLACE = "SAFE_PLACE"
    NEIGHBOUR = "NEIGHBOUR"
    LOCKER = "LOCKER"
    COLLECTION = "COLLECTION"
    IN_HOME = "IN_HOME"


class ProofKind(StrEnum):
    """What shows that it was done."""

    PHOTO = "PHOTO"
    SIGNATURE = "SIGNATURE"
    PIN = "PIN"
    BARCODE = "BARCODE"
    ID_CHECK = "ID_CHECK"


class HandoverRefusal(StrEnum):
    """Why a way of handing over is not to be had."""

    AGE_CHECK_REQUIRES_HANDOVER = "AGE_CHECK_REQUIRES_HANDOVER"
    HIGH_VALUE_REQUIRES_HANDOVER = "HIGH_VALUE_REQUIRES_HANDOVER"
    TEMPERATURE = "TEMPERATURE"
    BULKY = "BULKY"
    NOT_AT_THIS_ADDRESS = "NOT_AT_THIS_ADDRESS"
    NOT_BY_THIS_VEHICLE = "NOT_BY_THIS_VEHICLE"


MAX_EXTRA_MIN = 30
MAX_TEXT = 200
_IN_PERSON = frozenset({HandoverMode.ATTENDED, HandoverMode.COLLECTION})
# Goods are out of the customer's sight here, whoever answers the door.
_UNATTENDED = frozenset({HandoverMode.SAFE_PLACE, HandoverMode.NEIGHBOUR, HandoverMode.LOCKER})


class PolicyFacts(Protocol):
    """A way of handing over that is offered."""

    mode: HandoverMode
    at_door_s: int
    fee_minor: int
    proof: list[Any]


@dataclass(frozen=True, slots=True)
class DropWish:
    """What the customer asks for; which fields matter depends on the mode."""

    mode: HandoverMode
    place: str | None = None
    neighbour: str | None = None
    neighbour_line1: str | None = None
    note: str | None = None
    ring_bell: bool = True
    contact_free: bool = False
    extra_min: int = 0


@dataclass(frozen=True, slots=True)
class HandoverOption:
    """A way of handing over for some goods: allowed or why not, its proof, its seconds at the door."""

    mode: HandoverMode
    allowed: bool
    reason: HandoverRefusal | None
    proof: tuple[ProofKind, ...]
    at_door_s: int
    fee_minor: int
    extra_minutes: int


def options(
    policies: Iterable[PolicyFacts], basket: Basket, *, collected: bool = False
) -> tuple[HandoverOption, ...]:
    """Every way that is offered, each with the reason why these goods may not take it.

    `collected` says that the address is a collection point: there goods are collected and nowhere else,
    unless this deployment does not offer that, which makes it an address like any other. `extra_minutes` is
    how much longer than the quickest way to be had at the address it takes, rounded up.
    """
    known = sorted(policies, key=lambda policy: list(HandoverMode).index(policy.mode))
    collected = collected and any(policy.mode is HandoverMode.COLLECTION for policy in known)
    here = [policy for policy in known if _is_here(policy.mode, collected)]
    quickest_s = min((policy.at_door_s for policy in here), default=0)
    return tuple(_option(policy, basket, collected, quickest_s) for policy in known)


def usual(options: Iterable[HandoverOption]) -> HandoverOption | None:
    """The way that is meant where nobody says one: collected where goods are collected, else in person."""
    by_mode = {option.mode: option for option in options}
    collection = by_mode.get(HandoverMode.COLLECTION)
    if collection and collection.reason is not HandoverRefusal.NOT_AT_THIS_ADDRESS:
        return collection
    return by_mode.get(HandoverMode.ATTENDED)


def _is_here(mode: HandoverMode, collected: bool) -> bool:
    """Whether a way of handing over is one of this kind of address.

    A locker is none: it is accepted beside a door, see `app/booking/lockers.py`.
    """
    if mode is HandoverMode.LOCKER:
        return False
    return (mode is HandoverMode.COLLECTION) == collected


def _option(policy: PolicyFacts, basket: Basket, collected: bool, quickest_s: int) -> HandoverOption:
    elsewhere = None if _is_here(policy.mode, collected) else HandoverRefusal.NOT_AT_THIS_ADDRESS
    goods = refused(policy.mode, basket)
    # A locker may still be accepted beside the door: what keeps the goods out of it is said first.
    reason = goods or elsewhere if policy.mode is HandoverMode.LOCKER else elsewhere or goods
    proof = [ProofKind(kind) for kind in policy.proof]
    if policy.mode in _IN_PERSON and GoodsTrait.AGE_RESTRICTED in basket.traits:
        proof.append(ProofKind.ID_CHECK)
    return HandoverOption(
        mode=policy.mode,
        allowed=reason is None,
        reason=reason,
        proof=tuple(proof),
        at_door_s=policy.at_door_s,
        fee_minor=policy.fee_minor,
        extra_minutes=max(0, -(-(policy.at_door_s - quickest_s) // 60)),
    )


def refused(mode: HandoverMode, basket: Basket) -> HandoverRefusal | None:
    """Why these goods may not be handed over this way, or None.

    Chilled and frozen goods travel in insulated boxes, so leaving them is the customer's own choice.
    """
    if mode not in _UNATTENDED:
        return None
    if GoodsTrait.AGE_RESTRICTED in basket.traits:
        return HandoverRefusal.AGE_CHECK_REQUIRES_HANDOVER
    if GoodsTrait.HIGH_VALUE in basket.traits:
        return HandoverRefusal.HIGH_VALUE_REQUIRES_HANDOVER
    if mode is HandoverMode.LOCKER and basket.traits & LARGE:
        return HandoverRefusal.BULKY
    return None


def missing(wish: DropWish) -> str | None:
    """What the wish lacks or has too much of, in a sentence, or None."""
    texts = (wish.place, wish.neighbour, wish.neighbour_line1, wish.note)
    if any(len(text or "") > MAX_TEXT for text in texts):
        return f"Keep each text to {MAX_TEXT} characters."
    if not 0 <= wish.extra_min <= MAX_EXTRA_MIN:
        return f"Ask for 0 to {MAX_EXTRA_MIN} extra minutes."
    if wish.mode is HandoverMode.SAFE_PLACE and not (wish.place or "").strip():
        return "Say where the safe place is."
    named = (wish.neighbour or "").strip() and (wish.neighbour_line1 or "").strip()
    if wish.mode is HandoverMode.NEIGHBOUR and not named:
        return "Give the neighbour's name and address."
    return None


class ChosenFacts(Protocol):
    """What was chosen."""

    @property
    def mode(self) -> HandoverMode:
        """The way of handing over."""


def is_collected(chosen: ChosenFacts) -> bool:
    """Whether the customer fetches the goods, so that the address is a collection point."""
    return chosen.mode is HandoverMode.COLLECTION
