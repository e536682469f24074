"""The clock's round of standing slots: book ahead, skip what has closed, tell prices, remind, settle."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from app.errors import Busy, Outage
from app.jobs import Job
from app.standing.book_ahead import book_ahead
from app.standing.queries import due_to_book, places_kept, storefronts_kept
from app.standing.remind import remind
from app.standing.settle import settle
from app.standing.skip_closed import skip_closed
from app.standing.tell_prices import tell_prices
from app.world.world import World

_log = structlog.get_logger("worker")


async def tend_standing(world: World, _job: Job) -> None:
    """One round; each standing slot has a transaction of its own, so that one that fails stops no other.

    Booking goes before prices: what is booked ahead in this round still has the fee told before it.
    """
    failed: list[Exception] = []

    async def done[T](work: Callable[..., T], **about: str) -> T | None:
        try:
            return await world.db.write(lambda conn, now: work(conn, now=now, **about))
        except (Busy, Outage):
            raise
        except Exception as why:
            _log.exception("standing slots", **about)
            failed.append(why)
            return None

    async def all_done(work: Callable[..., int], **about: str) -> None:
        while await done(work, **about):
            pass

    await all_done(settle)
    for storefront_id, zone_id in await world.db.read(lambda conn, _: places_kept(conn)):
        await done(skip_closed, storefront_id=storefront_id, zone_id=zone_id)
    for standing_id in await world.db.read(lambda conn, now: due_to_book(conn, now=now)):
        await done(book_ahead, standing_id=standing_id)
    for storefront_id in await world.db.read(lambda conn, _: storefronts_kept(conn)):
        await all_done(tell_prices, storefront_id=storefront_id)
        await all_done(remind, storefront_id=storefront_id)
    if failed:
        raise failed[0]
