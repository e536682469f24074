"""Prices follow the bookings: fresh worths after a batch or a minute, with their history, or the last ones stay."""

import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app.alerts.queries import alerts
from app.allocation.price_changes import price_refreshes, read_changes
from app.allocation.queries import question_and_answer, run_of
from app.allocation.solve.prices import Prices
from app.booking.offer import offer
from app.capacity.queries import reaches_of
from app.capacity.tables import CapacityPool, ZoneDayCost
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.jobs import later
from app.places.tables import ServiceZone
from app.pricing.tables import FeeRule
from app.slots.queries import slots_between
from app.storefronts.issue_key import issue_key
from app.values.actor import Role
from app.values.window import Window
from app.worker.plan import plan
from app.worker.prices import COMMAND, DESK, PriceDesk, PricesFailed, refreshed
from tests.api import KEY, Api, client_on, worked, world_on
from tests.conftest import Clock
from tests.factories import NOW, Shop, make_basket, make_hold
from tests.worker.small_city import QUICK, make_city

# The base fee of tests, and its evening; seconds of the usual handover.
FIXED_MINOR, AT_DOOR_S = 350, 240
DAY = NOW.date() + timedelta(days=1)
REFRESHES = """{ priceRefreshes { at actor reason solverSeconds
  changed { poolId beforeMinor afterMinor } } }"""


@pytest.fixture
def shop(db: Database) -> Shop:
    """A planned evening whose minutes are scarce, in a shop that passes a fifth of their worth on."""

    def work(conn: Connection, _now: object) -> Shop:
        made = make_city(conn)
        told = {"usual_cost_minor": 0, "pass_on_bp": 2_000, "step_minor": 50}
        conn.execute(sa.update(table_of(FeeRule)).values(**told))
        return made

    made = db.write_now(work)
    assert plan(db, trigger="test", first=DAY, days=1, limits=QUICK).message is None
    return made


@pytest.fixture
def desk() -> Iterator[PriceDesk]:
    made = PriceDesk()
    yield made
    made.close()


def worths(db: Database) -> list[int]:
    query = sa.select(table_of(CapacityPool)).order_by("id")
    return [pool.minute_worth_micro for pool in db.read_now(lambda c, _: rows(c, CapacityPool, query))]


def fee(db: Database, shop: Shop) -> int:
    """What anybody pays for the planned evening now."""

    def look(conn: Connection, now: Any) -> int:
        told = offer(
            conn, now=now, actor=shop.actor, place=shop.place, basket=make_basket(), first=DAY, last=DAY
        )
        return next(one.quote.total.minor for one in told.days[0].offers if one.quote)

    return db.read_now(look)


def held(db: Database, shop: Shop, customer: str) -> int:
    """Hold the evening; the fee that is locked."""

    def work(conn: Connection, now: Any) -> int:
        slot = slots_between(conn, zone_id=shop.zone_id, first=DAY, last=DAY)[0]
        return make_hold(conn, shop, slot, now=now, customer=customer).fee_minor

    return db.write_now(work)


def fewer_orders(db: Database, orders: int) -> None:
    """News of the demand: so few orders that minutes are plenty."""
    db.write_now(
        lambda c, _: c.execute(sa.update(table_of(ServiceZone)).values(daily_orders=orders)) and None
    )


def asked(db: Database) -> None:
    """The tick of the schedule."""
    db.write_now(lambda c, n: later(c, now=n, kind="allocation.prices", payload={}) and None)
    while worked(world_on(db)):
        pass


def test_a_minute_after_a_booking_prices_are_those_of_what_is_left(
    db: Database, clock: Clock, shop: Shop
) -> None:
    dear, before = fee(db, shop), worths(db)
    assert min(before) > 0
    locked = held(db, shop, "ana")
    assert locked == dear
    fewer_orders(db, 5)
    asked(db)
    assert worths(db) == before  # not yet: one change, and not a minute since the plan
    clock.forward(timedelta(minutes=1))
    asked(db)
    assert worths(db) == [0 for _ in before]
    cheap = fee(db, shop)
    assert cheap < dear
    assert (dear - cheap) % 50 == 0
    # What is held keeps its fee; nobody pays another price than the next one.
    assert held(db, shop, "rui") == cheap
    clock.forward(timedelta(minutes=2))
    asked(db)
    refreshes = db.read_now(lambda c, _: price_refreshes(c))
    assert len(refreshes) == 3  # the plan's own, ana's and rui's
    clock.forward(timedelta(minutes=2))
    asked(db)
    assert len(db.read_now(lambda c, _: price_refreshes(c))) == 3  # nothing has changed since


def test_fees_follow_the_level_of_the_zones_day_only_in_part(db: Database, clock: Clock, shop: Shop) -> None:
    zone_cost = sa.select(table_of(ZoneDayCost).c.cost_minor)
    (level,) = db.read_now(lambda c, _: c.scalars(zone_cost).all())
    assert 0 < level == pytest.approx(mean_of_cheapest(db), abs=1)
    whole = fee(db, shop)
    told = {"pass_on_bp": 10_000, "level_pass_on_bp": 2_000, "usual_cost_minor": 0, "step_minor": 1}
    db.write_now(lambda c, _: c.execute(sa.update(table_of(FeeRule)).values(**told)) and None)
    cheapest = min(costs(db).values())
    assert fee(db, shop) == pytest.approx(FIXED_MINOR + level * 0.2 + cheapest - level, abs=1)
    assert whole == pytest.approx(FIXED_MINOR + cheapest * 0.2, abs=26)

    held(db, shop, "ana")
    fewer_orders(db, 5)
    clock.forward(timedelta(minutes=1))
    asked(db)
    (lower,) = db.read_now(lambda c, _: c.scalars(zone_cost).all())
    assert level > lower == pytest.approx(mean_of_cheapest(db), abs=1)


def costs(db: Database) -> dict[datetime, int]:
    """What a drop costs in each hour, by the cheapest pool."""

    def look(conn: Connection, now: Any) -> dict[datetime, int]:
        span = Window(now, now + timedelta(days=3))
        zone = conn.execute(sa.select(table_of(ServiceZone).c.id)).scalar_one()
        found: dict[datetime, int] = {}
        for reach in reaches_of(conn, now=now, zone_id=zone, span=span):
            cost = reach.marginal_minor(AT_DOOR_S)
            found[reach.window.start] = min(cost, found.get(reach.window.start, cost))
        return found

    return db.read_now(look)


def mean_of_cheapest(db: Database) -> float:
    found = costs(db).values()
    return sum(found) / len(found)


def test_the_history_says_who_when_why_before_and_after(db: Database, clock: Clock, shop: Shop) -> None:
    before = worths(db)

    def keyed(conn: Connection, _now: object) -> None:
        for key, role in (("op", Role.OPERATOR), (KEY, Role.STOREFRONT)):
            issue_key(conn, now=NOW, storefront_id=shop.actor.storefront_id, key=key, name=key, role=role)

    db.write_now(keyed)
    held(db, shop, "ana")
    fewer_orders(db, 5)
    clock.forward(timedelta(minutes=1))
    asked(db)
    with client_on(db) as client:
        assert Api(client).codes(REFRESHES) == ["OPERATORS_ONLY"]
        newest, begun = Api(client, "op").data(REFRESHES)["priceRefreshes"]
    assert (begun["reason"], begun["changed"]) == ("a new capacity plan", [])
    assert (newest["actor"], newest["at"]) == ("pricing", clock.now.isoformat())
    assert newest["reason"] == "1 changes of what is held and booked"
    changed = sorted(one["beforeMinor"] for one in newest["changed"])
    assert changed == pytest.approx(sorted(one / 1_000_000 for one in before))
    assert {one["afterMinor"] for one in newest["changed"]} == {0}


def test_a_batch_is_priced_at_once_and_as_the_model_says(db: Database, shop: Shop, desk: PriceDesk) -> None:
    for number in range(14):
        held(db, shop, f"customer-{number}")
    assert refreshed(db, desk) is None
    for number in range(14, 30):
        held(db, shop, f"customer-{number}")
    made = refreshed(db, desk)
    assert made is not None
    assert made.changes == 30
    run = db.read_now(lambda c, _: run_of(c))
    assert run is not None
    found = db.read_now(lambda c, _: question_and_answer(c, run.id))
    assert found is not None
    problem, answer = found
    changes = db.read_now(lambda c, _: read_changes(c, problem=problem, days=[DAY]))
    (told,) = Prices(problem, answer).refresh(changes)
    fresh = {b: worth for _, b, worth in told.minute_worth}
    assert worths(db) == pytest.approx([round(fresh.get(b, 0.0) * 1e6) for b in sorted(fresh)], abs=1)
    assert refreshed(db, desk) is None


def test_a_pricing_process_that_fails_leaves_the_last_prices_and_is_begun_again(
    db: Database, clock: Clock, shop: Shop, desk: PriceDesk
) -> None:
    before = worths(db)
    held(db, shop, "ana")
    fewer_orders(db, 5)
    clock.forward(timedelta(minutes=1))
    hanging = (sys.executable, "-c", "import time; time.sleep(60)")
    garbage = (sys.executable, "-c", "import sys; sys.stdin.readline(); print('nonsense', flush=True)")
    for command in (hanging, garbage, ("/no/such/program",)):
        with pytest.raises(PricesFailed):
            refreshed(db, PriceDesk(command, wall_s=1))
    assert worths(db) == before
    (alert,) = db.read_now(lambda c, _: alerts(c, only_open=True))
    assert (alert.kind.value, alert.times) == ("PRICES_STALE", 3)
    assert alert.message.endswith("The last prices stay.")
    assert held(db, shop, "rui") > 0

    assert refreshed(db, desk) is not None
    assert worths(db) == [0 for _ in before]
    assert list(db.read_now(lambda c, _: alerts(c, only_open=True))) == []
    # Killed between two questions, it is there again for the next.
    assert desk._child is not None
    desk._child.kill()
    desk._child.wait()
    held(db, shop, "eva")
    clock.forward(timedelta(minutes=2))
    assert refreshed(db, desk) is not None
    DESK.close()
    assert COMMAND[-1] == "app.allocation.solve.prices_process"
