"""The plan as operators look at it: zones by fill, who works when, and what a plan changed."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

import strawberry

from app.allocation.plan_changes import DayDifference as DayDifferenceValue
from app.allocation.plan_changes import PlanChanges as PlanChangesValue
from app.allocation.plan_changes import PoolChange as PoolChangeValue
from app.allocation.plan_changes import ShiftChange as ShiftChangeValue
from app.allocation.plan_changes import ZoneChange as ZoneChangeValue
from app.allocation.plan_history import ChangesSince, changes_of_run
from app.allocation.roster import Roster as RosterValue
from app.allocation.roster import RosteredFleet as RosteredFleetValue
from app.allocation.roster import WeekHours as WeekHoursValue
from app.allocation.roster import hours_of, roster_of
from app.allocation.zone_fill import ZoneFill as ZoneFillValue
from app.allocation.zone_fill import day_fill
from app.errors import OperatorsOnly
from app.fleet.tables import Shift as ShiftRow
from app.values.window import Window, ZonedWindow
from schema.allocation import AllocationRun
from schema.capacity import CapacityPool, CapacityVector
from schema.context import Info
from schema.ids import key_of, to_global
from schema.onto import onto, shown
from schema.places import ServiceZone
from schema.values import Money, TimeWindow
from schema.words import CapacityDimension, PlanChangeKind, VehicleKind


@onto(PoolChangeValue, description="A pool before and after a plan; 0 where it is not there.")
class PoolChange:
    """A change."""

    kind: PlanChangeKind = strawberry.field(description="What became of it.")
    day: date = strawberry.field(name="date", description="The local day.")
    vehicles_before: int = strawberry.field(description="Vehicles on the road.")
    vehicles_after: int = strawberry.field(description="Vehicles on the road.")
    orders_before: int = strawberry.field(description="Orders that the plan sells.")
    orders_after: int = strawberry.field(description="Orders that the plan sells.")

    @strawberry.field(description="The bucket.")
    def window(self) -> TimeWindow:
        """The bucket."""
        change: PoolChangeValue = shown(self)
        return _utc(change.window)

    @strawberry.field(name="nodeId", description="The node.")
    def of_node(self) -> strawberry.ID:
        """The node."""
        change: PoolChangeValue = shown(self)
        return to_global("FulfilmentNode", change.node_id)

    @strawberry.field(name="vehicleClassId", description="The class of vehicles.")
    def of_class(self) -> strawberry.ID:
        """The class."""
        change: PoolChangeValue = shown(self)
        return to_global("VehicleClass", change.class_id)

    @strawberry.field(name="zonesGained", description="Zones that it reaches now and did not.")
    def gained_ids(self) -> list[strawberry.ID]:
        """The zones."""
        change: PoolChangeValue = shown(self)
        return _zones(change.gained)

    @strawberry.field(name="zonesLost", description="Zones that it reached and does not now.")
    def lost_ids(self) -> list[strawberry.ID]:
        """The zones."""
        change: PoolChangeValue = shown(self)
        return _zones(change.lost)


@onto(ZoneChangeValue, description="What is planned in a zone in a bucket, before and after a plan.")
class ZoneChange:
    """A change."""

    kind: PlanChangeKind = strawberry.field(description="What became of it.")
    day: date = strawberry.field(name="date", description="The local day.")
    drops_before: int = strawberry.field(description="Drops that were planned there.")
    drops_after: int = strawberry.field(description="Drops that are planned there.")
    pools_before: int = strawberry.field(description="Pools that reached it.")
    pools_after: int = strawberry.field(description="Pools that reach it.")

    @strawberry.field(description="The bucket.")
    def window(self) -> TimeWindow:
        """The bucket."""
        change: ZoneChangeValue = shown(self)
        return _utc(change.window)

    @strawberry.field(name="zoneId", description="The zone.")
    def of_zone(self) -> strawberry.ID:
        """The zone."""
        change: ZoneChangeValue = shown(self)
        return to_global("ServiceZone", change.zone_id)


@onto(ShiftChangeValue, description="The vehicles that work a shift, before and after a plan.")
class ShiftChange:
    """A change."""

    day: date = strawberry.field(name="date", description="The local day.")
    before: int = strawberry.field(name="vehiclesBefore", description="Vehicles that worked it.")
    after: int = strawberry.field(name="vehiclesAfter", description="Vehicles that work it.")
    hours: float = strawberry.field(name="driverHours", description="Drivers' hours more, or less.")
    cost: Money = strawberry.field(description="What it costs more, or less.")

    @strawberry.field(description="The shift.")
    def window(self) -> TimeWindow:
        """The shift."""
        change: ShiftChangeValue = shown(self)
        return _utc(change.window)

    @strawberry.field(name="nodeId", description="The node.")
    def of_node(self) -> strawberry.ID:
        """The node."""
        change: ShiftChangeValue = shown(self)
        return to_global("FulfilmentNode", change.node_id)

    @strawberry.field(name="vehicleClassId", description="The class of vehicles.")
    def of_class(self) -> strawberry.ID:
        """The class."""
        change: ShiftChangeValue = shown(self)
        return to_global("VehicleClass", change.class_id)


@onto(DayDifferenceValue, description="What a day that both plans have is to earn.")
class PlannedDayChange:
    """A difference."""

    day: date = strawberry.field(name="date", description="The local day.")
    orders_before: float = strawberry.field(description="Orders still to come that were planned.")
    orders_after: float = strawberry.field(description="Orders still to come that are planned.")
    taken_before: int = strawberry.field(description="Orders that were booked or held by then.")
    taken_after: int = strawberry.field(description="Orders that are booked or held by now.")
    contribution_before: Money = strawberry.field(description="What those to come were to earn.")
    contribution_after: Money = strawberry.field(description="What those to come are to earn.")
    margin: Money = strawberry.field(description="Of what was taken in between, before delivery.")
    contribution: Money = strawberry.field(
        description="By how much the day earns more, that margin included."
    )
    whole: bool = strawberry.field(description="False: part of the day was over in between.")


@onto(PlanChangesValue, description="What is different: windows and shifts that began in between left out.")
class PlanDifference:
    """The differences."""

    contribution: Money = strawberry.field(
        description="By how much more the days earn that can be compared, with the margin of what was taken."
    )
    pools: list[PoolChange] = strawberry.field(description="Pools, in the order of time.")
    zones: list[ZoneChange] = strawberry.field(description="Zones by bucket, in the order of time.")
    shifts: list[ShiftChange] = strawberry.field(description="Shifts, in the order of time.")
    days: list[PlannedDayChange] = strawberry.field(description="Days that both plans have.")
    new_days: list[date] = strawberry.field(description="Days that are planned for the first time.")


@onto(ChangesSince, description="What a published plan changed against the one published before it.")
class PlanChanges:
    """The changes."""

    run: AllocationRun = strawberry.field(description="The plan.")
    before: AllocationRun = strawberry.field(description="The plan before it.")
    changes: PlanDifference = strawberry.field(name="difference", description="What is different.")


@onto(ShiftRow, description="Vehicles that work one shift.")
class RosteredShift:
    """A shift."""

    vehicles: int = strawberry.field(description="How many.")

    @strawberry.field(description="From when to when.")
    def window(self) -> TimeWindow:
        """The shift."""
        row: ShiftRow = shown(self)
        return _utc(Window(row.starts_at, row.ends_at))

    @strawberry.field(description="Paid hours of all of them.")
    def driver_hours(self) -> float:
        """The hours."""
        return hours_of(shown(self))


@onto(RosteredFleetValue, description="The vehicles of a class at a node on a day.")
class RosteredFleet:
    """A fleet."""

    vehicle_class: str = strawberry.field(description="The class of vehicle, for people.")
    vehicle_kind: VehicleKind = strawberry.field(description="What drives.")
    vehicles: int = strawberry.field(description="How many there are.")
    in_service: int = strawberry.field(description="How many of them can drive.")
    on_road: int = strawberry.field(description="The most that are out at the same time.")
    driver_hours: float = strawberry.field(description="Paid hours of all shifts.")
    shifts: list[RosteredShift] = strawberry.field(description="In the order of time.")

    @strawberry.field(name="nodeId", description="The node.")
    def of_node(self) -> strawberry.ID:
        """The node."""
        fleet: RosteredFleetValue = shown(self)
        return to_global("FulfilmentNode", fleet.node.id)


@onto(WeekHoursValue, description="The drivers' hours of a node in a week.")
class WeekHours:
    """The hours."""

    monday: date = strawberry.field(description="The week begins.")
    rostered: float = strawberry.field(name="rosteredHours", description="In shifts, as far as planned.")
    available: int = strawberry.field(name="availableHours", description="There are.")

    @strawberry.field(name="nodeId", description="The node.")
    def of_node(self) -> strawberry.ID:
        """The node."""
        hours: WeekHoursValue = shown(self)
        return to_global("FulfilmentNode", hours.node.id)


@onto(RosterValue, description="Who works on a day, by node and class, and the drivers' hours of the week.")
class Roster:
    """A roster."""

    day: date = strawberry.field(name="date", description="The local day.")
    fleets: list[RosteredFleet] = strawberry.field(description="By node and class, also those at home.")
    weeks: list[WeekHours] = strawberry.field(description="By node.")


@onto(
    ZoneFillValue, description="How full a zone is in a bucket: of the pools that reach it, and others too."
)
class ZoneFill:
    """A fill."""

    zone: ServiceZone = strawberry.field(description="The zone.")
    time_window: TimeWindow = strawberry.field(name="window", description="The bucket.")
    pools: list[CapacityPool] = strawberry.field(description="The pools that reach it.")
    booked: int = strawberry.field(name="bookedHere", description="Bookings of this zone itself.")
    held: int = strawberry.field(name="heldHere", description="Holds of this zone itself.")

    @strawberry.field(description="What its pools may sell in all.")
    def sell(self) -> CapacityVector:
        """The size."""
        return shown(_fill(self).taken.sell)

    @strawberry.field(name="bookedInAll", description="What is promised of it, here and elsewhere.")
    def all_booked(self) -> CapacityVector:
        """The bookings."""
        return shown(_fill(self).taken.booked)

    @strawberry.field(name="heldInAll", description="What is held of it, here and elsewhere.")
    def all_held(self) -> CapacityVector:
        """The holds."""
        return shown(_fill(self).taken.held)

    @strawberry.field(description="Orders that its pools may still take.")
    def left_orders(self) -> int:
        """The room."""
        return _fill(self).taken.left_orders

    @strawberry.field(description="The part taken of the fullest dimension; null where nothing is sold.")
    def share(self) -> float | None:
        """The share."""
        return _fill(self).taken.share

    @strawberry.field(description="The fullest dimension; null while nothing is taken.")
    def tightest(self) -> CapacityDimension | None:
        """What runs out first."""
        return _fill(self).taken.tightest


def _fill(fill: ZoneFill) -> ZoneFillValue:
    value: ZoneFillValue = shown(fill)
    return value


def _zones(zone_ids: Sequence[str]) -> list[strawberry.ID]:
    return [to_global("ServiceZone", zone_id) for zone_id in zone_ids]


def _utc(window: Window) -> TimeWindow:
    return shown(ZonedWindow(window, "UTC"))


def _operators_only(info: Info) -> None:
    if not info.context.actor.is_operator:
        raise OperatorsOnly


async def plan_changes(
    info: Info,
    run_id: Annotated[
        strawberry.ID | None, strawberry.argument(description="A published run; the newest unless given.")
    ] = None,
    day: Annotated[
        date | None, strawberry.argument(name="date", description="Only of this local day.")
    ] = None,
) -> PlanChanges | None:
    """The changes of a plan."""
    _operators_only(info)
    key = key_of("AllocationRun", run_id) if run_id else None
    found = await info.context.read(lambda conn, _: changes_of_run(conn, key))
    return shown(found.of(day) if found and day else found)


async def roster(
    info: Info, day: Annotated[date, strawberry.argument(name="date", description="The local day.")]
) -> Roster | None:
    """The roster of a day."""
    _operators_only(info)
    return shown(await info.context.read(lambda conn, _: roster_of(conn, day=day)))


async def zone_fills(
    info: Info,
    day: Annotated[date, strawberry.argument(name="date", description="The local day.")],
    node_id: Annotated[
        strawberry.ID | None, strawberry.argument(description="Only pools of this node.")
    ] = None,
    vehicle_class_id: Annotated[
        strawberry.ID | None, strawberry.argument(description="Only pools of this class of vehicles.")
    ] = None,
) -> list[ZoneFill] | None:
    """The zones of a day."""
    _operators_only(info)
    node = key_of("FulfilmentNode", node_id) if node_id else None
    kind = key_of("VehicleClass", vehicle_class_id) if vehicle_class_id else None
    found = await info.context.read(
        lambda conn, now: day_fill(conn, now=now, day=day, node_id=node, class_id=kind)
    )
    return shown(found.fills)


@strawberry.type(description="The plan as operators look at it.")
class PlanQuery:
    """Reads."""

    plan_changes: PlanChanges | None = strawberry.field(
        resolver=plan_changes,
        description="For operators: what a plan changed against the one before it; null for the first.",
    )
    roster: Roster | None = strawberry.field(
        resolver=roster, description="For operators: who works on a day, and the drivers' hours of its week."
    )
    zone_fills: list[ZoneFill] | None = strawberry.field(
        resolver=zone_fills,
        description="For operators: how full every zone is in every bucket of a day, by time and zone.",
    )
