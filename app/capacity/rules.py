"""Does a load fit, and which pool takes it at the least cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from itertools import takewhile
from typing import Protocol

from app.fleet.rules import VehicleKind, skills_of
from app.values.basket import Basket, VehicleSkill
from app.values.load import Load
from app.values.money import divided
from app.values.window import Window

# What an operator may ask of one pool: so many orders, or ten times the plan.
MOST_ORDERS = 1_000_000
MOST_BP = 100_000
_NOTHING: frozenset[VehicleSkill] = frozenset()


class EntryKind(StrEnum):
    """Why the use of a pool changed."""

    HOLD = "HOLD"
    BOOKING = "BOOKING"
    RELEASE = "RELEASE"
    EXPIRY = "EXPIRY"
    ADJUSTMENT = "ADJUSTMENT"


class OvercommitChoice(StrEnum):
    """What shall become of what does not fit a smaller size."""

    KEEP_OVERBOOKED = "KEEP_OVERBOOKED"
    START_REPROMISE = "START_REPROMISE"


class PoolFacts(Protocol):
    """What of a pool decides whether an override is about it."""

    id: str
    node_id: str
    day: date
    starts_at: datetime
    ends_at: datetime


class SizeFacts(Protocol):
    """What is said of a size: orders, a share of the plan, or vehicles that are out."""

    @property
    def sell_orders(self) -> int | None:
        """Orders to sell in each pool."""

    @property
    def factor_bp(self) -> int | None:
        """The share of the plan to sell, in basis points."""

    @property
    def vehicles_out(self) -> int | None:
        """How many of the plan's vehicles are out."""

    @property
    def vehicle_id(self) -> str | None:
        """Which vehicle is out, where that is known."""


class OverrideFacts(SizeFacts, Protocol):
    """Which pools an override is about, and what it makes of the plan's figures."""

    @property
    def day(self) -> date:
        """The local day."""

    @property
    def pool_id(self) -> str | None:
        """The only pool, if it is about one."""

    @property
    def node_id(self) -> str | None:
        """The only node, if it is about one."""

    @property
    def vehicle_kind(self) -> VehicleKind | None:
        """The only kind of vehicle, if it is about one."""

    @property
    def starts_at(self) -> datetime | None:
        """Buckets that begin earlier are left alone."""

    @property
    def ends_at(self) -> datetime | None:
        """Buckets that end later are left alone."""


@dataclass(frozen=True, slots=True)
class PoolSelector:
    """Which pools an operator means: one, or all of a local day, narrowed by what is given."""

    pool_id: str | None = None
    day: date | None = None
    node_id: str | None = None
    vehicle_kind: VehicleKind | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SizeChange:
    """What an operator wants sold: so many orders in each pool, or a share of what the plan would sell.

    Or what is left of either while `vehicles_out` of the pool's vehicles are out; `vehicle_id` is which one.
    """

    sell_orders: int | None = None
    factor_bp: int | None = None
    vehicles_out: int | None = None
    vehicle_id: str | None = None

    @property
    def makes_sense(self) -> bool:
        """Whether it is exactly one of them, and within bounds."""
        said = (self.sell_orders, self.factor_bp, self.vehicles_out)
        bounds = (MOST_ORDERS, MOST_BP, MOST_ORDERS)
        told = [(value, most) for value, most in zip(said, bounds, strict=True) if value is not None]
        return len(told) == 1 and all(0 <= value <= most for value, most in told)


@dataclass(frozen=True, slots=True)
class PoolEdit:
    """What a pool sells before and after an operator's change, with what is taken of it."""

    pool_id: str
    window: Window
    before: Load
    after: Load
    held: Load
    booked: Load


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
    # What of the free orders is kept for a group that this customer is not in, and until when: less what
    # the group has taken, so it may be below nothing.
    kept_for: str | None = None
    kept_orders: int = 0
    kept_until: datetime | None = None
    # The local day of its node, and the class of its vehicles: whose tours serve it.
    day: date = date.min
    class_id: str = ""
    # What its vehicles with their crews can do; None: what is usual for their kind.
    skills: frozenset[VehicleSkill] | None = None
    # What a drop costs in the zone on the mean of that day; None where nobody has reckoned it.
    zone_cost_minor: int | None = None

    def drop_s(self, at_door_s: int) -> int:
        """Seconds one drop takes here: travel and parking, and the handover scaled by the vehicle."""
        return drop_s(self.work_s, self.handover_bp, at_door_s)

    def marginal_minor(self, at_door_s: int) -> int:
        """What one more drop costs: distance, carbon, and the worth of the time it takes from others."""
        return self.cost_minor + divided(self.minute_worth_micro * self.drop_s(at_door_s), 60 * 1_000_000)

    def carries(self, basket: Basket) -> bool:
        """Whether one vehicle of this class can take the basket at all, and its crew hand it over."""
        return not self.lacks(basket) and basket.load(0).fits(self.vehicle)

    def lacks(self, basket: Basket) -> frozenset[VehicleSkill]:
        """What the basket needs that vehicles of this class and their crews cannot do."""
        return basket.needs - skills_of(self.vehicle_kind, self.skills) if basket.traits else _NOTHING

    def has_room(self, basket: Basket, at_door_s: int) -> bool:
        """Whether the pool and its picking wave can take one more drop of this basket, for this customer."""
        picked = self.pick_free is None or self.pick_free > 0
        return picked and self.on_board(basket, at_door_s)

    def on_board(self, basket: Basket, at_door_s: int) -> bool:
        """Whether the vehicles can take it for this customer, whoever picks it."""
        kept = max(0, self.kept_orders)
        return self.would_board(basket, at_door_s) and self.free.orders - kept > 0

    def would_board(self, basket: Basket, at_door_s: int) -> bool:
        """Whether the vehicles could take it, if nothing were kept for others."""
        return basket.load(self.drop_s(at_door_s)).fits(self.free)


def drop_s(work_s: int, handover_bp: int, at_door_s: int) -> int:
    """Seconds of a drop from its travel share and the handover time scaled by the vehicle class."""
    return work_s + divided(at_door_s * handover_bp, 10_000)


def inside(reaches: Iterable[Reach], window: Window) -> list[Reach]:
    """The pools whose whole bucket lies in the window."""
    start, end = window.start, window.end
    return [reach for reach in reaches if start <= reach.window.start and reach.window.end <= end]


def cheapest_first(reaches: Iterable[Reach], at_door_s: int) -> list[Reach]:
    """The order in which pools are tried: least marginal cost, then the earlier bucket, then the id."""
    return sorted(reaches, key=lambda r: (r.marginal_minor(at_door_s), r.window.start, r.pool_id))


def concerns(override: OverrideFacts, pool: PoolFacts, kind: VehicleKind) -> bool:
    """Whether an override is about a pool of this kind of vehicle."""
    if override.pool_id is not None:
        return override.pool_id == pool.id
    return (
        override.day == pool.day
        and override.node_id in (None, pool.node_id)
        and override.vehicle_kind in (None, kind)
        and (override.starts_at is None or override.starts_at <= pool.starts_at)
        and (override.ends_at is None or pool.ends_at <= override.ends_at)
    )


def in_force[O: OverrideFacts](newest_first: Iterable[O], pool: PoolFacts, kind: VehicleKind) -> list[O]:
    """The overrides about a pool, newest first."""
    return [override for override in newest_first if concerns(override, pool, kind)]


def sold_under(in_force: Sequence[SizeFacts], planned: Load, vehicles: int) -> Load:
    """What is sold of what the plan would sell with `vehicles`; where it sends nobody, nothing is.

    `in_force` is what is about the pool, newest first. The newest size counts; of it each vehicle that went
    out since takes its share, whichever went first and whichever is back first.
    """
    if planned == Load():
        return planned
    out = list(takewhile(lambda one: one.vehicles_out is not None, in_force))
    sized = next((one for one in in_force if one.vehicles_out is None), None)
    left = max(0, vehicles - _vehicles_out(out))
    wanted = _sized(sized, planned)
    return Load(*(amount * left // vehicles for amount in astuple(wanted))) if out and vehicles else wanted


def _sized(override: SizeFacts | None, planned: Load) -> Load:
    if override is None:
        return planned
    if override.sell_orders is not None:
        return replace(planned, orders=override.sell_orders) if override.sell_orders else Load()
    return Load(*(amount * (override.factor_bp or 0) // 10_000 for amount in astuple(planned)))


def _vehicles_out(outages: Iterable[SizeFacts]) -> int:
    """How many are out: a vehicle that was reported twice is one."""
    named: dict[str, int] = {}
    nameless = 0
    for one in outages:
        if one.vehicle_id is None:
            nameless += one.vehicles_out or 0
        else:
            named[one.vehicle_id] = max(named.get(one.vehicle_id, 0), one.vehicles_out or 0)
    return nameless + sum(named.values())
