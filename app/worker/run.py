"""The worker: claim due jobs, run them, finish or give them back.

A lease is short and renewed while its job runs, so that the jobs of a worker that died are soon another's.
A database that is away is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import structlog

from app.errors import Busy, Outage, Refusal
from app.jobs import Job, claim, fail, finish, renew
from app.worker.schedule import ensure_ticks
from app.worker.tasks import TASKS
from app.world.world import World

LEASE = timedelta(minutes=1)
BATCH = 4
POLL_S = 0.5
LONGEST_PAUSE_S = 8.0

_log = structlog.get_logger("worker")


async def work(
    world: World, *, stop: asyncio.Event, lease: timedelta = LEASE, poll_s: float = POLL_S
) -> None:
    """Run jobs until `stop` is set; those begun by then are finished first."""
    pause_s = poll_s
    while not stop.is_set():
        try:
            await world.db.write(ensure_ticks)
            found = await work_once(world, lease=lease)
            pause_s = poll_s
        except (Busy, Outage) as why:
            _log.warning("database outage", code=why.code, error=str(why.__cause__), pause_s=pause_s)
            found, pause_s = 0, min(pause_s * 2, LONGEST_PAUSE_S)
        if not found:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), timeout=pause_s)


async def work_once(world: World, *, lease: timedelta = LEASE) -> int:
    """Run the jobs that are due now; returns how many there were."""
    jobs = await world.db.write(lambda conn, now: claim(conn, now=now, limit=BATCH, lease=lease))
    await asyncio.gather(*(_run(world, job, lease) for job in jobs))
    return len(jobs)


async def _run(world: World, job: Job, lease: timedelta) -> None:
    """One job: a refusal is final, anything else is tried again later."""
    log = _log.bind(job=job.id, kind=job.kind, attempt=job.attempts)
    task = TASKS.get(job.kind)
    keeping = asyncio.create_task(_keep(world, job, lease))
    try:
        if task is None:
            raise Refusal
        await task(world, job)
    except Refusal as refusal:
        final = not isinstance(refusal, Busy)
        log.warning("job refused", code=refusal.code, message=refusal.message)
        await _gave_up(world, job, f"{refusal.code}: {refusal.message}", final=final)
    except Exception as why:
        log.exception("job failed")
        await _gave_up(world, job, f"{type(why).__name__}: {why}", final=False)
    else:
        with _unless_away(job):
            await world.db.write(lambda conn, _now: finish(conn, job=job))
            log.info("job done")
    finally:
        keeping.cancel()


async def _keep(world: World, job: Job, lease: timedelta) -> None:
    """Renew the lease until cancelled."""
    held = True
    while held:
        await asyncio.sleep(lease.total_seconds() / 3)
        with _unless_away(job):
            held = await world.db.write(lambda conn, now: renew(conn, now=now, job=job, lease=lease))


async def _gave_up(world: World, job: Job, error: str, *, final: bool) -> None:
    with _unless_away(job):
        await world.db.write(lambda conn, now: fail(conn, now=now, job=job, error=error, final=final))


@contextmanager
def _unless_away(job: Job) -> Iterator[None]:
    """What cannot be noted while the database is away need not be: the lease runs out."""
    try:
        yield
    except (Busy, Outage) as why:
        _log.warning("job not noted", job=job.id, kind=job.kind, code=why.code)
