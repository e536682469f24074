"""A served shop in a real browser; skipped loudly where there is no Chromium."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import Connection

from app.capacity.rules import PoolPlan
from app.database.clock import database_clock
from app.database.rows import add
from app.database.runner import Database
from app.main import build_app
from app.places.tables import CollectionPoint
from app.values.window import Window
from tests.api import world_on
from tests.conftest import Clock
from tests.databases import Lite
from tests.factories import (
    HOME,
    ROOM,
    Shop,
    evening,
    make_collection,
    make_houses,
    make_pools,
    make_promotion,
    make_shop,
    make_slot,
    pool_plan,
)
from tests.pages.account import Account

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def stocked(conn: Connection, now: datetime) -> None:
    """Three evenings and mornings to sell from tomorrow on."""
    shop = make_shop(conn)
    make_houses(conn)
    tomorrow = now.date() + timedelta(days=1)
    plans = []
    for days in range(3):
        day = tomorrow + timedelta(days=days)
        plans += [_pool(shop, day, hour) for hour in (9, 18, 19)]
        for start, end in ((9, 11), (18, 19), (18, 20), (20, 21)):
            make_slot(conn, shop, evening(day, start=start, end=end))
    make_pools(conn, *plans, now=now)
    make_promotion(conn, shop, starts_at=now, ends_at=now + timedelta(days=9))
    make_collection(conn)
    kiosk = CollectionPoint(
        key="kiosk",
        name="Kiosk Flores",
        address_label="Rua das Flores 20, Porto",
        latitude=HOME.latitude,
        longitude=HOME.longitude,
    )
    add(conn, kiosk)


def _pool(shop: Shop, day: date, hour: int) -> PoolPlan:
    window = evening(day, start=hour, end=hour + 1)
    bucket = Window(window.start, window.start + timedelta(hours=1))
    return pool_plan(shop, bucket, sell=ROOM, grams=12 + hour)


@pytest.fixture
def shop_db(lite: Lite, tmp_path: Path) -> Iterator[Database]:
    """A stocked SQLite database on the real clock."""
    with lite.database(lite.copy(tmp_path / "shop.db"), database_clock) as db:
        db.write_now(stocked)
        yield db


@contextmanager
def served(db: Database) -> Iterator[str]:
    """The address of the shop on this database, served on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = uvicorn.Config(build_app(world=world_on(db)), host="127.0.0.1", port=port, log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def base(shop_db: Database) -> Iterator[str]:
    """The address of the served shop."""
    with served(shop_db) as address:
        yield address


@pytest.fixture(scope="session")
def account_made(lite: Lite, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Account]:
    """Ana's deliveries, made once and copied for each test."""
    file = tmp_path_factory.mktemp("account") / "account.db"
    with lite.database(lite.copy(file), Clock()) as db:
        made = Account.opened(db, Clock())
    return file, made


@pytest.fixture
def account(
    account_made: tuple[Path, Account], lite: Lite, tmp_path: Path, clock: Clock
) -> Iterator[Account]:
    """Ana's deliveries at a shop whose clock the test moves."""
    file, made = account_made
    shutil.copy(file, tmp_path)
    with lite.database(f"sqlite:///{tmp_path / file.name}", clock) as db:
        yield replace(made, db=db, clock=clock)


@pytest.fixture
def account_base(account: Account) -> Iterator[str]:
    """The address of the shop that serves Ana."""
    with served(account.db) as address:
        yield address


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """A headless Chromium without a page; those that a test opens end with it."""
    yield chromium
    for context in chromium.contexts:
        context.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A headless Chromium for all tests of this process."""
    if CHROMIUM is None:
        pytest.skip("NO CHROMIUM ON THIS MACHINE: install chromium to run the browser tests")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield running
        running.close()
