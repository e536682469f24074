"""Shoppers who move between windows of one picking wave never wait for each other in a circle."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from sqlalchemy import Connection

from app.booking.errors import SlotFull
from app.capacity.rebuild import rebuild
from app.capacity.tables import PickLoad
from app.database.rows import add, rows, table_of
from app.database.runner import Database
from app.errors import Busy
from app.slots.tables import DeliverySlot, PickWave
from app.values.load import Load
from tests.factories import Shop, evening, make_hold, make_pools, make_shop, make_slot, pool_plan

ROOM = Load(50, 900_000, 90_000_000, 90_000_000, 9_000_000, 9_000_000)


def open_wave(conn: Connection, _now: datetime) -> tuple[Shop, list[DeliverySlot]]:
    shop = make_shop(conn)
    wave = PickWave(
        key="late", node_id=shop.node_id, name="Late", starts_from="18:00", starts_until="22:00",
        weekdays="1234567", pick_by="17:00", capacity_orders=6,
    )  # fmt: skip
    add(conn, wave)
    windows = [evening(start=hour, end=hour + 1) for hour in (18, 19, 20)]
    make_pools(conn, *(pool_plan(shop, window, sell=ROOM) for window in windows))
    return shop, [make_slot(conn, shop, window) for window in windows]


def test_eight_shoppers_change_their_minds_about_six_orders(db: Database) -> None:
    shop, slots = db.write_now(open_wave)

    def change(who: str, wanted: DeliverySlot) -> bool:
        for _ in range(5):
            try:
                return bool(db.write_now(lambda c, n: make_hold(c, shop, wanted, now=n, customer=who)))
            except SlotFull:
                return False
            except Busy:  # a machine under load; what the refusal says is done here
                continue
        return False

    def shopper(number: int) -> int:
        return sum(change(f"c{number}", slots[(number + step) % 3]) for step in range(6))

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(shopper, range(8))) >= 6
    (load,) = db.read_now(lambda c, _: rows(c, PickLoad, table_of(PickLoad).select()))
    assert load.held_orders == 6
    assert db.write_now(lambda c, _: rebuild(c)) == []
