"""Addresses drawn from all that are known, for whatever is measured on a sample."""

from __future__ import annotations

from random import Random

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import table_of
from app.places.tables import Address, ServiceZone
from app.places.zone_of import zones_of
from app.values.point import Point


def some_addresses(conn: Connection, *, most: int, seed: int = 1) -> dict[Point, ServiceZone]:
    """At most so many served addresses and their zones, each address as likely as any other."""
    address = table_of(Address)
    known = conn.execute(sa.select(address.c.latitude, address.c.longitude).order_by(address.c.id)).all()
    drawn = Random(seed).sample(known, min(most, len(known)))
    return zones_of(conn, points=[Point(*row) for row in drawn])
