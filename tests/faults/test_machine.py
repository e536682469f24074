"""Histories of random shoppers, operators and clocks: the verbs agree with the model on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from app.booking.begin_checkout import begin_checkout
from app.booking.hold import hold
from app.booking.release import release
from app.booking.rules import HoldStatus
from app.booking.tables import SlotHold
from app.capacity.tables import CapacityPool
from app.database.engine import engine_for
from app.database.rows import table_of
from tests.faults.conftest import PATIENT, Size
from tests.faults.machine import BASKETS, Booking, Street, machine_on, make_street

pytestmark = PATIENT


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on an empty database."""
    made = engine_for(database_url, pool_size=2)
    yield made
    made.dispose()


@pytest.fixture
def street(engine: Engine) -> Street:
    """Committed, so that histories can be rolled back to it."""
    with engine.begin() as conn:
        return make_street(conn, None)


def histories(count: int, **how: Any) -> settings:
    """So many histories of up to forty steps; the same ones every time unless told otherwise."""
    return settings(
        max_examples=count,
        stateful_step_count=40,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        **how,
    )


def test_random_histories_agree_with_the_model(engine: Engine, street: Street, size: Size) -> None:
    # Making a failing history small takes minutes: that is left to the full form.
    phases = list(Phase) if size.full else [Phase.generate]
    chosen = histories(200 if size.full else 10, derandomize=not size.full, phases=phases)
    run_state_machine_as_test(machine_on(engine, street), settings=chosen)


def twice_released(conn: Connection, *, hold_id: str, **told: Any) -> SlotHold:
    """Without its guard: a hold that was released is released once more."""
    held = table_of(SlotHold)
    over = sa.and_(held.c.id == hold_id, held.c.status == HoldStatus.RELEASED)
    conn.execute(sa.update(held).where(over).values(status=HoldStatus.ACTIVE))
    return release(conn, hold_id=hold_id, **told)


def never_expired(conn: Connection, *, now: datetime, **told: Any) -> Any:
    """Without a look at the clock: an hour ago the hold was still good."""
    return begin_checkout(conn, now=now - timedelta(hours=1), **told)


def chilled_for_nothing(conn: Connection, **told: Any) -> SlotHold:
    """Without one dimension: chilled litres are not counted when it is decided what fits."""
    pool = table_of(CapacityPool)
    kept = {
        row.id: row
        for row in conn.execute(sa.select(pool.c.id, pool.c.sell_chilled_ml, pool.c.cap_chilled_ml))
    }
    conn.execute(sa.update(pool).values(sell_chilled_ml=10**9, cap_chilled_ml=10**9))
    try:
        return hold(conn, **told)
    finally:
        for row in kept.values():
            sizes = {"sell_chilled_ml": row.sell_chilled_ml}
            conn.execute(sa.update(pool).where(pool.c.id == row.id).values(**sizes))


def _releases_twice(m: Booking) -> None:
    held = m.holds_a_window(customer="ana", cart="", slot=1, basket=BASKETS[1], mode="ATTENDED")
    m.releases(hold_id=held)
    m.releases(hold_id=held)


def _pays_too_late(m: Booking) -> None:
    held = m.holds_a_window(customer="ana", cart="", slot=1, basket=BASKETS[1], mode="ATTENDED")
    m.time_passes(minutes=61)
    m.begins_to_pay(hold_id=held)


def _fills_the_cold_boxes(m: Booking) -> None:
    for who in ("ana", "rui", "eva"):
        m.holds_a_window(customer=who, cart="second", slot=1, basket=BASKETS[2], mode="ATTENDED")


# A bug, and what somebody has to do to meet it: without the bug the same history holds.
CONTROLS: dict[str, tuple[str, Callable[..., Any], Callable[[Booking], None]]] = {
    "missing state guard": ("release", twice_released, _releases_twice),
    "missing expiry": ("begin_checkout", never_expired, _pays_too_late),
    "wrong dimension": ("hold", chilled_for_nothing, _fills_the_cold_boxes),
}


@pytest.mark.parametrize("bug", CONTROLS)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_planted_bug_is_found(engine: Engine, street: Street, bug: str, size: Size) -> None:
    verb, planted, history = CONTROLS[bug]

    def play(**verbs: Any) -> None:
        machine = machine_on(engine, street, **verbs)()
        try:
            history(machine)
            machine.everything_holds()
        finally:
            machine.teardown()

    play()
    with pytest.raises((AssertionError, IntegrityError)):
        play(**{verb: planted})
    if size.full:
        # Who tells nobody what to do finds it too, in minutes.
        chosen = histories(400, phases=[Phase.generate], report_multiple_bugs=False)
        with pytest.raises((AssertionError, IntegrityError)):
            run_state_machine_as_test(machine_on(engine, street, **{verb: planted}), settings=chosen)
