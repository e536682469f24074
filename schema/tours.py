"""Tentative tours: what each vehicle of the plan would bring as of now."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated

import strawberry
from sqlalchemy import Connection

from app.booking.queries import bookings_on
from app.errors import OperatorsOnly
from app.tours.seen import SeenSheet, SeenStop, SeenTour, seen_tours
from schema.context import Info
from schema.ids import key_of, to_global
from schema.onto import onto, shown
from schema.values import Point, TimeWindow
from schema.words import TourStep, VehicleKind


@strawberry.type(description="One step of a tentative tour.")
class TentativeStep:
    """A step."""

    what: TourStep = strawberry.field(description="What happens there.")
    hold_id: strawberry.ID | None = strawberry.field(description="Of a stop: the hold that it is for.")
    booking_id: strawberry.ID | None = strawberry.field(
        description="The booking that the hold became, if so."
    )
    point: Point = strawberry.field(description="Where.")
    window: TimeWindow | None = strawberry.field(description="Of a stop: what is promised.")
    earliest: datetime | None = strawberry.field(
        description="When it begins if nothing more comes in before it; null while unplaced."
    )
    latest: datetime | None = strawberry.field(
        description="How late it may begin without anybody after it being late; null while unplaced."
    )


@strawberry.type(description="What one vehicle of the plan would do in its shift.")
class TentativeTour:
    """A tour."""

    vehicle_class: str = strawberry.field(description="The class of vehicle, for people.")
    vehicle_kind: VehicleKind = strawberry.field(description="What drives.")
    shift: TimeWindow = strawberry.field(description="Its shift.")
    distance_m: int = strawberry.field(name="distanceMetres", description="All of its ways, there and back.")
    steps: list[TentativeStep] = strawberry.field(description="In order.")


@onto(SeenSheet, description="The tentative tours of a node on a local day: they decide what is offered.")
class TentativeTours:
    """A sheet."""

    day: date = strawberry.field(name="date", description="The local day.")
    version: int = strawberry.field(description="Grows with every change.")
    changed_at: datetime = strawberry.field(description="When it changed last.")
    improved_at: datetime | None = strawberry.field(description="When better tours were found last.")

    streets: str = strawberry.field(description="Who gave the times of its ways.")

    @strawberry.field(name="nodeId", description="The node.")
    def of_node(self) -> strawberry.ID:
        """The node."""
        sheet: SeenSheet = shown(self)
        return to_global("FulfilmentNode", sheet.node_id)

    @strawberry.field(description="Every way is taken to last so much longer than estimated, in percent.")
    def margin_percent(self) -> float:
        """The margin."""
        sheet: SeenSheet = shown(self)
        return sheet.margin_bp / 100

    @strawberry.field(description="The vehicles, also those with nothing to bring yet.")
    async def tours(self, info: Info) -> list[TentativeTour]:
        """The tours."""
        sheet: SeenSheet = shown(self)
        booked = await _bookings(info, sheet)
        return [_tour(tour, booked) for tour in sheet.tours]

    @strawberry.field(description="What was promised and no tour can bring as of now.")
    async def unplaced(self, info: Info) -> list[TentativeStep]:
        """The stops."""
        sheet: SeenSheet = shown(self)
        booked = await _bookings(info, sheet)
        return [_step(stop, booked) for stop in sheet.unplaced]


async def tentative_tours(
    info: Info,
    node_id: Annotated[strawberry.ID, strawberry.argument(description="The fulfilment node.")],
    day: Annotated[date, strawberry.argument(description="The local day.")],
) -> TentativeTours | None:
    """Of a node and day, for operators; null where no plan has made any."""
    if not info.context.actor.is_operator:
        raise OperatorsOnly
    node = key_of("FulfilmentNode", node_id)
    return shown(await info.context.read(lambda conn, _: seen_tours(conn, node_id=node, day=day)))


async def _bookings(info: Info, sheet: SeenSheet) -> Mapping[str, str]:
    """The bookings that holds became, all in one statement."""
    stops = [*sheet.unplaced, *(step for tour in sheet.tours for step in tour.steps)]
    holds = [stop.reference for stop in stops if stop.reference]

    def look(conn: Connection, _now: datetime) -> Mapping[str, str]:
        return bookings_on(conn, hold_ids=holds)

    return await info.context.read(look)


def _tour(tour: SeenTour, booked: Mapping[str, str]) -> TentativeTour:
    return TentativeTour(
        vehicle_class=tour.vehicle_class,
        vehicle_kind=tour.vehicle_kind,
        shift=shown(tour.shift),
        distance_m=tour.distance_m,
        steps=[_step(step, booked) for step in tour.steps],
    )


def _step(step: SeenStop, booked: Mapping[str, str]) -> TentativeStep:
    booking = booked.get(step.reference or "")
    return TentativeStep(
        what=step.what,
        hold_id=to_global("SlotHold", step.reference) if step.reference else None,
        booking_id=to_global("DeliveryBooking", booking) if booking else None,
        point=shown(step.point),
        window=shown(step.window),
        earliest=step.earliest,
        latest=step.latest,
    )
