"""Pools, the ledger that explains them, and what operators say about them."""

from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Annotated

import strawberry
from graphql import GraphQLError
from sqlalchemy import Connection

from app.booking.queries import claims_named
from app.capacity.protection import quotas
from app.capacity.seen import (
    KeptPart,
    LedgerChange,
    SeenPool,
    changes_of,
    ledger_of,
    override_by_id,
    overrides_between,
    pools_between,
    pools_by_id,
)
from app.capacity.tables import CapacityEntry as CapacityEntryRow
from app.capacity.tables import CapacityOverride as CapacityOverrideRow
from app.errors import OperatorsOnly
from app.values.load import Load
from schema.bookings import PageInfo
from schema.context import Info
from schema.ids import key_of, to_global
from schema.onto import onto, shown
from schema.paging import asked
from schema.places import Node, node_id
from schema.values import TimeWindow
from schema.words import CapacityCounter, CapacityDimension, EntryKind, VehicleKind

MAX_DAYS = 14


@onto(Load, description="One amount per dimension of capacity.")
class CapacityVector:
    """A vector."""

    orders: int = strawberry.field(description="Drops.")
    work_s: int = strawberry.field(name="workSeconds", description="Seconds of work on the street.")
    volume_ml: int = strawberry.field(name="volumeMillilitres", description="Whole volume.")
    weight_g: int = strawberry.field(name="weightGrams", description="Weight.")
    chilled_ml: int = strawberry.field(name="chilledMillilitres", description="Chilled part of the volume.")
    frozen_ml: int = strawberry.field(name="frozenMillilitres", description="Frozen part of the volume.")


@onto(CapacityOverrideRow, description="What an operator says over the plan, until it is lifted.")
class CapacityOverride(Node):
    """An override."""

    id: strawberry.ID = node_id("CapacityOverride")
    day: date = strawberry.field(description="The local day of its pools.")
    vehicle_kind: VehicleKind | None = strawberry.field(description="Only this kind of vehicle, if one.")
    starts_at: datetime | None = strawberry.field(description="Buckets that begin earlier are left alone.")
    ends_at: datetime | None = strawberry.field(description="Buckets that end later are left alone.")
    sell_orders: int | None = strawberry.field(description="Each pool sells so many orders, if said so.")
    vehicles_out: int | None = strawberry.field(
        description="Of a disruption: so many of its vehicles are out, each with its share of what is sold."
    )
    reason: str = strawberry.field(description="Why.")
    actor: str = strawberry.field(description="Who.")
    created_at: datetime = strawberry.field(description="When.")
    lifted_at: datetime | None = strawberry.field(description="When it ended; null while in force.")
    lifted_by: str | None = strawberry.field(description="Who ended it.")
    lift_reason: str | None = strawberry.field(description="Why it ended.")

    @strawberry.field(name="poolId", description="The only pool it is about, if one.")
    def of_pool(self) -> strawberry.ID | None:
        """The pool."""
        row: CapacityOverrideRow = shown(self)
        return to_global("CapacityPool", row.pool_id) if row.pool_id else None

    @strawberry.field(name="nodeId", description="The only node it is about, if one.")
    def of_node(self) -> strawberry.ID | None:
        """The node."""
        row: CapacityOverrideRow = shown(self)
        return to_global("FulfilmentNode", row.node_id) if row.node_id else None

    @strawberry.field(description="Percent of what the plan would sell, if said so; 0 is closed.")
    def percent_of_plan(self) -> int | None:
        """The share."""
        row: CapacityOverrideRow = shown(self)
        return None if row.factor_bp is None else row.factor_bp // 100


@onto(KeptPart, description="Orders of a pool that are kept for a group of customers until a stated time.")
class ProtectedPart:
    """A kept part."""

    audience: str = strawberry.field(description="For this group of customers.")
    orders: int = strawberry.field(description="So many orders.")
    left: int = strawberry.field(description="Of them the group has not taken so many.")
    until: datetime = strawberry.field(description="From then on they are open to all.")


@onto(SeenPool, description="What one node sends out with one class of vehicle in one bucket of a day.")
class CapacityPool(Node):
    """A pool."""

    id: strawberry.ID = node_id("CapacityPool", attrgetter("row.id"))
    node_name: str = strawberry.field(name="node", description="The node's name.")
    vehicle_kind: VehicleKind = strawberry.field(description="What drives.")
    vehicle_class: str = strawberry.field(description="The class of vehicle, for people.")
    time_window: TimeWindow = strawberry.field(name="window", description="The bucket.")
    cap: CapacityVector = strawberry.field(description="What exists.")
    sell: CapacityVector = strawberry.field(description="What may be sold; may be below what is taken.")
    planned: CapacityVector = strawberry.field(description="What the plan would sell without any override.")
    held: CapacityVector = strawberry.field(
        description="Claimed by holds, with those that ended and were not tidied yet.",
    )
    booked: CapacityVector = strawberry.field(description="Promised.")
    override: CapacityOverride | None = strawberry.field(description="The newest of what is said about it.")
    overrides: list[CapacityOverride] = strawberry.field(
        description="All that is said about it and in force, newest first: a size counts over older ones, and"
        " vehicles that went out since take their share off."
    )
    kept: ProtectedPart | None = strawberry.field(
        name="protected", description="What of its orders is kept for a group of customers."
    )

    @strawberry.field(name="nodeId", description="The node.")
    def of_node(self) -> strawberry.ID:
        """The node."""
        pool: SeenPool = shown(self)
        return to_global("FulfilmentNode", pool.row.node_id)

    @strawberry.field(description="The local day.")
    def day(self) -> date:
        """The day."""
        pool: SeenPool = shown(self)
        return pool.row.day

    @strawberry.field(description="Vehicles on the road, as planned.")
    def vehicles(self) -> int:
        """The vehicles."""
        pool: SeenPool = shown(self)
        return pool.row.vehicles


@strawberry.type(description="A pool in a page.")
class CapacityPoolEdge:
    """An edge."""

    cursor: str = strawberry.field(description="Give it as after or before.")
    node: CapacityPool = strawberry.field(description="The pool.")


@strawberry.type(description="Pools by the start of their bucket.")
class CapacityPoolConnection:
    """A page of pools."""

    edges: list[CapacityPoolEdge] = strawberry.field(description="With cursors.")
    nodes: list[CapacityPool] = strawberry.field(description="Without.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")


@onto(LedgerChange, description="One figure of a pool before and after an entry.")
class CapacityChange:
    """A change."""

    counter: CapacityCounter = strawberry.field(description="Which figure.")
    dimension: CapacityDimension = strawberry.field(description="In which dimension.")
    before: int = strawberry.field(description="What stood before.")
    after: int = strawberry.field(description="What stood after.")


@strawberry.type(description="One change of a pool: who, when, why, before and after.")
class CapacityEntry:
    """An entry."""

    number: int = strawberry.field(description="Counts the pool's entries without gaps.")
    kind: EntryKind = strawberry.field(description="Why, in a word.")
    at: datetime = strawberry.field(description="When.")
    actor: str = strawberry.field(description="Who.")
    reason: str = strawberry.field(description="Why, in a sentence.")
    reference: strawberry.ID | None = strawberry.field(
        description="The hold, booking, override, protected quota or plan run that it was for."
    )
    audience: str | None = strawberry.field(
        description="The group of the customer who took or gave back, if in one."
    )
    changes: list[CapacityChange] = strawberry.field(description="Every figure that changed.")


@strawberry.type(description="An entry in a page.")
class CapacityEntryEdge:
    """An edge."""

    cursor: str = strawberry.field(description="Give it as after or before.")
    node: CapacityEntry = strawberry.field(description="The entry.")


@strawberry.type(description="A pool's ledger, oldest first: ask for the last to see the newest.")
class CapacityEntryConnection:
    """A page of entries."""

    edges: list[CapacityEntryEdge] = strawberry.field(description="With cursors.")
    nodes: list[CapacityEntry] = strawberry.field(description="Without.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")


async def capacity_pools(
    info: Info,
    first_day: Annotated[date, strawberry.argument(name="from", description="The first local day.")],
    last_day: Annotated[
        date | None, strawberry.argument(name="to", description="The last one; the first if left out.")
    ] = None,
    node_id: Annotated[strawberry.ID | None, strawberry.argument(description="Only of this node.")] = None,
    zone_id: Annotated[
        strawberry.ID | None, strawberry.argument(description="Only those that reach it.")
    ] = None,
    first: Annotated[int | None, strawberry.argument(description="So many from the start.")] = None,
    after: Annotated[str | None, strawberry.argument(description="A cursor.")] = None,
    last: Annotated[int | None, strawberry.argument(description="So many from the end.")] = None,
    before: Annotated[str | None, strawberry.argument(description="A cursor.")] = None,
) -> CapacityPoolConnection | None:
    """The pools of some days."""
    _operators_only(info)
    page = asked(first, after, last, before)
    until = checked_days(first_day, last_day)
    node = key_of("FulfilmentNode", node_id) if node_id else None
    zone = key_of("ServiceZone", zone_id) if zone_id else None
    found = await info.context.read(
        lambda conn, _: pools_between(
            conn,
            first=first_day,
            last=until,
            node_id=node,
            zone_id=zone,
            limit=page.limit,
            after=key_of("CapacityPool", after) if after else None,
            before=key_of("CapacityPool", before) if before else None,
            backwards=page.backwards,
        )
    )
    nodes, cursors, place = page.cut(found, lambda pool: str(to_global("CapacityPool", pool.row.id)))
    edges = [CapacityPoolEdge(cursor=c, node=shown(n)) for c, n in zip(cursors, nodes, strict=True)]
    return CapacityPoolConnection(edges=edges, nodes=shown(nodes), page_info=place)


async def capacity_ledger(
    info: Info,
    pool_id: Annotated[strawberry.ID, strawberry.argument(description="The pool.")],
    first: Annotated[int | None, strawberry.argument(description="So many from the start.")] = None,
    after: Annotated[str | None, strawberry.argument(description="A cursor.")] = None,
    last: Annotated[int | None, strawberry.argument(description="So many from the end.")] = None,
    before: Annotated[str | None, strawberry.argument(description="A cursor.")] = None,
) -> CapacityEntryConnection | None:
    """Every change of a pool."""
    _operators_only(info)
    page = asked(first, after, last, before)
    pool = key_of("CapacityPool", pool_id)

    def look(conn: Connection, _now: datetime) -> list[CapacityEntry]:
        found = ledger_of(
            conn,
            pool_id=pool,
            limit=page.limit,
            after=_number(after) if after else None,
            before=_number(before) if before else None,
            backwards=page.backwards,
        )
        references = [entry.reference for entry in found if entry.reference]
        named = {key: model.__name__ for key, model in claims_named(conn, references).items()}
        named |= {rule.id: "ProtectedQuota" for rule in quotas(conn)}
        return [_entry(entry, named) for entry in found]

    nodes, cursors, place = page.cut(
        await info.context.read(look), lambda entry: str(to_global("CapacityEntry", str(entry.number)))
    )
    edges = [CapacityEntryEdge(cursor=c, node=n) for c, n in zip(cursors, nodes, strict=True)]
    return CapacityEntryConnection(edges=edges, nodes=nodes, page_info=place)


async def capacity_overrides(
    info: Info,
    first_day: Annotated[date, strawberry.argument(name="from", description="The first local day.")],
    last_day: Annotated[
        date | None, strawberry.argument(name="to", description="The last one; the first if left out.")
    ] = None,
) -> list[CapacityOverride] | None:
    """What operators said about some days, lifted or not, newest first."""
    _operators_only(info)
    until = checked_days(first_day, last_day)
    return shown(
        await info.context.read(lambda conn, _: overrides_between(conn, first=first_day, last=until))
    )


async def pool_by_id(info: Info, pool_id: str) -> CapacityPool | None:
    """A pool, for operators."""
    found = await info.context.read(lambda conn, _: pools_by_id(conn, [pool_id]))
    return shown(found.get(pool_id)) if info.context.actor.is_operator else None


async def override_seen(info: Info, override_id: str) -> CapacityOverride | None:
    """An override, for operators."""
    found = await info.context.read(lambda conn, _: override_by_id(conn, override_id))
    return shown(found) if info.context.actor.is_operator else None


def checked_days(first: date, last: date | None) -> date:
    """The last day; raises GraphQLError for more than 14 days or none."""
    until = last or first
    if not first <= until < first + timedelta(days=MAX_DAYS):
        raise GraphQLError(f"Ask for 1 to {MAX_DAYS} days, the last not before the first.")
    return until


def _operators_only(info: Info) -> None:
    if not info.context.actor.is_operator:
        raise OperatorsOnly


def _number(cursor: str) -> int:
    text = key_of("CapacityEntry", cursor)
    if not text.isdecimal():
        raise GraphQLError("A cursor is given as it was given out.", extensions={"code": "BAD_USER_INPUT"})
    return int(text)


def _entry(row: CapacityEntryRow, named: dict[str, str]) -> CapacityEntry:
    return CapacityEntry(
        number=row.number,
        kind=row.kind,
        at=row.at,
        actor=row.actor,
        reason=row.reason,
        audience=row.audience,
        reference=to_global(_kind(row, named), row.reference) if row.reference else None,
        changes=shown(changes_of(row)),
    )


def _kind(row: CapacityEntryRow, named: dict[str, str]) -> str:
    if row.reference in named:
        return named[row.reference]
    return "AllocationRun" if row.actor == "planner" else "CapacityOverride"
