"""From what a caller writes to a place on the ground; the default knows the imported addresses."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import by_id, rows, table_of
from app.database.runner import Database
from app.places.errors import AddressNotFound
from app.places.find_address import find_address
from app.places.rules import AddressQuery, Place, fold, is_house
from app.places.tables import Address, City, Street
from app.values.point import Point, distance_m

# A point this near to a known address is called by its name.
NEAR_M = 150
_DEGREES = 0.0015
_REMEMBERED = 2_000


class Geocoder(Protocol):
    """Finds the place that a caller means."""

    async def locate(self, query: AddressQuery) -> Place:
        """The place; raises AddressNotFound, naming what was not understood."""
        ...


class TableGeocoder:
    """Looks up the imported addresses; keeps the latest answers in memory."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[AddressQuery, Place] = {}

    async def locate(self, query: AddressQuery) -> Place:
        """The known address with this id or in these words, or the point with its nearest address's name."""
        if query not in self._known:
            place = await self._db.read(partial(_locate, query=query))
            if len(self._known) >= _REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._known[query] = place
        return self._known[query]


def _locate(conn: Connection, _now: datetime, *, query: AddressQuery) -> Place:
    if query.point is not None:
        return Place(_name_of(conn, query.point), query.point, query.line2)
    found = by_id(conn, Address, query.id) if query.id else _written(conn, query)
    if found is None:
        raise AddressNotFound(field=("address",), written=query.line1 or query.id or "")
    return Place(found.label, found.point, query.line2)


def _written(conn: Connection, query: AddressQuery) -> Address | None:
    """The best match; a house number, postcode, town or country that is given must not contradict it."""
    for found in find_address(conn, text=query.line1 or "", limit=10):
        label = fold(found.label)
        if not is_house(query.line1 or "", found.house_number):
            continue
        if query.postal_code and found.postcode and fold(query.postal_code) != fold(found.postcode):
            continue
        if query.city and fold(query.city) not in label:
            continue
        if query.country_code and query.country_code != _country_of(conn, found):
            continue
        return found
    return None


def _country_of(conn: Connection, found: Address) -> str:
    city, street = table_of(City), table_of(Street)
    mine = sa.select(street.c.city_id).where(street.c.id == found.street_id).scalar_subquery()
    return str(conn.execute(sa.select(city.c.country_code).where(city.c.id == mine)).scalar_one())


def _name_of(conn: Connection, point: Point) -> str:
    address = table_of(Address)
    around = sa.select(address).where(
        address.c.latitude.between(point.latitude - _DEGREES, point.latitude + _DEGREES),
        address.c.longitude.between(point.longitude - 2 * _DEGREES, point.longitude + 2 * _DEGREES),
    )
    near = min(
        ((distance_m(found.point, point), found.label) for found in rows(conn, Address, around)),
        default=(NEAR_M + 1, ""),
    )
    return near[1] if near[0] <= NEAR_M else f"{point.latitude:.5f}, {point.longitude:.5f}"
