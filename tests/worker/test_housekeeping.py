"""What the house throws away: only what nobody will ask for again."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.tables import ZoneDayCost
from app.database.rows import add, table_of
from app.database.runner import Database
from app.jobs import later
from tests.api import worked, world_on
from tests.conftest import Clock
from tests.factories import NOW, make_shop


def test_the_level_of_costs_is_forgotten_when_its_day_is_over_everywhere(db: Database, clock: Clock) -> None:
    today = NOW.date()

    def kept(conn: Connection, _now: datetime) -> None:
        shop = make_shop(conn)
        days = [today + timedelta(days=n) for n in range(-3, 3)]
        add(conn, *(ZoneDayCost(zone_id=shop.zone_id, day=day, cost_minor=300) for day in days))
        later(conn, now=NOW, kind="housekeeping", payload={})

    db.write_now(kept)
    clock.set(NOW + timedelta(seconds=1))
    while worked(world_on(db)):
        pass
    days = db.read_now(lambda c, _: c.execute(sa.select(table_of(ZoneDayCost).c.day)).scalars().all())
    # West of Greenwich it may still be yesterday.
    assert sorted(days) == [today + timedelta(days=n) for n in range(-1, 3)]
