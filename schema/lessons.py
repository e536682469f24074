"""What tours and streets have taught the plan, for those who run the house."""

from datetime import datetime

import strawberry
from sqlalchemy import Connection

from app.allocation.learn import newest_law
from app.database.rows import rows, table_of
from app.errors import OperatorsOnly
from app.fleet.rules import Pace
from app.tours.street_paces import street_paces
from app.tours.tables import StreetPace as StreetPaceRow
from app.tours.tables import TravelLaw as TravelLawRow
from app.tours.tables import WorkScale as WorkScaleRow
from schema.context import Info
from schema.ids import to_global
from schema.onto import onto, shown


@onto(WorkScaleRow, description="Drops of a zone that take a class longer than was counted.")
class WorkScale:
    """A scale."""

    scale_bp: int = strawberry.field(
        name="scaleBasisPoints", description="11000: the plan counts a tenth more minutes per drop."
    )
    drops: int = strawberry.field(description="Drops of the last week that say so.")
    overtime_s: int = strawberry.field(name="overtimeSeconds", description="What their tours took too long.")
    fitted_at: datetime = strawberry.field(description="When it was learned.")

    @strawberry.field(name="zoneId", description="The zone.")
    def of_zone(self) -> strawberry.ID:
        """The zone."""
        row: WorkScaleRow = shown(self)
        return to_global("ServiceZone", row.zone_id)

    @strawberry.field(name="vehicleClassId", description="The class of vehicles.")
    def of_class(self) -> strawberry.ID:
        """The class."""
        row: WorkScaleRow = shown(self)
        return to_global("VehicleClass", row.vehicle_class_id)


@onto(TravelLawRow, description="km = kappa sqrt(area x drops x windows) + stem x 2 x distance x trips.")
class TravelLaw:
    """The law."""

    kappa: float = strawberry.field(description="Between drops.")
    stem: float = strawberry.field(description="Out and back.")
    samples: int = strawberry.field(description="Days of tours that it was fitted to.")
    mean_error: float = strawberry.field(description="How far off it is on them: 0.05 is 5 percent.")
    fitted_at: datetime = strawberry.field(description="When.")


@onto(StreetPaceRow, description="How the ways of a class from a node go on free streets, as measured.")
class StreetPace:
    """A pace; a node off the map has none."""

    @strawberry.field(name="nodeId", description="From here.")
    def of_node(self) -> strawberry.ID:
        """The node."""
        row: StreetPaceRow = shown(self)
        return to_global("FulfilmentNode", row.node_id)

    @strawberry.field(name="vehicleClassId", description="Of this class.")
    def of_class(self) -> strawberry.ID:
        """The class."""
        row: StreetPaceRow = shown(self)
        return to_global("VehicleClass", row.vehicle_class_id)

    @strawberry.field(description="How many times as long as straight lines ways are; null without streets.")
    def detour(self) -> float | None:
        """The detour."""
        pace = _pace(self)
        return pace.detour_bp / 10_000 if pace else None

    @strawberry.field(
        description="How fast straight lines go by, besides the seconds of each way; null without streets."
    )
    def speed_kmh(self) -> float | None:
        """The speed."""
        pace = _pace(self)
        return round(pace.line_kmh, 1) if pace else None

    @strawberry.field(description="What every way takes besides its metres; null without streets.")
    def seconds_each_way(self) -> int | None:
        """The seconds."""
        pace = _pace(self)
        return pace.leg_s if pace else None

    source: str = strawberry.field(description="Whose streets, or why they gave no answer.")
    measured_at: datetime = strawberry.field(description="When.")


def _pace(of: StreetPace) -> Pace | None:
    row: StreetPaceRow = shown(of)
    return row.pace


@strawberry.type(description="What tours and streets have taught the plan.")
class TourLessons:
    """Lessons."""

    street_paces: list[StreetPace] = strawberry.field(
        description="By node and class; where there is none, ways are straight lines at the class's speed."
    )

    work_scales: list[WorkScale] = strawberry.field(description="Zones and classes that take longer.")
    travel_law: TravelLaw | None = strawberry.field(description="The newest; null before there are any days.")


async def lessons(info: Info) -> TourLessons | None:
    """What was learned."""
    if not info.context.actor.is_operator:
        raise OperatorsOnly()

    def look(conn: Connection, _now: datetime) -> TourLessons:
        scale = table_of(WorkScaleRow)
        known = rows(conn, WorkScaleRow, scale.select().order_by(scale.c.scale_bp.desc(), scale.c.zone_id))
        return TourLessons(
            street_paces=shown(street_paces(conn)),
            work_scales=shown(known),
            travel_law=shown(newest_law(conn)),
        )

    return await info.context.read(look)
