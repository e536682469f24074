"""A city as it is read or made, before it is rows."""

from __future__ import annotations

from dataclasses import dataclass

from app.values.point import Point


@dataclass(frozen=True, slots=True)
class StreetData:
    """A named street with its polylines."""

    name: str
    kind: str
    lines: tuple[tuple[Point, ...], ...]


@dataclass(frozen=True, slots=True)
class AddressData:
    """One address of the map; its house number as it is written there, which may be a list or a span."""

    street: str
    house_number: str
    postcode: str | None
    point: Point


@dataclass(frozen=True, slots=True)
class CityData:
    """Streets, addresses, and further points (buildings, corners) that show where people live."""

    name: str
    time_zone: str
    country_code: str
    holiday_region: str | None
    source: str
    attribution: str | None
    streets: tuple[StreetData, ...]
    addresses: tuple[AddressData, ...]
    lived_at: tuple[Point, ...] = ()
