"""The database's clock is stepped by up to an hour, both ways, and only the time of expiry moves."""

from __future__ import annotations

import random
import sys
from pathlib import Path

from tests.faults.conftest import PATIENT, Report, Size
from tests.faults.load import Fault, running, shop
from tests.faults.processes import Running, Server
from tests.faults.stepped import SteppedClock
from tests.faults.town import capacity_for, postgres_town
from tests.faults.verdict import found, settled
from tests.postgres import Cluster

HOUR_S = 3_600

pytestmark = PATIENT


def test_a_clock_that_jumps_oversells_nothing_and_loses_nothing(
    server: Cluster, size: Size, tmp_path: Path, report: Report
) -> None:
    bookings = size.share(0.1)
    town = postgres_town(server, days=4, orders=capacity_for(bookings, 4), hold_min=30)
    clock = SteppedClock(tmp_path / "clock")
    clock.step(0)
    entry = (sys.executable, "-m", "tests.faults.stepped")
    servers = [
        Server(f"server-{n}", url=town.url, folder=tmp_path, command=(*entry, "serve", str(clock.file)))
        for n in range(2 if size.full else 1)
    ]
    working = Running("worker", (*entry, "work", str(clock.file)), url=town.url, folder=tmp_path)
    workers = [working] if size.full else []
    chance = random.Random(7)
    jump = Fault("jumps", lambda: clock.step(chance.uniform(-HOUR_S, HOUR_S)), every_s=(0.2, 0.8))
    with running(*servers, *workers):
        load = shop(town, servers, bookings=bookings, limit_s=size.limit_s, faults=[jump])
        clock.step(2 * HOUR_S)
        undone = settled(town, workers) if workers else []
    report(load)
    assert load.faults == []
    assert load.booked >= bookings
    assert undone == []
    assert found(town, load.shoppers, stepped=True) == []
    assert not load.met.keys() & {"IDEMPOTENCY_KEY_REUSED", "ORDER_ALREADY_BOOKED", "CUTOFF_PASSED"}
