"""Shoppers who move between windows of one picking wave never wait for each other in a circle."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from sqlalchemy import Connection

from app.booking.errors import SlotFull
from app.capacity.rebuild import rebuild
from app.capacity.tables import PickLoad
from app.database.rows import add, rows, table_of
from app.database.runner import Database
from app.slots.tables import DeliverySlot, PickWave
from app.values.load import Load
from tests.factories import Shop, evening, make_hold, make_pools, make_shop, make_slot, pool_plan

ROOM = Load(50, 900_000, 90_000_000, 90_000_000, 9_000_000, 9_000_000)


def open_wave(conn: Connection, _now: datetime) -> tuple[Shop, list[DeliverySlot]]:
    shop = make_shop(conn)
    wave = PickWave(
        key="late", node_id=shop.node_id, name="Late", starts_from="18:00", starts_until="22:00",
        weekdays="1234567", pick_by="17:00", capacity_orders=12,
    )  # fmt: skip
    add(conn, wave)
    windows = [evening(start=hour, end=hour + 1) for hour in (18, 19, 20)]
    make_pools(conn, *(pool_plan(shop, window, sell=ROOM) for window in windows))
    return shop, [make_slot(conn, shop, window) for window in windows]


def test_fifteen_shoppers_change_their_minds_about_twelve_orders(db: Database) -> None:
    shop, slots = db.write_now(open_wave)

    def change(number: int) -> bool:
        wanted, who = slots[(number * 7 + number // 15) % 3], f"c{number % 15}"
        try:
            return bool(db.write_now(lambda c, n: make_hold(c, shop, wanted, now=n, customer=who)))
        except SlotFull:
            return False

    with ThreadPoolExecutor(16) as threads:
        held = list(threads.map(change, range(150)))
    assert any(held)
    (load,) = db.read_now(lambda c, _: rows(c, PickLoad, table_of(PickLoad).select()))
    assert load.held_orders == 12
    assert db.write_now(lambda c, _: rebuild(c)) == []
