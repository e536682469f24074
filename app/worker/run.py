"""The worker: claim due jobs, run them, finish or give them back."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from app.errors import Refusal
from app.jobs import Job, claim, fail, finish
from app.worker.schedule import ensure_ticks
from app.worker.tasks import TASKS
from app.world.world import World

LEASE = timedelta(minutes=20)
BATCH = 4
POLL_S = 0.5

_log = structlog.get_logger("worker")


async def work(
    world: World, *, stop: asyncio.Event, lease: timedelta = LEASE, poll_s: float = POLL_S
) -> None:
    """Run jobs until `stop` is set; those begun by then are finished first."""
    while not stop.is_set():
        await world.db.write(ensure_ticks)
        if not await work_once(world, lease=lease):
            try:
                await asyncio.wait_for(stop.wait(), timeout=poll_s)
            except TimeoutError:
                continue


async def work_once(world: World, *, lease: timedelta = LEASE) -> int:
    """Run the jobs that are due now; returns how many there were."""
    jobs = await world.db.write(lambda conn, now: claim(conn, now=now, limit=BATCH, lease=lease))
    await asyncio.gather(*(_run(world, job) for job in jobs))
    return len(jobs)


async def _run(world: World, job: Job) -> None:
    """One job: a refusal is final, anything else is tried again later."""
    log = _log.bind(job=job.id, kind=job.kind, attempt=job.attempts)
    task = TASKS.get(job.kind)
    try:
        if task is None:
            raise Refusal
        await task(world, job)
    except Refusal as refusal:
        log.warning("job refused", code=refusal.code, message=refusal.message)
        error, final = f"{refusal.code}: {refusal.message}", True
    except Exception as why:
        log.exception("job failed")
        error, final = f"{type(why).__name__}: {why}", False
    else:
        await world.db.write(lambda conn, _now: finish(conn, job=job))
        log.info("job done")
        return
    await world.db.write(lambda conn, now: fail(conn, now=now, job=job, error=error, final=final))
