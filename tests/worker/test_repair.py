"""A repair whose solver dies tells operators, in words and once; bookings stay, and the next try mends it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.database.rows import rows, table_of
from app.database.runner import Database
from app.engagement.tables import MailboxMessage
from tests.api import Api, client_on, worked, world_on
from tests.conftest import Clock
from tests.journeys.broken import END
from tests.journeys.test_breakdown import AT_1740, OPERATOR, OUTCOME, REPORT, broken_evening, told

ALERTS = "{ operatorAlerts(onlyOpen: true) { kind message times } }"
# Killed as a machine without memory kills: before the child has said anything.
KILLED = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"


@pytest.fixture
def kill_solvers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From when it is called, every process that the worker starts is killed at once, until it is undone."""
    (tmp_path / "sitecustomize.py").write_text(KILLED)
    return lambda: monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def run(db: Database) -> None:
    while worked(world_on(db)):
        pass


def mails(db: Database) -> list[MailboxMessage]:
    table = table_of(MailboxMessage)
    mine = sa.select(table).where(table.c.message_id.like("<alert-%"))
    return db.read_now(lambda c, _: rows(c, MailboxMessage, mine))


def unrepaired(desk: Api) -> Any:
    (alert,) = desk.data(ALERTS)["operatorAlerts"]
    assert alert["kind"] == "DISRUPTION_UNREPAIRED"
    return alert


def test_a_repair_that_fails_tells_operators_once_and_the_next_try_ends_it(
    db: Database, clock: Clock, kill_solvers: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    town, bookings = broken_evening(db)
    clock.set(AT_1740)
    run(db)
    kill_solvers()
    with client_on(db) as client:
        desk = Api(client, key=OPERATOR)
        assert desk.data(REPORT, input=told())["reportDisruption"]["userErrors"] == []
        assert desk.data(ALERTS)["operatorAlerts"] == []
        for times in (1, 2):
            run(db)
            alert = unrepaired(desk)
            assert alert["times"] == times
            clock.forward(timedelta(minutes=1))
        assert alert["message"].startswith("Van 7 broke down: The solver gave no plan and ended with code -9")
        assert alert["message"].endswith("Every booking stays where it is.")
        (outcome,) = desk.data(OUTCOME)["disruptions"]
        assert (outcome["status"], outcome["movedSilently"]) == ("FAILED", None)
        assert outcome["message"] in alert["message"]
        assert all(town.now_of(one).pool_id == one.pool_id for one in bookings.values())
        assert not any(town.now_of(one).partner_courier for one in bookings.values())
        (mail,) = mails(db)
        assert mail.subject.startswith("A disruption is not repaired")

        monkeypatch.undo()
        run(db)
        (outcome,) = desk.data(OUTCOME)["disruptions"]
        assert (outcome["status"], outcome["message"]) == ("REPAIRED", None)
        assert (outcome["movedSilently"], outcome["asked"], outcome["partnerCouriers"]) == (9, 2, 3)
        assert desk.data(ALERTS)["operatorAlerts"] == []
        assert len(mails(db)) == 1
        assert town.sound()


def test_who_says_that_it_is_over_ends_the_alert_and_the_tries(
    db: Database, clock: Clock, kill_solvers: Callable[[], None]
) -> None:
    broken_evening(db)
    clock.set(AT_1740)
    run(db)
    kill_solvers()
    with client_on(db) as client:
        desk = Api(client, key=OPERATOR)
        noted = desk.data(REPORT, input=told())["reportDisruption"]["disruption"]
        run(db)
        assert unrepaired(desk)["times"] == 1
        over = {"disruptionId": noted["id"], "reason": "It starts again", "idempotencyKey": "over"}
        assert desk.data(END, input=over)["endDisruption"]["userErrors"] == []
        assert desk.data(ALERTS)["operatorAlerts"] == []
        for _ in range(3):
            clock.forward(timedelta(minutes=5))
            run(db)
        kinds = {one["kind"] for one in desk.data(ALERTS)["operatorAlerts"]}
        assert "DISRUPTION_UNREPAIRED" not in kinds
