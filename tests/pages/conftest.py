"""A served shop in a real browser; skipped loudly where there is no Chromium."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import uvicorn
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import Connection

from app.capacity.rules import PoolPlan
from app.database.rows import add, rows, table_of
from app.database.runner import Database
from app.main import build_app
from app.places.tables import Address, City, Street, StreetWord
from app.tables import metadata
from app.values.window import Window
from tests.api import world_on
from tests.factories import (
    HOME,
    ROOM,
    Shop,
    evening,
    make_pools,
    make_promotion,
    make_shop,
    make_slot,
    pool_plan,
)

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def stocked(conn: Connection, now: datetime) -> None:
    """Three evenings and mornings to sell from tomorrow on."""
    shop = make_shop(conn)
    (city,) = rows(conn, City, sa.select(table_of(City)))
    street = Street(city_id=city.id, name="Rua das Flores", folded="rua das flores", kind="residential")
    add(conn, street)
    add(conn, *(StreetWord(word=word, street_id=street.id) for word in ("rua", "das", "flores")))
    houses = [
        Address(
            street_id=street.id,
            house_number=number,
            label=f"Rua das Flores {number}, Porto",
            latitude=HOME.latitude,
            longitude=HOME.longitude,
        )
        for number in ("12", "120")
    ]
    add(conn, *houses)
    tomorrow = now.date() + timedelta(days=1)
    plans = []
    for days in range(3):
        day = tomorrow + timedelta(days=days)
        plans += [_pool(shop, day, hour) for hour in (9, 18, 19)]
        for start, end in ((9, 11), (18, 19), (18, 20), (20, 21)):
            make_slot(conn, shop, evening(day, start=start, end=end))
    make_pools(conn, *plans, now=now)
    make_promotion(conn, shop, starts_at=now, ends_at=now + timedelta(days=9))


def _pool(shop: Shop, day: date, hour: int) -> PoolPlan:
    window = evening(day, start=hour, end=hour + 1)
    bucket = Window(window.start, window.start + timedelta(hours=1))
    return pool_plan(shop, bucket, sell=ROOM, grams=12 + hour)


@pytest.fixture
def shop_db(tmp_path: Path) -> Iterator[Database]:
    """A stocked SQLite database on the real clock."""
    db = Database(f"sqlite:///{tmp_path / 'shop.db'}")
    metadata.create_all(db.engine)
    db.write_now(stocked)
    yield db
    db.close()


@pytest.fixture
def base(shop_db: Database) -> Iterator[str]:
    """The address of the served shop, on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = uvicorn.Config(build_app(world=world_on(shop_db)), host="127.0.0.1", port=port, log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    for _ in range(200):
        if server.started:
            break
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    if CHROMIUM is None:
        pytest.skip("NO CHROMIUM ON THIS MACHINE: install chromium to run the browser tests")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield running
        running.close()
