"""Which vehicles go out in which shifts, and until when they may be late home."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from app.allocation.on_duty import Rostered, roster
from app.database.rows import add
from app.database.runner import Database
from app.fleet.tables import VehicleOutage
from tests.assignment.world import DAY, Street, street
from tests.factories import evening
from tests.journeys.broken import rostered

HOUR = timedelta(hours=1)


def two_shifts(town: Street, *names: str) -> None:
    """Vans in a shift until six, and in one from six on."""

    def work(conn: Connection, _now: object) -> None:
        rostered(conn, town.shop.node_id, town.van.id, list(names[:1]), start=12, end=18)
        rostered(conn, town.shop.node_id, town.van.id, list(names[1:]) or list(names), start=18)

    town.db.write_now(work)


def on_duty(town: Street) -> tuple[Rostered, ...]:
    return town.db.read_now(
        lambda c, _: roster(c, now=evening(DAY, 6, 7).start, node_id=town.shop.node_id, day=DAY, kept=())
    )


def test_a_vehicle_whose_next_driver_waits_is_back_in_time(db: Database) -> None:
    town = street(db)
    two_shifts(town, "Van 1")
    early, late = on_duty(town)
    assert early.vehicle_id == late.vehicle_id
    assert (early.overtime, late.overtime) == (timedelta(), HOUR)


def test_where_there_is_another_one_both_may_be_late(db: Database) -> None:
    town = street(db)
    two_shifts(town, "Van 1", "Van 2")
    early, late = on_duty(town)
    assert early.vehicle_id != late.vehicle_id
    assert (early.overtime, late.overtime) == (HOUR, HOUR)


def test_nobody_is_late_with_a_vehicle_that_is_out(db: Database) -> None:
    town = street(db)
    two_shifts(town, "Van 1", "Van 2")
    early, late = on_duty(town)

    def breaks(conn: Connection, now: datetime) -> None:
        soon = VehicleOutage(
            disruption_id="d",
            node_id=town.shop.node_id,
            vehicle_class_id=town.van.id,
            vehicle_id=early.vehicle_id,
            vehicles=1,
            starts_at=early.ends_at + HOUR / 2,
            created_at=now,
        )
        add(conn, soon)

    db.write_now(breaks)
    early, late = on_duty(town)
    # A vehicle of the class is out from half past six on: the late shift is cut short there.
    assert late.ends_at == early.ends_at + HOUR / 2
    assert (early.overtime, late.overtime) == (HOUR / 2, timedelta())
