"""Read a seed file: what an operator decides before the first plan, checked as a whole."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlmodel import SQLModel

from app.allocation.tables import PlanningFigures
from app.booking.rules import LateCancellation
from app.demo.misfits import misfits
from app.errors import Invalid
from app.fleet.rules import PremiumKind, VehicleKind
from app.fleet.tables import WageRule
from app.handover.rules import HandoverMode, ProofKind
from app.places.rules import KEPT_H, NodeKind
from app.pricing.tables import FeeRule
from app.promotions.rules import DiscountKind
from app.slots.rules import CutoffKind
from app.storefronts.tables import Storefront
from app.values.basket import VehicleSkill

# The hour from which each part of the day counts, in the words of the file.
PARTS = ((0, "night"), (7, "morning"), (10, "midday"), (16, "afternoon"), (18, "evening"), (20, "late"))

PORTO = Path(__file__).with_name("porto.toml")


class BrokenSeed(Invalid):
    """The seed file {file} does not work: {what}"""


type Count = Annotated[int, Field(ge=0)]
type Positive = Annotated[int, Field(gt=0)]
type WallTime = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CitySeed(_Part):
    """The city, and how many zones and orders to expect of it."""

    name: str
    time_zone: str
    country_code: str
    holiday_region: str | None = None
    zones: Positive
    daily_orders: Positive


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
    standing_submit_min: int
    standing_remind_min: int


class NodeSeed(_Part):
    """A node, placed in metres from the middle of where people live."""

    key: str
    name: str
    kind: NodeKind
    east_m: int
    north_m: int
    door_orders_per_h: Positive
    driver_hours_per_week: Positive
    vehicles: dict[str, Count]


class VehicleClassSeed(_Part):
    """The columns of a vehicle class."""

    key: str
    name: str
    kind: VehicleKind
    speed_kmh: Positive
    cost_minor_per_100km: Count
    day_cost_minor: Count
    range_m: Positive
    reach_m: Positive | None = None
    volume_ml: Positive
    weight_g: Positive
    chilled_ml: Count
    frozen_ml: Count
    stops_per_trip: Positive
    reload_s: Count
    handover_bp: Positive
    parking_bp: Count
    small_orders_only: bool = False
    combustion: bool = False
    reloads_at_centres: bool = False
    skills: frozenset[VehicleSkill] | None = None
    emission_factor_id: str


class EmissionFactorSeed(_Part):
    """The columns of an emission factor."""

    id: str
    grams_per_km: Annotated[float, Field(gt=0)]
    scope: str
    method: str
    source: str
    year: int


class PremiumSeed(_Part):
    """A premium on the wage."""

    kind: PremiumKind
    premium_bp: Count
    from_local: WallTime | None = None


class ShiftSeed(_Part):
    """A shift pattern."""

    key: str
    name: str
    starts_local: WallTime
    ends_local: WallTime
    weekdays: str


class TrafficSeed(_Part):
    """Parking and slowdown of a ring around the middle, by part of the day."""

    ring: str
    within_m: Positive
    parking_s: dict[str, Count]
    slowdown_bp: dict[str, Positive]
    low_emission: list[str] = []


class OpeningSeed(_Part):
    """In the zones between two distances from the middle the plan chooses which windows to open."""

    from_m: Count = 0
    within_m: Positive
    least: Count
    most: Positive
    cost_minor: Count
    service_bp: Annotated[int, Field(ge=0, le=10_000)] = 0


class CutoffSeed(_Part):
    """A cut-off rule."""

    key: str
    kind: CutoffKind
    elapsed_min: Positive | None = None
    days_before: Count | None = None
    at_local: WallTime | None = None
    weekdays: str | None = None
    node: str | None = None
    wave: str | None = None


class PickWaveSeed(_Part):
    """A picking wave of a node."""

    key: str
    node: str
    name: str
    starts_from: WallTime
    starts_until: WallTime
    weekdays: str
    pick_by: WallTime
    capacity_orders: Positive | None = None


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
    least_min: Count


class HorizonSeed(_Part):
    """How far ahead a group of customers may choose."""

    key: str
    customer_group: str
    days: Positive


class TemplateSeed(_Part):
    """A recurring window."""

    key: str
    name: str
    rrule: str
    starts_local: WallTime
    ends_local: WallTime
    cutoff: str


class HandoverSeed(_Part):
    """A way of handing over."""

    mode: HandoverMode
    at_door_s: Count
    fee_minor: Count
    proof: list[ProofKind]


class CompartmentSeed(_Part):
    """Compartments of a locker of one size."""

    volume_ml: Positive
    count: Positive


class CollectionSeed(_Part):
    """A collection point, so many metres from the middle of where people live, at the nearest address."""

    key: str
    name: str
    east_m: int
    north_m: int
    locker: bool = False
    compartments: list[CompartmentSeed] = []
    kept_h: Positive = KEPT_H


class PromotionSeed(_Part):
    """A promotion that begins when it is loaded and lasts `days`."""

    code: str
    label: str
    labels: dict[str, str] = {}
    kind: DiscountKind
    amount_minor: Count = 0
    percent_bp: Annotated[int, Field(ge=0, le=10_000)] = 0
    evening_only: bool = False
    days: Positive
    max_uses: Positive
    per_customer: Positive
    budget_minor: Count


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
    openings: list[OpeningSeed] = []
    pick_waves: list[PickWaveSeed]
    cutoffs: list[CutoffSeed]
    lead_times: list[LeadTimeSeed]
    holidays: list[HolidaySeed]
    horizons: list[HorizonSeed]
    templates: list[TemplateSeed]
    handover: list[HandoverSeed]
    collection_points: list[CollectionSeed] = []
    promotions: list[PromotionSeed]


def read_seed(file: Path = PORTO) -> Seed:
    """The seed in a TOML file; raises BrokenSeed with everything that is wrong with it."""
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as why:
        raise BrokenSeed(file=file.name, what="there is no such file.") from why
    except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as why:
        raise BrokenSeed(file=file.name, what=f"{why}.") from why
    problems = _columns(told)
    try:
        seed = Seed.model_validate(told)
    except ValidationError as why:
        raise BrokenSeed(file=file.name, what="; ".join(_said(why) + problems)) from why
    if problems or (problems := misfits(seed, [name for _, name in PARTS])):
        raise BrokenSeed(file=file.name, what="; ".join(problems))
    return seed


# Sections that are the columns of one row, with what the loader adds to it.
_ROWS: Mapping[str, tuple[type[SQLModel], Mapping[str, Any]]] = {
    "storefront": (Storefront, {}),
    "fees": (FeeRule, {"storefront_id": "", "valid_from": datetime(2026, 1, 1, tzinfo=UTC), "currency": ""}),
    "planning": (PlanningFigures, {"city_id": "", "opening": []}),
    "wage": (WageRule, {"valid_from": datetime(2026, 1, 1, tzinfo=UTC).date()}),
}


def _columns(told: Mapping[str, Any]) -> list[str]:
    """What the sections say that their rows cannot hold."""
    problems = []
    for name, (model, added) in _ROWS.items():
        section = told.get(name)
        if not isinstance(section, dict):
            continue  # said by the check of the whole
        unknown = [key for key in section if key not in model.model_fields or key in added]
        problems += [f"{name}.{key}: there is no such figure" for key in unknown]
        try:
            model.model_validate({**section, **added}, strict=True)
        except ValidationError as why:
            problems += [f"{name}.{problem}" for problem in _said(why)]
    return problems


def _said(why: ValidationError) -> list[str]:
    return [f"{'.'.join(map(str, error['loc']))}: {error['msg'].lower()}" for error in why.errors()]
