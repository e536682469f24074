"""Load a city and a seed into an empty database, all or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from math import cos, radians
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlmodel import SQLModel

from app.allocation.tables import PlanningFigures
from app.booking.tables import BookingPolicy
from app.database.rows import add, rows, table_of
from app.demo.seed import PARTS, Seed
from app.fleet.tables import EmissionFactor, ShiftPattern, Vehicle, VehicleClass, WagePremium, WageRule
from app.handover.tables import HandoverPolicy
from app.places.city import CityData
from app.places.import_city import CitySummary, import_city
from app.places.tables import (
    Address,
    City,
    CollectionPoint,
    FulfilmentNode,
    LockerCompartment,
    ServiceZone,
    ZoneHour,
)
from app.pricing.tables import FeeRule
from app.promotions.tables import Promotion
from app.slots.checks import check
from app.slots.drafts import (
    CutoffDraft,
    Draft,
    HolidayDraft,
    HorizonDraft,
    LeadTimeDraft,
    PickWaveDraft,
    TemplateDraft,
)
from app.slots.spelling import KINDS, read_spelling
from app.storefronts.tables import Storefront
from app.values.point import Point, distance_m
from app.values.window import local_day

_METRES_PER_DEGREE = 111_320
# A collection point is at most so far from where it should be: some four hundred metres.
_NEAR_DEGREES = 0.004


def load(conn: Connection, *, now: datetime, seed: Seed, city: CityData) -> CitySummary:
    """Everything that planning, selling and delivering needs, except capacity: the planner makes that.

    Raises CityExists, NothingToServe.
    """
    summary = import_city(
        conn, now=now, city=city, zones=seed.city.zones, daily_orders=seed.city.daily_orders
    )
    zones = rows(conn, ServiceZone, sa.select(table_of(ServiceZone)).order_by("code"))
    middle = _middle(zones)
    _traffic(conn, seed, zones, middle)
    _fleet(conn, seed, summary.city_id, middle)
    _collection(conn, seed, middle)
    _calendar(conn, seed, local_day(now, city.time_zone))
    _shop(conn, seed, now)
    opening = _openings(seed, zones, middle)
    add(conn, PlanningFigures(city_id=summary.city_id, opening=opening, **seed.planning))
    return summary


def is_loaded(conn: Connection) -> bool:
    """Whether a city is there already."""
    return conn.execute(sa.select(table_of(City).c.id).limit(1)).first() is not None


def _middle(zones: list[ServiceZone]) -> Point:
    orders = sum(zone.daily_orders for zone in zones)
    return Point(
        sum(zone.latitude * zone.daily_orders for zone in zones) / orders,
        sum(zone.longitude * zone.daily_orders for zone in zones) / orders,
    )


def _traffic(conn: Connection, seed: Seed, zones: list[ServiceZone], middle: Point) -> None:
    rings = sorted(seed.traffic, key=lambda ring: ring.within_m)
    hours = []
    for zone in zones:
        away = distance_m(zone.centre, middle)
        ring = next((ring for ring in rings if away <= ring.within_m), rings[-1])
        for hour in range(24):
            part = next(name for begins, name in reversed(PARTS) if hour >= begins)
            hours.append(
                ZoneHour(
                    zone_id=zone.id,
                    hour=hour,
                    parking_s=ring.parking_s[part],
                    slowdown_bp=ring.slowdown_bp[part],
                    low_emission=part in ring.low_emission,
                )
            )
    add(conn, *hours)


def _openings(seed: Seed, zones: list[ServiceZone], middle: Point) -> list[dict[str, Any]]:
    """The opening rules with the zones that lie in their rings."""
    return [
        {
            "zones": [z.code for z in zones if rule.from_m <= distance_m(z.centre, middle) < rule.within_m],
            **rule.model_dump(exclude={"from_m", "within_m"}),
        }
        for rule in seed.openings
    ]


def _fleet(conn: Connection, seed: Seed, city_id: str, middle: Point) -> None:
    add(conn, *(_row(EmissionFactor, factor) for factor in seed.emission_factors))
    classes = {kind.key: _row(VehicleClass, kind) for kind in seed.vehicle_classes}
    add(conn, *classes.values())
    for node in seed.nodes:
        place = _from(middle, node)
        row = FulfilmentNode(
            city_id=city_id,
            latitude=place.latitude,
            longitude=place.longitude,
            **node.model_dump(exclude={"east_m", "north_m", "vehicles"}),
        )
        add(conn, row)
        vehicles = [
            Vehicle(name=f"{node.key} {key} {n + 1}", node_id=row.id, vehicle_class_id=classes[key].id)
            for key, count in node.vehicles.items()
            for n in range(count)
        ]
        add(conn, *vehicles)
    add(conn, *(_row(ShiftPattern, shift) for shift in seed.shifts))
    add(conn, *(_row(WagePremium, premium) for premium in seed.premiums))


class _Away(Protocol):
    """So many metres from the middle."""

    east_m: int
    north_m: int


def _from(middle: Point, there: _Away) -> Point:
    return Point(
        round(middle.latitude + there.north_m / _METRES_PER_DEGREE, 6),
        round(middle.longitude + there.east_m / _METRES_PER_DEGREE / cos(radians(middle.latitude)), 6),
    )


def _collection(conn: Connection, seed: Seed, middle: Point) -> None:
    """Each point stands at the address nearest to where it should be; a city without one there has none."""
    address = table_of(Address)
    for wanted in seed.collection_points:
        spot = _from(middle, wanted)
        around = [
            address.c.latitude.between(spot.latitude - _NEAR_DEGREES, spot.latitude + _NEAR_DEGREES),
            address.c.longitude.between(spot.longitude - _NEAR_DEGREES, spot.longitude + _NEAR_DEGREES),
        ]
        near = rows(conn, Address, sa.select(address).where(*around))
        if near:
            home = min(near, key=lambda one: (distance_m(spot, one.point), one.label))
            point = home.point
            row = CollectionPoint(
                key=wanted.key,
                name=wanted.name,
                address_label=home.label,
                latitude=point.latitude,
                longitude=point.longitude,
                locker=wanted.locker,
                kept_h=wanted.kept_h,
            )
            add(conn, row)
            add(
                conn,
                *(LockerCompartment(locker_id=row.id, **size.model_dump()) for size in wanted.compartments),
            )


def _calendar(conn: Connection, seed: Seed, today: date) -> None:
    _write(conn, [PickWaveDraft(**wave.model_dump()) for wave in seed.pick_waves])
    _write(
        conn,
        [CutoffDraft(counted=rule.kind, **rule.model_dump(exclude={"kind"})) for rule in seed.cutoffs],
    )
    _write(conn, [TemplateDraft(valid_from=today, **template.model_dump()) for template in seed.templates])
    _write(conn, [LeadTimeDraft(**lead.model_dump()) for lead in seed.lead_times])
    _write(conn, [HolidayDraft(**holiday.model_dump()) for holiday in seed.holidays])
    add(conn, WageRule(valid_from=today, **seed.wage))


def _write(conn: Connection, rules: Sequence[Draft]) -> None:
    """Rules of one kind, checked as an operator's are; they may refer to those written before."""
    for rule in rules:
        check(rule)
    spelling = read_spelling(conn)
    add(conn, *(KINDS[rule.kind][0](**spelling.columns(rule)) for rule in rules))


def _shop(conn: Connection, seed: Seed, now: datetime) -> None:
    storefront = Storefront(**seed.storefront)
    add(conn, storefront)
    add(conn, BookingPolicy(storefront_id=storefront.id, **seed.policy.model_dump()))
    _write(
        conn, [HorizonDraft(storefront=storefront.key, **horizon.model_dump()) for horizon in seed.horizons]
    )
    since = datetime(now.year, 1, 1, tzinfo=UTC)
    add(
        conn,
        FeeRule(storefront_id=storefront.id, valid_from=since, currency=storefront.currency, **seed.fees),
    )
    policies = [
        HandoverPolicy(**{**policy.model_dump(), "proof": [kind.value for kind in policy.proof]})
        for policy in seed.handover
    ]
    add(conn, *policies)
    promotions = [
        Promotion(
            storefront_id=storefront.id,
            currency=storefront.currency,
            starts_at=now,
            ends_at=now + timedelta(days=promotion.days),
            **promotion.model_dump(exclude={"days"}),
        )
        for promotion in seed.promotions
    ]
    add(conn, *promotions)


def _row[M: SQLModel](model: type[M], part: Any) -> M:
    return model(**part.model_dump())
