"""A shop with an evening to sell, and a client with its key."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import add, rows, table_of
from app.database.runner import Database
from app.places.tables import Address, City, Street, StreetWord
from app.storefronts.issue_key import issue_key
from app.values.actor import Role
from app.values.window import Window
from tests.api import KEY, Api, client_on
from tests.factories import (
    HOME,
    NOW,
    ROOM,
    Shop,
    evening,
    make_pools,
    make_promotion,
    make_shop,
    make_slot,
    make_storefront,
    pool_plan,
)
from tests.schema.calendar_house import OPERATOR_KEY, House, build_house


@dataclass
class Opened:
    """The shop, and the id of an address in its zone."""

    shop: Shop
    address_id: str


@pytest.fixture
def opened(db: Database) -> Opened:
    def work(conn: Connection, _now: object) -> Opened:
        shop = make_shop(conn)
        (city,) = rows(conn, City, sa.select(table_of(City)))
        street = Street(city_id=city.id, name="Rua das Flores", folded="rua das flores", kind="residential")
        add(conn, street)
        add(conn, *(StreetWord(word=word, street_id=street.id) for word in ("rua", "das", "flores")))
        house = Address(
            street_id=street.id,
            house_number="12",
            label="Rua das Flores 12, Porto",
            latitude=HOME.latitude,
            longitude=HOME.longitude,
        )
        add(conn, house)
        window = evening()
        make_pools(conn, pool_plan(shop, Window(window.start, window.start + timedelta(hours=1)), sell=ROOM))
        for start, end in ((18, 19), (18, 20), (20, 21)):
            make_slot(conn, shop, evening(start=start, end=end))
        make_promotion(conn, shop)
        issue_key(
            conn, now=NOW, storefront_id=shop.actor.storefront_id, key=KEY, name="first", role=Role.STOREFRONT
        )
        other = make_storefront(conn)
        issue_key(conn, now=NOW, storefront_id=other.id, key="other-key", name="other", role=Role.STOREFRONT)
        return Opened(shop, house.id)

    return db.write_now(work)


@pytest.fixture
def api(db: Database, opened: Opened) -> Iterator[Api]:
    assert opened
    with client_on(db) as client:
        yield Api(client)


@pytest.fixture
def house(db: Database) -> Iterator[House]:
    shop, storefront = db.write_now(build_house)
    with client_on(db) as client:
        yield House(shop, storefront, Api(client), Api(client, OPERATOR_KEY))
