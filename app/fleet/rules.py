"""What vehicles and shifts cost, how long a drop takes them, and what they emit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo

from app.values.basket import VehicleSkill
from app.values.money import round_half_up
from app.values.window import Window


class VehicleKind(StrEnum):
    """The kind of vehicle a customer sees coming."""

    VAN = "VAN"
    ELECTRIC_VAN = "ELECTRIC_VAN"
    CARGO_BIKE = "CARGO_BIKE"
    BIKE = "BIKE"
    E_SCOOTER = "E_SCOOTER"
    MOPED = "MOPED"
    WALKER = "WALKER"


# What cannot get to an address in a closed street; bikes and people on foot can.
MOTORED = frozenset({VehicleKind.VAN, VehicleKind.ELECTRIC_VAN, VehicleKind.E_SCOOTER, VehicleKind.MOPED})


# Kinds with a load floor that takes what does not fit a box.
_WITH_A_FLOOR = frozenset({VehicleKind.VAN, VehicleKind.ELECTRIC_VAN})
_USUAL = {
    kind: frozenset({VehicleSkill.AGE_CHECK, *({VehicleSkill.LARGE_ITEMS} if kind in _WITH_A_FLOOR else ())})
    for kind in VehicleKind
}


def skills_of(kind: VehicleKind, told: frozenset[VehicleSkill] | None) -> frozenset[VehicleSkill]:
    """What vehicles of a class with their crews can do: as told, else what is usual for the kind.

    Usually any crew checks ages and vans take what fits no box; two people and tail-lifts are told.
    """
    return _USUAL[kind] if told is None else told


class PremiumKind(StrEnum):
    """When working costs more."""

    EVENING = "EVENING"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"
    HOLIDAY = "HOLIDAY"


@dataclass(frozen=True, slots=True)
class Emissions:
    """Grams of CO2e of one drop, with what they count and the factor they come from."""

    grams: int
    scope: str
    method: str
    factor_id: str


class ClassFacts(Protocol):
    """What of a vehicle class decides how long a drop takes and what it costs."""

    cost_minor_per_100km: int
    handover_bp: int
    parking_bp: int
    stops_per_trip: int
    reload_s: int


@dataclass(frozen=True, slots=True)
class Mover:
    """Who travels: the kind decides which streets, the speed how fast where no streets are known."""

    kind: VehicleKind
    name: str
    speed_kmh: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How the ways of a class from a node go, on free streets.

    A way is `detour_bp` times as long as the straight line; every kilometre of it takes `s_per_km`, and every
    way `leg_s` besides: turns, lights, the way around a block. `measured` on a map's streets, or supposed.
    """

    detour_bp: int
    s_per_km: float
    leg_s: int = 0
    measured: bool = False

    def street_m(self, straight_m: float) -> float:
        """How many metres of streets a straight line is."""
        return straight_m * self.detour_bp / 10_000

    @property
    def line_kmh(self) -> float:
        """How fast straight lines go by, besides the seconds of every way: what people can picture."""
        return 3_600 / self.s_per_km / self.street_m(1)


def pace_of_lines(*, speed_kmh: int, circuity_bp: int) -> Pace:
    """Straight lines times the city's circuity, at the class's own speed."""
    return Pace(circuity_bp, 3_600 / speed_kmh)


@dataclass(frozen=True, slots=True)
class DropEstimate:
    """One drop of a vehicle class in a zone and an hour.

    `work_s` is parking, travel share and reloading, without the handover; `distance_m` is the share
    of the way out and back plus the way between neighbouring drops.
    """

    work_s: int
    distance_m: int
    cost_minor: int
    grams: int


def km_minor(kind: ClassFacts, *, grams_per_km: float, carbon_minor_per_tonne: int) -> int:
    """What a kilometre of a class costs in minor units, carbon included; at least one: ways always count."""
    carbon = grams_per_km * carbon_minor_per_tonne / 1_000_000
    return max(1, round_half_up(kind.cost_minor_per_100km / 100 + carbon))


def drop_estimate(
    kind: ClassFacts,
    *,
    pace: Pace,
    stem_m: int,
    between_m: int,
    parking_s: int,
    slowdown_bp: int,
    grams_per_km: float,
    carbon_minor_per_tonne: int,
) -> DropEstimate:
    """What one more drop takes and costs.

    `tau = parking * pf + (km * pace + leg * (1 + 1 / stops)) * slowdown + reload / stops` with
    `km = 2 stem / stops + between`, and `c = km * (cost + carbon price)`: the parameters of the capacity plan
    (allocation, layer A). A drop has a way to it and its share of the one home.
    """
    distance_m = round_half_up(Decimal(2 * stem_m) / kind.stops_per_trip) + between_m
    legs_s = pace.leg_s * (1 + 1 / kind.stops_per_trip)
    travel_s = (distance_m / 1_000 * pace.s_per_km + legs_s) * slowdown_bp / 10_000
    parking = parking_s * kind.parking_bp / 10_000
    grams = distance_m / 1000 * grams_per_km
    cost = distance_m * kind.cost_minor_per_100km / 100_000 + grams * carbon_minor_per_tonne / 1_000_000
    return DropEstimate(
        work_s=round_half_up(travel_s + parking + kind.reload_s / kind.stops_per_trip),
        distance_m=distance_m,
        cost_minor=round_half_up(cost),
        # Never nothing: the smallest vehicle still takes electricity.
        grams=max(1, round_half_up(grams)),
    )


def wage_minor(
    shift: Window,
    *,
    zone: str,
    wage_minor_per_h: int,
    premiums_bp: Mapping[PremiumKind, int],
    evening_from: time,
    holiday: bool,
) -> int:
    """What a driver's shift costs: each quarter of an hour at its own rate, the premiums added up.

    A holiday replaces the premium of the weekday it falls on.
    """
    quarter = timedelta(minutes=15)
    total = Decimal(0)
    at = shift.start
    while at < shift.end:
        length = min(quarter, shift.end - at)
        rate = 10_000 + premium_bp(at, zone, premiums_bp, evening_from, holiday)
        hours = Decimal(int(length.total_seconds())) / 3600
        total += hours * wage_minor_per_h * rate / 10_000
        at += quarter
    return round_half_up(total)


def premium_bp(
    at: datetime, zone: str, premiums_bp: Mapping[PremiumKind, int], evening_from: time, holiday: bool
) -> int:
    """The premium on the wage at an instant, in basis points."""
    local = at.astimezone(ZoneInfo(zone))
    day = {6: PremiumKind.SATURDAY, 7: PremiumKind.SUNDAY}.get(local.isoweekday())
    kinds = [PremiumKind.HOLIDAY if holiday else day]
    if local.time() >= evening_from:
        kinds.append(PremiumKind.EVENING)
    return sum(premiums_bp.get(kind, 0) for kind in kinds if kind)
