"""Servers, workers and the database die at random under 32 shoppers, and no promise is broken."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults.conftest import PATIENT, Report, Size
from tests.faults.load import Fault, Load, crash, kill_one, running, shop
from tests.faults.processes import Running, Server, worker
from tests.faults.town import Town, capacity_for, postgres_town, sqlite_town
from tests.faults.verdict import found, settled
from tests.postgres import Cluster

pytestmark = PATIENT


def checked(town: Town, load: Load, workers: Sequence[Running], *, bookings: int) -> None:
    """All that must hold after a run that its shoppers ended."""
    assert load.faults == []
    assert load.booked >= bookings, "the shoppers did not get there in time"
    assert settled(town, workers) == []
    assert found(town, load.shoppers) == []
    assert [call for s in load.shoppers for call in s.client.calls if call.answer is None] == []


def kills(servers: Sequence[Server], workers: Sequence[Running], size: Size) -> list[Fault]:
    """Signal 9 to servers and workers: once each in the short form, all the time in the full one."""
    every_s, most = ((3.0, 8.0), 1_000) if size.full else ((0.5, 1.0), 1)
    return [
        Fault("servers killed", kill_one(servers), every_s=every_s, most=most),
        Fault("workers killed", kill_one(workers), every_s=every_s, most=most),
    ]


def after(town: Town, servers: Sequence[Server], load: Load, *, size: Size) -> Load:
    """A calm hour after the storm: everybody is served again."""
    calm = shop(town, servers, bookings=200 if size.full else 10, limit_s=60, first_number=1_000)
    assert [name for name in calm.met if name.startswith(("lost", "503"))] == []
    assert calm.faults == []
    load.shoppers += calm.shoppers
    return calm


@pytest.mark.parametrize("both", [False, True], ids=["processes", "processes and database"])
def test_postgresql_keeps_its_promises_while_processes_and_database_are_killed(
    both: bool, server: Cluster, size: Size, tmp_path: Path, report: Report
) -> None:
    if not size.full and not both:
        pytest.skip("the other form of this test kills processes too; this one runs in make fault-test")
    bookings = size.share(0.35 if both else 0.3)
    town = postgres_town(server, days=10, orders=capacity_for(bookings, 10), hold_min=2 if size.full else 60)
    servers = [Server(f"server-{n}", url=town.url, folder=tmp_path) for n in range(2)]
    workers = [worker("worker", url=town.url, folder=tmp_path)]
    faults = kills(servers, workers, size)
    if both:
        every_s, most = ((6.0, 14.0), 1_000) if size.full else ((0.5, 1.0), 1)
        faults.append(Fault("database crashed", crash(server), every_s=every_s, most=most))
    with running(*servers, *workers):
        load = shop(town, servers, bookings=bookings, limit_s=size.limit_s, faults=faults)
        calm = after(town, servers, load, size=size)
        try:
            checked(town, load, workers, bookings=bookings)
        finally:
            deadlocks = (server.folder / "log").read_text(errors="replace").count("deadlock detected")
            report(
                load,
                p99_ms=round(load.p99_ms()),
                p99_after_ms=round(calm.p99_ms()),
                deadlocks_so_far=deadlocks,
            )


def test_sqlite_keeps_its_promises_while_processes_are_killed(
    size: Size, tmp_path: Path, report: Report
) -> None:
    bookings = size.share(0.2)
    town = sqlite_town(tmp_path, days=10, orders=capacity_for(bookings, 10), hold_min=2 if size.full else 60)
    servers = [Server("server", url=town.url, folder=tmp_path)]
    workers = [worker("worker", url=town.url, folder=tmp_path)]
    faults = kills(servers, workers, size)
    with running(*servers, *workers):
        load = shop(town, servers, bookings=bookings, limit_s=size.limit_s, faults=faults)
        calm = after(town, servers, load, size=size)
        try:
            checked(town, load, workers, bookings=bookings)
        finally:
            report(load, p99_ms=round(load.p99_ms()), p99_after_ms=round(calm.p99_ms()))
