"""Find addresses while somebody types."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import rows, table_of
from app.places.rules import WrittenAddress, house_order, taken_apart
from app.places.tables import Address, Street, StreetWord

_STREETS = 12
_LAST = "\uffff"


def find_address(conn: Connection, *, text: str, limit: int = 10) -> list[Address]:
    """At most `limit` addresses whose street has all the words, the house number's best match first.

    Case, accents and order of the words do not matter, and each word may be unfinished.
    """
    written = taken_apart(text)
    found = _matching(conn, written, limit)
    if not found and written.house_number:
        # The number was part of the street's name: 'rua 31'.
        found = _matching(conn, WrittenAddress((*written.words, written.house_number), None), limit)
    return found


def _matching(conn: Connection, written: WrittenAddress, limit: int) -> list[Address]:
    if not written.words:
        return []
    street, word, address = table_of(Street), table_of(StreetWord), table_of(Address)
    query = sa.select(street.c.id, street.c.folded)
    for start in written.words:
        begins = sa.select(word.c.street_id).where(word.c.word >= start, word.c.word < start + _LAST)
        query = query.where(street.c.id.in_(begins))
    has_house = sa.select(address.c.street_id).where(address.c.street_id == street.c.id).exists()
    streets = conn.execute(
        query.where(has_house).order_by(sa.func.length(street.c.folded), street.c.folded).limit(_STREETS)
    ).all()
    rank = {row.id: place for place, row in enumerate(streets)}
    houses = sa.select(address).where(address.c.street_id.in_(rank))
    if written.house_number:
        number = written.house_number.upper()
        at_least = address.c.house_number >= number
        houses = houses.where(at_least, address.c.house_number < number + _LAST)
    ordered = sorted(
        rows(conn, Address, houses),
        key=lambda a: (
            a.house_number.upper() != (written.house_number or "").upper(),
            rank[a.street_id],
            house_order(a.house_number),
        ),
    )
    return ordered[:limit]
