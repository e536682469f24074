"""Make a city's streets, addresses and service zones from its data."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import add, table_of
from app.places.city import AddressData, CityData, StreetData
from app.places.errors import CityExists, NothingToServe
from app.places.rules import cell_of, fold, house_numbers
from app.places.tables import Address, City, ServiceZone, Street, StreetWord, ZoneCell
from app.places.zoning import DrawnZone, draw_zones
from app.values.point import Point


@dataclass(frozen=True, slots=True)
class CitySummary:
    """What an import made: `addresses` of the map, at so many `doors` with a house number."""

    city_id: str
    zones: int
    streets: int
    addresses: int
    doors: int


def import_city(
    conn: Connection, *, now: datetime, city: CityData, zones: int, daily_orders: int
) -> CitySummary:
    """Insert the city with about `zones` zones that share `daily_orders` by where people live.

    Raises CityExists, NothingToServe; then nothing is written.
    """
    if conn.execute(sa.select(table_of(City).c.id).where(table_of(City).c.name == city.name)).first():
        raise CityExists(name=city.name)
    drawn = draw_zones([*(a.point for a in city.addresses), *city.lived_at], zones=zones)
    if not drawn:
        raise NothingToServe(name=city.name)
    row = City(
        name=city.name,
        time_zone=city.time_zone,
        country_code=city.country_code,
        holiday_region=city.holiday_region,
        source=city.source,
        attribution=city.attribution,
        imported_at=now,
    )
    add(conn, row)
    streets = _streets(conn, row, city.streets, city.addresses)
    doors = _addresses(conn, city, streets)
    _zones(conn, row, city, drawn, daily_orders)
    return CitySummary(row.id, len(drawn), len(streets), len(city.addresses), doors)


def _streets(
    conn: Connection, city: City, known: Sequence[StreetData], addresses: Sequence[AddressData]
) -> dict[str, Street]:
    lines: dict[str, list[list[tuple[float, float]]]] = defaultdict(list)
    kinds: dict[str, str] = {}
    for street in known:
        kinds.setdefault(street.name, street.kind)
        lines[street.name] += [
            [(round(p.latitude, 5), round(p.longitude, 5)) for p in line] for line in street.lines
        ]
    names = sorted({*kinds, *(address.street for address in addresses)})
    made = {
        name: Street(
            city_id=city.id,
            name=name,
            folded=fold(name),
            kind=kinds.get(name, "street"),
            lines=lines[name],
        )
        for name in names
    }
    add(conn, *made.values())
    words = [
        StreetWord(word=word, street_id=street.id)
        for street in made.values()
        for word in sorted(set(street.folded.split()))
    ]
    add(conn, *words)
    return made


def _addresses(conn: Connection, city: CityData, streets: dict[str, Street]) -> int:
    """A row for each house number, and the middle of each street that has none, so that it can be found too.

    Returns how many house numbers there are.
    """
    rows: dict[tuple[str, str], Address] = {}
    for one in city.addresses:
        for number in house_numbers(one.house_number):
            place = f"{one.street} {number}"
            rows.setdefault(
                (one.street, number),
                _address(streets[one.street], number, place, one.postcode, one.point, city),
            )
    doors = len(rows)
    housed = {street for street, _ in rows}
    for street in city.streets:
        if street.name not in housed and street.lines:
            line = max(street.lines, key=len)
            middle = line[len(line) // 2]
            rows.setdefault(
                (street.name, ""), _address(streets[street.name], "", street.name, None, middle, city)
            )
    add(conn, *rows.values())
    return doors


def _address(
    street: Street, number: str, place: str, postcode: str | None, point: Point, city: CityData
) -> Address:
    town = f"{postcode} {city.name}" if postcode else city.name
    return Address(
        street_id=street.id,
        house_number=number,
        postcode=postcode,
        label=f"{place}, {town}",
        latitude=round(point.latitude, 6),
        longitude=round(point.longitude, 6),
    )


def _zones(
    conn: Connection, city: City, data: CityData, drawn: Sequence[DrawnZone], daily_orders: int
) -> None:
    total = sum(zone.weight for zone in drawn) or 1
    names = _names(data, drawn)
    ordered = sorted(range(len(drawn)), key=lambda i: (-drawn[i].centre.latitude, drawn[i].centre.longitude))
    made = [
        ServiceZone(
            city_id=city.id,
            code=f"{fold(city.name)[:3].upper()}-{place:03d}",
            name=names[i],
            time_zone=city.time_zone,
            latitude=drawn[i].centre.latitude,
            longitude=drawn[i].centre.longitude,
            area_m2=drawn[i].area_m2,
            daily_orders=max(1, round(daily_orders * drawn[i].weight / total)),
            border=[list(ring) for ring in drawn[i].border],
        )
        for place, i in enumerate(ordered, start=1)
    ]
    add(conn, *made)
    cells = [
        ZoneCell(cell=cell, zone_id=zone.id)
        for zone, i in zip(made, ordered, strict=True)
        for cell in drawn[i].cells
    ]
    add(conn, *cells)


def _names(data: CityData, drawn: Sequence[DrawnZone]) -> list[str]:
    """Each zone is called after the street that most of its addresses, or street corners, are on."""
    zone_of_cell = {cell: i for i, zone in enumerate(drawn) for cell in zone.cells}
    counted: list[Counter[str]] = [Counter() for _ in drawn]
    named = [(a.street, a.point) for a in data.addresses]
    if not named:
        named = [(s.name, p) for s in data.streets for line in s.lines for p in line]
    for street, point in named:
        place = zone_of_cell.get(cell_of(point))
        if place is not None:
            counted[place][street] += 1
    return [c.most_common(1)[0][0] if c else f"Zone {i + 1}" for i, c in enumerate(counted)]
