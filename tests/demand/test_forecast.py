"""From bookings to the plan: days are observed, forecast at night, read by operators, and planned for."""

import sys
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app.alerts.queries import alerts
from app.allocation.snapshot import snapshot
from app.allocation.tables import PlanningFigures
from app.booking.cancel import cancel
from app.capacity.tables import CapacityPool
from app.database.rows import add, rows, table_of
from app.database.runner import Database
from app.demand.queries import newest_forecast
from app.demand.tables import ObservedDay, ObservedDemand
from app.jobs import Job, JobState, later
from app.places.tables import City, ServiceZone
from app.slots.tables import SlotTemplate
from app.storefronts.issue_key import issue_key
from app.values.actor import Role
from app.values.ids import new_id
from app.worker.demand import ForecastFailed, forecast
from tests.allocation.test_plan import loaded
from tests.api import KEY, Api, client_on, worked, world_on
from tests.booking.world import Evening, open_evening
from tests.conftest import Clock
from tests.demand.town import PRIOR, Town
from tests.factories import NOW

FORECAST = """{ demandForecast { madeAt model historyDays historyWeight level weekdayFactors unseenOrders
  weekGrowthPercent holidayFactor outliers
  days { date orders low high zones { zone { name } orders low high } windows { key name share orders } } } }"""
TODAY = date(2026, 11, 24)


def figures(conn: Connection) -> None:
    """What an operator expects of the small world's city: the evening is all there is."""
    city_id = conn.execute(sa.select(table_of(City).c.id)).scalar_one()
    key = conn.execute(sa.select(table_of(SlotTemplate).c.key)).scalar_one()
    values: dict[str, Any] = {
        **dict.fromkeys(("carbon_minor_per_tonne", "small_orders_bp", "incentive_minor"), 0),
        **dict.fromkeys(("flexible_incentive_minor", "neighbours_bp", "flexible_bp"), 0),
        "margin_minor": 900,
        "usable_bp": 9_000,
        "circuity_bp": 13_000,
        "weekday_bp": [10_000] * 7,
        "demand": [{"template": key, "weight": 1}],
    }
    add(conn, PlanningFigures(city_id=city_id, currency="EUR", **values))


def asked(db: Database) -> None:
    """A forecast, as the schedule asks for it every night."""
    db.write_now(lambda c, n: later(c, now=n, kind="demand.forecast", payload={"days": 3}))


def operator(db: Database, storefront_id: str) -> None:
    def work(conn: Connection, _now: object) -> None:
        for key, role in (("op", Role.OPERATOR), (KEY, Role.STOREFRONT)):
            issue_key(conn, now=NOW, storefront_id=storefront_id, key=key, name=key, role=role)

    db.write_now(work)


def brought(db: Database) -> Evening:
    """Yesterday's evening: one order early, of two, and a sold-out late window."""
    world = open_evening(db, early=5, late=1)
    world.booking(customer="ana")
    gone = world.booking(customer="rui")
    world.booking(world.late, customer="eva")
    db.write_now(
        lambda c, n: cancel(c, now=n, actor=world.shop.actor, booking_id=gone.id, key=new_id()) and None
    )
    db.write_now(lambda c, _: figures(c))
    operator(db, world.shop.actor.storefront_id)
    return world


def observed(db: Database) -> list[ObservedDay]:
    return db.read_now(lambda c, _: rows(c, ObservedDay, sa.select(table_of(ObservedDay)).order_by("day")))


def test_a_night_observes_the_day_and_operators_read_the_forecast(db: Database, clock: Clock) -> None:
    world = brought(db)
    clock.forward(timedelta(days=2))
    asked(db)
    while worked(world_on(db)):
        pass
    (day,) = observed(db)
    assert (day.day, day.offered, day.orders, day.holiday) == (date(2026, 11, 25), True, 2, None)
    cells = db.read_now(lambda c, _: rows(c, ObservedDemand, sa.select(table_of(ObservedDemand))))
    # The template is one, its late window was sold out and its early one was not: so it was not.
    assert [(cell.orders, cell.zone_id) for cell in cells] == [(2, world.shop.zone_id)]

    with client_on(db) as client:
        assert Api(client).codes(FORECAST) == ["OPERATORS_ONLY"]
        seen = Api(client, "op").data(FORECAST)["demandForecast"]
    assert (seen["model"], seen["historyDays"], seen["historyWeight"]) == ("prior at the city's level", 1, 0)
    assert [one["date"] for one in seen["days"]] == ["2026-11-26", "2026-11-27", "2026-11-28"]
    first = seen["days"][0]
    # Forty were expected and two came: (0.95 * 2 + 7 * 40) / (0.95 * 40 + 7 * 40) of the prior.
    recent = 0.5 ** (1 / 14)
    assert seen["level"] == pytest.approx((recent * 2 + 7 * 40) / (recent * 40 + 7 * 40))
    assert first["orders"] == pytest.approx(40 * seen["level"])
    assert first["low"] < first["orders"] < first["high"]
    (zone,) = first["zones"]
    assert (zone["zone"]["name"], zone["orders"]) == ("Flores", pytest.approx(first["orders"]))
    (window,) = first["windows"]
    assert (window["name"], window["share"]) == ("Evening", pytest.approx(1))


def test_a_day_without_capacity_tells_nothing_and_a_sold_out_one_is_marked(
    db: Database, clock: Clock
) -> None:
    world = open_evening(db, early=1, late=1)
    db.write_now(lambda c, _: figures(c))
    world.booking(customer="ana")
    world.booking(world.late, customer="eva")
    clock.forward(timedelta(days=2))
    forecast(db, days=2)
    (cell,) = db.read_now(lambda c, _: rows(c, ObservedDemand, sa.select(table_of(ObservedDemand))))
    assert (cell.orders, cell.sold_out) == (2, True)
    # Observed again while it settles, and then for good.
    clock.forward(timedelta(days=1))
    db.write_now(lambda c, _: c.execute(sa.update(table_of(CapacityPool)).values(booked_orders=0)) and None)
    forecast(db, days=2)
    (cell,) = db.read_now(lambda c, _: rows(c, ObservedDemand, sa.select(table_of(ObservedDemand))))
    assert not cell.sold_out
    clock.forward(timedelta(days=5))
    forecast(db, days=2)
    days = observed(db)
    assert [(day.day.day, day.offered, day.orders) for day in days[:2]] == [(25, True, 2), (26, False, 0)]
    assert days[0].observed_at == clock.now - timedelta(days=5)


def remembered(db: Database, days: int) -> None:
    """A history of a city of eight zones: a third more orders than planned for, and on Mondays thrice."""

    def work(conn: Connection, _now: object) -> None:
        zones = rows(conn, ServiceZone, sa.select(table_of(ServiceZone)))
        for n in range(days, 0, -1):
            day = TODAY - timedelta(days=n)
            orders = {
                zone.id: round(zone.daily_orders * (4 if day.weekday() == 0 else 4 / 3)) for zone in zones
            }
            seen = ObservedDay(day=day, offered=True, orders=sum(orders.values()), observed_at=NOW)
            add(conn, seen)
            add(
                conn,
                *(
                    ObservedDemand(day=day, zone_id=zone, window_key=key, orders=count // 2, sold_out=False)
                    for zone, count in orders.items()
                    for key in ("evening-19", "day-10")
                ),
            )

    db.write_now(work)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_plans_are_made_for_what_is_forecast(db: Database) -> None:
    loaded(db)
    before = {d.day: d for d in db.read_now(lambda c, n: snapshot(c, now=n, first=TODAY, days=9)).days}
    remembered(db, 42)
    made = forecast(db, days=9)
    assert made.history_weight > 0.8
    after = {d.day: d for d in db.read_now(lambda c, n: snapshot(c, now=n, first=TODAY, days=9)).days}
    tuesday, monday = date(2026, 12, 1), date(2026, 11, 30)
    told = {
        day: (sum(g.orders for g in before[day].groups), sum(g.orders for g in after[day].groups))
        for day in (tuesday, monday)
    }
    assert told[monday][0] / told[tuesday][0] == pytest.approx(9_000 / 8_800, rel=0.01)
    assert told[monday][1] / told[tuesday][1] == pytest.approx(3, rel=0.1)
    # Of an evening window many more than of a morning one that nobody has ordered.
    assert told[tuesday][1] == pytest.approx(1_600 * 4 / 3, rel=0.08)


def test_a_forecast_that_fails_leaves_the_last_one(db: Database, clock: Clock) -> None:
    brought(db)
    clock.forward(timedelta(days=2))
    good = forecast(db, days=2)
    with pytest.raises(ForecastFailed):
        forecast(db, days=2, command=(sys.executable, "-c", "raise SystemExit(3)"))
    newest = db.read_now(lambda c, _: newest_forecast(c))
    assert newest is not None
    assert newest.id == good.id


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_without_a_city_there_is_nothing_to_forecast(db: Database) -> None:
    asked(db)
    worked(world_on(db))
    (job,) = db.read_now(lambda c, _: rows(c, Job, sa.select(table_of(Job))))
    assert (job.state, "No city" in (job.last_error or "")) == (JobState.DEAD, True)
    assert len(PRIOR.zones) == len(Town().zones)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_history_that_cannot_be_is_told_to_operators_and_nothing_is_forecast_from_it(
    db: Database, clock: Clock
) -> None:
    world = brought(db)
    clock.forward(timedelta(days=2))
    good = forecast(db, days=2)
    broken = {"orders": -1_000_000}
    clock.forward(timedelta(days=8))
    db.write_now(lambda c, _: c.execute(sa.update(table_of(ObservedDemand)).values(**broken)) and None)
    db.write_now(
        lambda c, _: c.execute(sa.update(table_of(ObservedDay)).values(observed_at=clock.now)) and None
    )
    asked(db)
    while worked(world_on(db)):
        pass
    (alert,) = db.read_now(lambda c, _: alerts(c, only_open=True))
    assert (alert.kind.value, alert.mailed_at is not None) == ("FORECAST_FAILED", True)
    assert alert.message.startswith("What was estimated is no forecast;")
    assert alert.message.endswith("The last forecast stays.")
    newest = db.read_now(lambda c, _: newest_forecast(c))
    assert newest is not None
    assert newest.id == good.id
    # With the history put right the next night is a good one, and the alert is over.
    db.write_now(lambda c, _: c.execute(sa.update(table_of(ObservedDemand)).values(orders=2)) and None)
    asked(db)
    while worked(world_on(db)):
        pass
    assert list(db.read_now(lambda c, _: alerts(c, only_open=True))) == []
    assert world.sound()
