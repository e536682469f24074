"""Read a seed file: what an operator decides before the first plan, checked as a whole."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from app.booking.rules import LateCancellation
from app.errors import Invalid
from app.fleet.rules import PremiumKind, VehicleKind
from app.handover.rules import HandoverMode, ProofKind
from app.places.rules import NodeKind
from app.promotions.rules import DiscountKind
from app.slots.rules import CutoffKind

PORTO = Path(__file__).with_name("porto.toml")


class BrokenSeed(Invalid):
    """The seed file {file} does not work: {what}"""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CitySeed(_Part):
    """The city, and how many zones and orders to expect of it."""

    name: str
    time_zone: str
    country_code: str
    holiday_region: str | None = None
    zones: int
    daily_orders: int


class PolicySeed(_Part):
    """What the storefront promises and allows."""

    hold_min: int
    hold_ceiling_min: int
    horizon_days: int
    checkout_min: int
    late_min: int
    grace_min: int
    move_limit: int
    late_cancellation: LateCancellation
    late_cancellation_minor: int
    offer_min: int
    offer_least_min: int


class NodeSeed(_Part):
    """A node, placed in metres from the middle of where people live."""

    key: str
    name: str
    kind: NodeKind
    east_m: int
    north_m: int
    door_orders_per_h: int
    driver_hours_per_week: int
    vehicles: dict[str, int]


class VehicleClassSeed(_Part):
    """The columns of a vehicle class."""

    key: str
    name: str
    kind: VehicleKind
    speed_kmh: int
    cost_minor_per_100km: int
    day_cost_minor: int
    range_m: int
    reach_m: int | None = None
    volume_ml: int
    weight_g: int
    chilled_ml: int
    frozen_ml: int
    stops_per_trip: int
    reload_s: int
    handover_bp: int
    parking_bp: int
    small_orders_only: bool = False
    emission_factor_id: str


class EmissionFactorSeed(_Part):
    """The columns of an emission factor."""

    id: str
    grams_per_km: float
    scope: str
    method: str
    source: str
    year: int


class PremiumSeed(_Part):
    """A premium on the wage."""

    kind: PremiumKind
    premium_bp: int
    from_local: str | None = None


class ShiftSeed(_Part):
    """A shift pattern."""

    key: str
    name: str
    starts_local: str
    ends_local: str
    weekdays: str


class TrafficSeed(_Part):
    """Parking and slowdown of a ring around the middle, by part of the day."""

    ring: str
    within_m: int
    parking_s: dict[str, int]
    slowdown_bp: dict[str, int]


class CutoffSeed(_Part):
    """A cut-off rule."""

    key: str
    kind: CutoffKind
    elapsed_min: int | None = None
    days_before: int | None = None
    at_local: str | None = None
    weekdays: str | None = None
    node: str | None = None
    wave: str | None = None


class PickWaveSeed(_Part):
    """A picking wave of a node."""

    key: str
    node: str
    name: str
    starts_from: str
    starts_until: str
    weekdays: str
    pick_by: str
    capacity_orders: int | None = None


class HolidaySeed(_Part):
    """A node that rests on public holidays."""

    key: str
    node: str
    country_code: str
    region: str | None = None


class LeadTimeSeed(_Part):
    """The least minutes from an order to a window of a node."""

    key: str
    node: str
    least_min: int


class HorizonSeed(_Part):
    """How far ahead a group of customers may choose."""

    key: str
    customer_group: str
    days: int


class TemplateSeed(_Part):
    """A recurring window."""

    key: str
    name: str
    rrule: str
    starts_local: str
    ends_local: str
    cutoff: str


class HandoverSeed(_Part):
    """A way of handing over."""

    mode: HandoverMode
    at_door_s: int
    fee_minor: int
    proof: list[ProofKind]


class PromotionSeed(_Part):
    """A promotion that begins when it is loaded and lasts `days`."""

    code: str
    label: str
    kind: DiscountKind
    amount_minor: int = 0
    percent_bp: int = 0
    evening_only: bool = False
    days: int
    max_uses: int
    per_customer: int
    budget_minor: int


class Seed(_Part):
    """The whole file."""

    city: CitySeed
    storefront: dict[str, Any]
    policy: PolicySeed
    fees: dict[str, Any]
    planning: dict[str, Any]
    nodes: list[NodeSeed]
    emission_factors: list[EmissionFactorSeed]
    vehicle_classes: list[VehicleClassSeed]
    wage: dict[str, Any]
    premiums: list[PremiumSeed]
    shifts: list[ShiftSeed]
    traffic: list[TrafficSeed]
    pick_waves: list[PickWaveSeed]
    cutoffs: list[CutoffSeed]
    lead_times: list[LeadTimeSeed]
    holidays: list[HolidaySeed]
    horizons: list[HorizonSeed]
    templates: list[TemplateSeed]
    handover: list[HandoverSeed]
    promotions: list[PromotionSeed]


def read_seed(file: Path = PORTO) -> Seed:
    """The seed in a TOML file; raises BrokenSeed with everything that is wrong with it."""
    try:
        return Seed.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError as why:
        raise BrokenSeed(file=file.name, what="there is no such file.") from why
    except tomllib.TOMLDecodeError as why:
        raise BrokenSeed(file=file.name, what=f"{why}.") from why
    except ValidationError as why:
        problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg'].lower()}" for e in why.errors()]
        raise BrokenSeed(file=file.name, what="; ".join(problems)) from why
