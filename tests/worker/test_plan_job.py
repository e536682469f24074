"""The nightly plan as a job: it publishes, and where it cannot, it is tried again and the last plan stays."""

from datetime import timedelta

import sqlalchemy as sa

from app.allocation.queries import newest_run, run_of
from app.allocation.rules import RunStatus
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.fleet.tables import Vehicle
from app.jobs import Job, JobState, later
from tests.allocation.test_plan import loaded
from tests.api import worked, world_on
from tests.conftest import Clock

QUICK = {"day_s": 4, "gap": 0.02, "processes": 1}


def asked(db: Database) -> None:
    """A plan of two days, as the schedule asks for it every night."""
    payload = {"trigger": "night", "days": 2, "limits": QUICK}
    db.write_now(lambda c, n: later(c, now=n, kind="allocation.plan", payload=payload, max_attempts=2))


def job(db: Database) -> Job:
    table = table_of(Job)
    plans = sa.select(table).where(table.c.kind == "allocation.plan")
    query = plans.order_by(table.c.created_at.desc(), table.c.id.desc())
    return db.read_now(lambda c, _: rows(c, Job, query))[0]


def vehicles(db: Database, *, idle: bool) -> None:
    db.write_now(lambda c, _: c.execute(sa.update(table_of(Vehicle)).values(out_of_service=idle)) and None)


def test_the_worker_plans_and_publishes(db: Database) -> None:
    loaded(db)
    asked(db)
    assert worked(world_on(db)) == 1
    assert job(db).state is JobState.DONE
    run = db.read_now(lambda c, _: run_of(c))
    assert run is not None
    assert (run.status, run.trigger, run.days) == (RunStatus.PUBLISHED, "night", 2)


def test_a_plan_that_cannot_be_made_is_tried_again_and_the_last_one_stays(db: Database, clock: Clock) -> None:
    loaded(db)
    asked(db)
    worked(world_on(db))
    good = db.read_now(lambda c, _: run_of(c))
    assert good is not None

    vehicles(db, idle=True)
    clock.forward(timedelta(hours=1))
    asked(db)
    worked(world_on(db))
    waiting = job(db)
    assert (waiting.state, waiting.attempts) == (JobState.READY, 1)
    assert "No vehicle is in service" in (waiting.last_error or "")
    still = db.read_now(lambda c, _: run_of(c))
    newest = db.read_now(lambda c, _: newest_run(c))
    assert still is not None
    assert newest is not None
    assert (still.id, newest.status) == (good.id, RunStatus.REFUSED)

    vehicles(db, idle=False)
    clock.forward(timedelta(minutes=1))
    worked(world_on(db))
    assert job(db).state is JobState.DONE
    better = db.read_now(lambda c, _: run_of(c))
    assert better is not None
    assert better.id not in (good.id, newest.id)
