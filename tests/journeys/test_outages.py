"""What failed is not counted on for as long as it lasts: by pools, tentative tours, plans, rosters and offers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.on_duty import roster
from app.allocation.queries import run_of
from app.capacity.tables import CapacityOverride, CapacityPool
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.fleet.rostered import Rostered, without
from app.fleet.tables import Shift, VehicleOutage
from app.storefronts.issue_key import issue_key
from app.tours.queries import read_sheets
from app.values.actor import Role
from app.values.window import Window
from app.worker.plan import plan
from schema.ids import to_global
from tests.api import KEY, Api, client_on, worked, world_on
from tests.conftest import Clock
from tests.factories import NOW, Shop
from tests.journeys.broken import END, OPERATOR, OUTCOME, REPORT, told
from tests.worker.small_city import QUICK, make_city

TODAY = NOW.date()
AT = datetime(2026, 11, 24, 15, tzinfo=UTC)


def planned_city(db: Database) -> Shop:
    """Three bikes, planned for three days."""

    def work(conn: Connection, now: datetime) -> Shop:
        shop = make_city(conn)
        conn.execute(sa.text("UPDATE service_zone SET daily_orders = 400"))
        for key, role in ((KEY, Role.STOREFRONT), (OPERATOR, Role.OPERATOR)):
            facts: dict[str, Any] = {
                "storefront_id": shop.actor.storefront_id,
                "key": key,
                "name": "desk",
                "role": role,
            }
            issue_key(conn, now=now, **facts)
        return shop

    shop = db.write_now(work)
    plan(db, trigger="test", days=3, limits=QUICK)
    return shop


def out_on(db: Database, shop: Shop, days: int = 3) -> list[tuple[int, int, int]]:
    """By day: vehicles in the pools of the evening, rostered by shifts, and on tentative tours."""

    def work(conn: Connection, _now: datetime) -> list[tuple[int, int, int]]:
        found = []
        for n in range(days):
            day = TODAY + timedelta(days=n)
            pool, shift = table_of(CapacityPool), table_of(Shift)
            pools = rows(conn, CapacityPool, sa.select(pool).where(pool.c.day == day))
            shifts = rows(conn, Shift, sa.select(shift).where(shift.c.day == day))
            sheet = read_sheets(conn, node_ids=[shop.node_id], first=day, last=day).get((shop.node_id, day))
            found.append(
                (
                    max((p.vehicles for p in pools), default=0),
                    sum(s.vehicles for s in shifts),
                    len(sheet.sheet.frame.vehicles) if sheet else 0,
                )
            )
        return found

    return db.read_now(work)


def sold(db: Database, day: Any = TODAY) -> int:
    pool = table_of(CapacityPool)
    query = sa.select(sa.func.sum(pool.c.sell_orders)).where(pool.c.day == day)
    return int(db.read_now(lambda c, _: c.execute(query).scalar_one() or 0))


def in_force(db: Database) -> list[CapacityOverride]:
    table = table_of(CapacityOverride)
    query = sa.select(table).where(table.c.lifted_at.is_(None))
    return db.read_now(lambda c, _: rows(c, CapacityOverride, query))


def run(db: Database) -> None:
    while worked(world_on(db)):
        pass


def test_a_vehicle_is_out_until_somebody_says_that_it_is_back(db: Database, clock: Clock) -> None:
    shop = planned_city(db)
    assert out_on(db, shop) == [(3, 3, 3)] * 3
    whole = sold(db)
    clock.set(AT)
    with client_on(db) as client:
        desk = Api(client, key=OPERATOR)
        noted = desk.data(REPORT, input=told("VEHICLE", AT, vehicleName="bike 1", endsAt=None))[
            "reportDisruption"
        ]
        assert noted["userErrors"] == []
        disruption = noted["disruption"]["id"]

        # At once: the pools of today sell two thirds, and tentative tours count on two bikes.
        assert out_on(db, shop)[0] == (3, 3, 2)
        assert whole * 0.6 < sold(db) < whole * 0.7
        assert len(in_force(db)) == len({o.pool_id for o in in_force(db)}) > 0

        # A plan follows that knows of it: two bikes a day for as long as nobody says it is back.
        run(db)
        published = db.read_now(lambda c, _: run_of(c))
        assert published is not None
        assert (published.trigger, published.days) == ("disruption", 14)
        assert out_on(db, shop) == [(2, 2, 2)] * 3
        # What was taken by hand is not taken twice.
        assert in_force(db) == []
        assert abs(sold(db) - whole * 2 / 3) <= 3
        who = db.read_now(lambda c, n: roster(c, now=n, node_id=shop.node_id, day=TODAY, kept=()))
        named = db.read_now(lambda c, _: {v.id: v.name for v in c.execute(sa.text("SELECT * FROM vehicle"))})
        assert {named[one.vehicle_id] for one in who} == {"bike 0", "bike 2"}

        # Only operators end it, with a reason; twice is once.
        ended = {"disruptionId": disruption, "reason": "The tyre is mended", "idempotencyKey": "end"}
        refused = Api(client).data(END, input=ended)["endDisruption"]
        assert [error["code"] for error in refused["userErrors"]] == ["OPERATORS_ONLY"]
        silent = desk.data(END, input={**ended, "reason": " "})["endDisruption"]
        assert [error["code"] for error in silent["userErrors"]] == ["INVALID_DISRUPTION"]
        other = {**ended, "disruptionId": to_global("Disruption", "none")}
        missing = desk.data(END, input={**other, "idempotencyKey": "x"})["endDisruption"]
        assert [error["code"] for error in missing["userErrors"]] == ["DISRUPTION_NOT_FOUND"]
        clock.forward(timedelta(minutes=30))
        done = desk.data(END, input=ended)["endDisruption"]
        assert (done["userErrors"], done["disruption"]["endedBy"]) == ([], "desk")
        assert done["disruption"]["endReason"] == "The tyre is mended"
        at = done["disruption"]["endedAt"]
        clock.forward(timedelta(minutes=1))
        assert desk.data(END, input=ended)["endDisruption"] == done
        again = desk.data(END, input={**ended, "idempotencyKey": "again"})["endDisruption"]
        assert (again["disruption"]["endedAt"], again["userErrors"]) == (at, [])
        run(db)
        assert out_on(db, shop) == [(3, 3, 3)] * 3
        assert abs(sold(db) - whole) <= 3
        (outcome,) = desk.data(OUTCOME)["disruptions"]
        assert outcome["endedAt"] == at
        # The audit trail names who, when, why.
        events = db.read_now(lambda c, _: c.execute(sa.text("SELECT kind FROM event")).scalars().all())
        assert {"disruption.reported", "disruption.ended"} <= set(events)


def test_one_with_a_stated_end_that_day_gives_back_by_itself(db: Database, clock: Clock) -> None:
    shop = planned_city(db)
    clock.set(AT)
    whole, before = sold(db), out_on(db, shop)
    with client_on(db) as client:
        desk = Api(client, key=OPERATOR)
        until = (AT + timedelta(hours=3)).isoformat()  # the evening is from six to eight
        short = told("VEHICLE", AT, vehicleName="bike 1", endsAt=until)
        refused = desk.data(REPORT, input=short)["reportDisruption"]
        assert [error["code"] for error in refused["userErrors"]] == ["NOTHING_DISRUPTED"]
        until = (AT + timedelta(hours=4)).isoformat()
        noted = desk.data(REPORT, input={**short, "endsAt": until, "idempotencyKey": "2"})["reportDisruption"]
        assert noted["userErrors"] == []
        run(db)
        # No other plan: the pools have less until they are over, the tours a bike that is cut short.
        assert [one[:2] for one in out_on(db, shop)] == [one[:2] for one in before]
        assert sold(db) < whole
        taken = {one.pool_id for one in in_force(db)}
        ended = {
            "disruptionId": noted["disruption"]["id"],
            "reason": "Earlier than thought",
            "idempotencyKey": "end",
        }
        assert desk.data(END, input=ended)["endDisruption"]["userErrors"] == []
        assert taken
        assert in_force(db) == []
        assert (sold(db), out_on(db, shop)) == (whole, before)
        # Over is over, also by the clock.
        clock.set(AT + timedelta(hours=5))
        late = desk.data(END, input={**ended, "idempotencyKey": "late"})["endDisruption"]
        assert late["userErrors"] == []


def test_the_next_day_is_looked_after_before_it_comes(db: Database, clock: Clock) -> None:
    planned_city(db)
    clock.set(AT - timedelta(hours=5))
    with client_on(db) as client:
        desk = Api(client, key=OPERATOR)
        desk.data(REPORT, input=told("VEHICLE", clock.now, vehicleName="bike 1", endsAt=None))
        run(db)

        def covered() -> datetime:
            query = sa.text("SELECT open_days, covered_until, status FROM disruption")
            (row,) = db.read_now(lambda c, _: c.execute(query).all())
            return datetime.fromisoformat(str(row.covered_until)).replace(tzinfo=UTC)

        assert covered() == datetime(2026, 11, 25, tzinfo=UTC)
        clock.set(AT - timedelta(hours=2))
        run(db)
        assert covered() == datetime(2026, 11, 26, tzinfo=UTC)
        (outcome,) = desk.data(OUTCOME)["disruptions"]
        assert outcome["status"] == "REPAIRED", outcome["message"]


def part(start: int, end: int, kind: str = "van") -> Rostered:
    return Rostered(kind, Window(AT + timedelta(hours=start), AT + timedelta(hours=end)))


def gone(start: int, end: int | None, vehicles: int | None = 1, kind: str | None = "van") -> VehicleOutage:
    return VehicleOutage(
        disruption_id="d",
        node_id="n",
        vehicle_class_id=kind,
        vehicles=vehicles,
        starts_at=AT + timedelta(hours=start),
        ends_at=None if end is None else AT + timedelta(hours=end),
        created_at=AT,
    )


def test_shifts_are_cut_where_a_vehicle_goes_out_and_is_back() -> None:
    two = [part(0, 8), part(0, 8), part(0, 8, "bike")]
    assert without(two, []) == two
    cut = without(two, [gone(3, 5)])
    assert sorted(cut, key=lambda p: (p.class_id, p.window)) == [
        part(0, 8, "bike"), part(0, 3), part(0, 8), part(5, 8)
    ]  # fmt: skip
    # Early and late shift: one fewer at any time is one vehicle, not one of each.
    assert without([part(0, 4), part(4, 8)], [gone(2, None)]) == [part(0, 2)]
    assert without([part(0, 8), part(4, 8)], [gone(2, None)]) == [part(0, 2), part(4, 8)]
    assert without(two, [gone(2, None, vehicles=None, kind=None)]) == [
        part(0, 2),
        part(0, 2),
        part(0, 2, "bike"),
    ]
    # Two that are out are two; more than there are is all of them.
    assert without(two[:2], [gone(0, None), gone(0, None), gone(0, None)]) == []
