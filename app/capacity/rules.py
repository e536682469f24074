"""Does a load fit, and which pool takes it at the least cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.fleet.rules import VehicleKind
from app.values.basket import Basket, GoodsTrait
from app.values.load import Load
from app.values.money import round_half_up
from app.values.window import Window

# Kinds with a load floor that takes what does not fit a box.
_FOR_BULKY = frozenset({VehicleKind.VAN, VehicleKind.ELECTRIC_VAN})


class EntryKind(StrEnum):
    """Why the use of a pool changed."""

    HOLD = "HOLD"
    BOOKING = "BOOKING"
    RELEASE = "RELEASE"
    EXPIRY = "EXPIRY"
    ADJUSTMENT = "ADJUSTMENT"


@dataclass(frozen=True, slots=True)
class ReachPlan:
    """That a planned pool serves a zone: seconds, metres, minor units and grams of one more drop there."""

    zone_id: str
    work_s: int
    handover_bp: int
    distance_m: int
    cost_minor: int
    grams: int


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """One pool as a plan wants it: what exists (`cap`), what may be sold (`sell`), and whom it reaches."""

    node_id: str
    vehicle_class_id: str
    day: date
    window: Window
    vehicles: int
    cap: Load
    sell: Load
    minute_worth_micro: int
    reach: tuple[ReachPlan, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """A pool that may serve an address, with the room it has left and what one more drop costs.

    `vehicle` is what a single vehicle of the class can carry; `minute_worth_micro` is the shadow price
    of a minute of the pool's work in millionths of a minor unit. `pick_free` is how many orders the
    picking wave of its bucket still takes, None where picking is not bounded; `wave` names that wave's day.
    """

    pool_id: str
    node_id: str
    window: Window
    free: Load
    work_s: int
    handover_bp: int
    cost_minor: int
    grams: int
    minute_worth_micro: int
    vehicle_kind: VehicleKind
    vehicle: Load
    emission_factor_id: str
    emission_scope: str
    emission_method: str
    wave: str | None = None
    pick_free: int | None = None

    def drop_s(self, at_door_s: int) -> int:
        """Seconds one drop takes here: travel and parking, and the handover scaled by the vehicle."""
        return drop_s(self.work_s, self.handover_bp, at_door_s)

    def marginal_minor(self, at_door_s: int) -> int:
        """What one more drop costs: distance, carbon, and the worth of the time it takes from others."""
        minutes_worth = self.minute_worth_micro * self.drop_s(at_door_s) / 60 / 1_000_000
        return self.cost_minor + round_half_up(minutes_worth)

    def carries(self, basket: Basket) -> bool:
        """Whether one vehicle of this kind can take the basket at all."""
        if GoodsTrait.BULKY in basket.traits and self.vehicle_kind not in _FOR_BULKY:
            return False
        return basket.load(0).fits(self.vehicle)

    def has_room(self, basket: Basket, at_door_s: int) -> bool:
        """Whether the pool and its picking wave can take one more drop of this basket."""
        picked = self.pick_free is None or self.pick_free > 0
        return picked and self.on_board(basket, at_door_s)

    def on_board(self, basket: Basket, at_door_s: int) -> bool:
        """Whether the vehicles can take it, whoever picks it."""
        return basket.load(self.drop_s(at_door_s)).fits(self.free)


def drop_s(work_s: int, handover_bp: int, at_door_s: int) -> int:
    """Seconds of a drop from its travel share and the handover time scaled by the vehicle class."""
    return work_s + round_half_up(at_door_s * handover_bp / 10_000)


def inside(reaches: Iterable[Reach], window: Window) -> list[Reach]:
    """The pools whose whole bucket lies in the window."""
    return [reach for reach in reaches if window.covers(reach.window)]


def cheapest_first(reaches: Iterable[Reach], at_door_s: int) -> list[Reach]:
    """The order in which pools are tried: least marginal cost, then the earlier bucket, then the id."""
    return sorted(reaches, key=lambda r: (r.marginal_minor(at_door_s), r.window.start, r.pool_id))
