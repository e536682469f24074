"""Tours as they are driven, for those who run the house; customers see their own stop with their booking."""

from datetime import date, datetime
from operator import attrgetter
from typing import Annotated

import strawberry

from app.errors import OperatorsOnly
from app.tours.published import SeenTour, tour_lines, tour_run, tour_runs, tours_of
from app.tours.tables import Stop as StopRow
from app.tours.tables import TourRun as TourRunRow
from app.values.ids import short_code
from app.values.load import Load
from app.values.money import Money as MoneyValue
from app.values.point import Point as PointValue
from app.values.window import Window, ZonedWindow
from schema.context import Info
from schema.ids import key_of, to_global
from schema.onto import onto, shown
from schema.places import Node, node_id
from schema.values import Money, Point, TimeWindow
from schema.words import TourRunStatus, VehicleKind


@onto(Load, description="What a tour carries on all its trips.")
class TourLoad:
    """A load."""

    orders: int = strawberry.field(description="Drops.")
    volume_ml: int = strawberry.field(name="volumeMillilitres", description="Whole volume.")
    weight_g: int = strawberry.field(name="weightGrams", description="Weight.")
    chilled_ml: int = strawberry.field(name="chilledMillilitres", description="Chilled part of the volume.")
    frozen_ml: int = strawberry.field(name="frozenMillilitres", description="Frozen part of the volume.")


@onto(StopRow, description="One halt of a vehicle, for one drop.")
class Stop:
    """A stop."""

    position: int = strawberry.field(description="Its place among the stops of the tour, from 1.")
    trip: int = strawberry.field(description="After which loading, from 1.")
    arrives_at: datetime = strawberry.field(
        name="arrivesAt", description="When it looks for a parking place."
    )
    starts_at: datetime = strawberry.field(
        name="plannedArrival", description="When the goods are to be handed over."
    )
    leaves_at: datetime = strawberry.field(name="leavesAt", description="When it drives on.")

    @strawberry.field(name="bookingId", description="The booking; its own shop can read it.")
    def of_booking(self) -> strawberry.ID:
        """The booking."""
        row: StopRow = shown(self)
        return to_global("DeliveryBooking", row.booking_id)

    @strawberry.field(description="The booking's code, for people.")
    def booking_code(self) -> str:
        """The code."""
        row: StopRow = shown(self)
        return short_code(row.booking_id)

    @strawberry.field(name="lockerId", description="The locker that it is at; null at the door.")
    def at_locker(self) -> strawberry.ID | None:
        """The locker."""
        row: StopRow = shown(self)
        return to_global("CollectionPoint", row.locker_id) if row.locker_id else None

    @strawberry.field(description="Where it is.")
    def point(self) -> Point:
        """The place."""
        row: StopRow = shown(self)
        return shown(PointValue(row.latitude, row.longitude))


@onto(TourRunRow, description="One search for the tours of a node and day, whatever became of it.")
class TourRun(Node):
    """A run."""

    id: strawberry.ID = node_id("TourRun")
    day: date = strawberry.field(description="The local day.")
    status: TourRunStatus = strawberry.field(description="What became of it.")
    trigger: str = strawberry.field(description="Why it was begun.")
    started_at: datetime = strawberry.field(description="When it was begun.")
    finished_at: datetime | None = strawberry.field(description="When it ended.")
    streets: str | None = strawberry.field(
        description="Who gave the travel times: streets of a map, or straight lines and why."
    )
    message: str | None = strawberry.field(description="Why it was not published, in a sentence.")
    drops: int = strawberry.field(description="Drops that its tours bring.")
    trips: int = strawberry.field(description="Loadings of all its tours.")
    distance_m: int = strawberry.field(name="distanceMetres", description="Of all its tours.")
    overtime_s: int = strawberry.field(name="overtimeSeconds", description="Of all its tours.")
    solver_s: float = strawberry.field(name="solverSeconds", description="Seconds of the search.")

    @strawberry.field(name="nodeId", description="The node.")
    def of_node(self) -> strawberry.ID:
        """The node."""
        row: TourRunRow = shown(self)
        return to_global("FulfilmentNode", row.node_id)

    @strawberry.field(description="Ways, overtime and what had to be left out.")
    def cost(self) -> Money:
        """The cost."""
        row: TourRunRow = shown(self)
        return shown(MoneyValue(row.cost_minor, row.currency))

    @strawberry.field(
        name="leftOut", description="Bookings that no tour can bring in their window: somebody else must."
    )
    def left_out_ids(self) -> list[strawberry.ID]:
        """The bookings."""
        row: TourRunRow = shown(self)
        return [to_global("DeliveryBooking", booking_id) for booking_id in row.left_out]


@strawberry.type(
    description="The way of one trip along the streets; there is none where straight lines gave its times."
)
class TourLine:
    """A way."""

    trip: int = strawberry.field(description="After which loading, from 1.")
    points: list[Point] = strawberry.field(description="From the node past every stop and back.")


@onto(SeenTour, description="What one vehicle does in one shift.")
class Tour(Node):
    """A tour."""

    id: strawberry.ID = node_id("Tour", attrgetter("row.id"))
    load: TourLoad = strawberry.field(description="What it carries.")
    stops: list[Stop] = strawberry.field(description="In their order.")

    @strawberry.field(description="The local day.")
    def day(self) -> date:
        """The day."""
        return _tour(self).row.day

    @strawberry.field(name="nodeId", description="The node.")
    def of_node(self) -> strawberry.ID:
        """The node."""
        return to_global("FulfilmentNode", _tour(self).row.node_id)

    @strawberry.field(description="The vehicle's name.")
    def vehicle(self) -> str:
        """The vehicle."""
        return _tour(self).vehicle.name

    @strawberry.field(description="What drives.")
    def vehicle_kind(self) -> VehicleKind:
        """The kind."""
        return _tour(self).kind.kind

    @strawberry.field(description="The driver's shift.")
    def shift(self) -> TimeWindow:
        """The shift."""
        row = _tour(self).row
        return shown(ZonedWindow(Window(row.shift_starts_at, row.shift_ends_at), "UTC"))

    @strawberry.field(description="When it leaves the node.")
    def leaves_at(self) -> datetime:
        """The begin."""
        return _tour(self).row.leaves_at

    @strawberry.field(description="When it is back.")
    def returns_at(self) -> datetime:
        """The end."""
        return _tour(self).row.returns_at

    @strawberry.field(name="overtimeSeconds", description="What it comes back after its shift.")
    def overtime_s(self) -> int:
        """The overtime."""
        return _tour(self).row.overtime_s

    @strawberry.field(name="distanceMetres", description="What it drives.")
    def distance_m(self) -> int:
        """The distance."""
        return _tour(self).row.distance_m

    @strawberry.field(description="How often it is loaded.")
    def trips(self) -> int:
        """The trips."""
        return _tour(self).row.trips

    @strawberry.field(description="Who gave its travel times.")
    def streets(self) -> str:
        """The source."""
        return _tour(self).row.streets

    @strawberry.field(
        description="The ways of its trips on a map: along the streets where these gave its times."
    )
    async def lines(self, info: Info) -> list[TourLine]:
        """The ways."""
        tour_id = _tour(self).row.id
        found = await info.context.read(lambda conn, _: tour_lines(conn, [tour_id]))
        return [
            TourLine(trip=trip, points=[shown(PointValue(lat, lon)) for lat, lon in line])
            for trip, line in found.get(tour_id, {}).items()
        ]

    @strawberry.field(description="The driver's pauses.")
    def breaks(self) -> list[TimeWindow]:
        """The pauses."""
        return shown(
            [
                ZonedWindow(
                    Window(
                        datetime.fromisoformat(pause["starts_at"]), datetime.fromisoformat(pause["ends_at"])
                    ),
                    "UTC",
                )
                for pause in _tour(self).row.breaks
            ]
        )

    @strawberry.field(description="The search that found it.")
    async def run(self, info: Info) -> TourRun | None:
        """The run."""
        run_id = _tour(self).row.run_id
        return shown(await info.context.read(lambda conn, _: tour_run(conn, run_id)))


def _tour(tour: Tour) -> SeenTour:
    found: SeenTour = shown(tour)
    return found


async def tours(
    info: Info,
    day: Annotated[date, strawberry.argument(description="The local day.")],
    node_id: Annotated[strawberry.ID | None, strawberry.argument(description="Only of this node.")] = None,
) -> list[Tour] | None:
    """The tours of a day."""
    _operators_only(info)
    node = key_of("FulfilmentNode", node_id) if node_id else None
    return shown(await info.context.read(lambda conn, _: tours_of(conn, day=day, node_id=node)))


async def runs(
    info: Info,
    day: Annotated[date, strawberry.argument(description="The local day.")],
    node_id: Annotated[strawberry.ID | None, strawberry.argument(description="Only of this node.")] = None,
) -> list[TourRun] | None:
    """The searches of a day."""
    _operators_only(info)
    node = key_of("FulfilmentNode", node_id) if node_id else None
    return shown(await info.context.read(lambda conn, _: tour_runs(conn, day=day, node_id=node)))


async def tour(info: Info, id: strawberry.ID) -> Tour | None:
    """The tour with this id."""
    _operators_only(info)
    return shown(await by_key(info, "Tour", key_of("Tour", id)))


async def by_key(info: Info, kind: str, key: str) -> Node | None:
    """The tour or the search with this key, for operators; null for others."""
    if not info.context.actor.is_operator:
        return None
    if kind == "TourRun":
        return shown(await info.context.read(lambda conn, _: tour_run(conn, key)))
    return shown(next(iter(await info.context.read(lambda conn, _: tours_of(conn, tour_id=key))), None))


def _operators_only(info: Info) -> None:
    if not info.context.actor.is_operator:
        raise OperatorsOnly()
