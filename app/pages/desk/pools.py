"""The pools of a day with their fill, and one pool with the ledger that explains it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date, datetime, timedelta
from functools import partial
from urllib.parse import urlencode

import sqlalchemy as sa
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.booking.repromise import SeenProposal, proposals_of
from app.booking.rules import RepromiseState
from app.capacity.errors import PoolNotFound
from app.capacity.seen import LedgerChange, SeenPool, changes_of, ledger_of, pools_between, pools_by_id
from app.capacity.tables import CapacityEntry
from app.database.rows import rows, table_of
from app.fleet.rules import VehicleKind
from app.pages.desk.render import Desk, desk_page
from app.pages.shop import world_of
from app.places.tables import City, FulfilmentNode
from app.values.load import DIMENSIONS
from app.values.window import local_day

_PAGE, _LINES, _PROPOSALS = 60, 25, 50


@dataclass(frozen=True, slots=True)
class PoolsOfDay:
    """A page of the pools of a local day in a city's zone; `after` leads to the next page."""

    day: date
    pools: Sequence[SeenPool]
    after: str | None
    nodes: Sequence[FulfilmentNode]


@dataclass(frozen=True, slots=True)
class Line:
    """An entry of the ledger with every figure that it changed."""

    entry: CapacityEntry
    changes: Sequence[LedgerChange]


@dataclass(frozen=True, slots=True)
class Explained:
    """A pool with a page of its ledger, newest first; the next page ends before number `earlier`."""

    pool: SeenPool
    lines: Sequence[Line]
    earlier: int | None


async def listing(request: Request, desk: Desk) -> Response:
    """The pools of a day, today unless said otherwise."""
    asked = request.query_params
    node = asked.get("node", "")
    look = partial(_of_day, wanted=asked.get("day", ""), node_id=node or None, after=asked.get("after"))
    found = await world_of(request).db.read(look)
    return desk_page(
        request,
        desk,
        "pools.html",
        of=found,
        node=node,
        earlier=found.day - timedelta(days=1),
        later=found.day + timedelta(days=1),
        kinds=list(VehicleKind),
        more=urlencode({"day": found.day, "node": node, "after": found.after or ""}),
        done=asked.get("done"),
    )


def _of_day(
    conn: Connection, now: datetime, *, wanted: str, node_id: str | None, after: str | None
) -> PoolsOfDay:
    day = day_of(wanted) or local_day(now, zone_of_city(conn))
    found = pools_between(conn, first=day, last=day, node_id=node_id, limit=_PAGE + 1, after=after)
    nodes = rows(conn, FulfilmentNode, sa.select(table_of(FulfilmentNode)).order_by("name"))
    return PoolsOfDay(day, found[:_PAGE], found[_PAGE - 1].row.id if len(found) > _PAGE else None, nodes)


async def show(request: Request, desk: Desk) -> Response:
    """One pool: its figures, its override, and the ledger that explains every unit."""
    before = request.query_params.get("before", "")
    explained = await world_of(request).db.read(
        partial(
            _explained,
            pool_id=request.path_params["pool_id"],
            before=int(before) if before.isdecimal() and len(before) < 10 else None,
        )
    )
    return desk_page(
        request,
        desk,
        "pool.html",
        pool=explained.pool,
        explained=explained,
        dimensions=DIMENSIONS,
        done=request.query_params.get("done"),
    )


def _explained(conn: Connection, _now: datetime, *, pool_id: str, before: int | None) -> Explained:
    pool = pools_by_id(conn, [pool_id]).get(pool_id)
    if pool is None:
        raise PoolNotFound
    found = ledger_of(conn, pool_id=pool_id, limit=_LINES + 1, before=before, backwards=True)[::-1]
    lines = [Line(entry, changes_of(entry)) for entry in found[:_LINES]]
    return Explained(pool, lines, lines[-1].entry.number if len(found) > _LINES else None)


async def proposals(request: Request, desk: Desk) -> Response:
    """The bookings that were proposed another window because their pool was made too small."""

    def look(conn: Connection, now: datetime) -> list[SeenProposal]:
        return proposals_of(conn, now=now, actor=desk.actor, limit=_PROPOSALS)

    found = await world_of(request).db.read(look)
    still = sum(one.state is RepromiseState.OPEN for one in found)
    return desk_page(request, desk, "proposals.html", proposals=found, still=still, most=_PROPOSALS)


def day_of(text: str) -> date | None:
    """The day that a form or an address names, if it is one that has days around it."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if MINYEAR < day.year < MAXYEAR else None


def zone_of_city(conn: Connection) -> str:
    """The zone of the city's clocks; UTC before a city was imported."""
    found: str | None = conn.execute(sa.select(table_of(City).c.time_zone).limit(1)).scalar()
    return found or "UTC"
