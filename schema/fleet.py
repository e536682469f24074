"""What vehicles with their crews can do, and what operators say of it."""

import enum
from datetime import datetime

import strawberry
from sqlalchemy import Connection

from app.booking.describe_class import DescribedClass
from app.booking.describe_class import describe_class as describe_verb
from app.errors import OperatorsOnly, Refusal
from app.fleet.queries import class_by_id
from app.fleet.queries import vehicle_classes as all_classes
from app.fleet.tables import VehicleClass as VehicleClassRow
from schema.context import Info
from schema.errors import UserError, attempted, user_errors
from schema.ids import key_of, to_global
from schema.onto import onto, shown
from schema.places import Node, node_id
from schema.words import VehicleKind, VehicleSkill


@strawberry.enum(description="Why a class of vehicles cannot be described.")
class FleetErrorCode(enum.Enum):
    """Codes of the fleet."""

    OPERATORS_ONLY = "OPERATORS_ONLY"
    VEHICLE_CLASS_NOT_FOUND = "VEHICLE_CLASS_NOT_FOUND"
    REASON_MISSING = "REASON_MISSING"
    BUSY = "BUSY"


@strawberry.type(description="A refusal of the fleet.")
class FleetUserError(UserError):
    """A refusal."""

    code: FleetErrorCode = strawberry.field(description="The refusal in a word.")


def fleet_errors(refusal: Refusal | None) -> list[FleetUserError]:
    """A refusal of the fleet."""
    return user_errors(refusal, FleetUserError, FleetErrorCode)


@onto(VehicleClassRow, description="Vehicles that are alike, with their crews.")
class VehicleClass(Node):
    """A class."""

    id: strawberry.ID = node_id("VehicleClass")
    key: str = strawberry.field(description="What operators call it.")
    name: str = strawberry.field(description="For people.")
    kind: VehicleKind = strawberry.field(description="What customers see coming.")

    @strawberry.field(description="What they can do beyond litres and grams.")
    def skills(self) -> list[VehicleSkill]:
        """In a stable order."""
        row: VehicleClassRow = shown(self)
        return sorted(row.able)

    @strawberry.field(description="Whether nobody has said so, and it is what is usual for their kind.")
    def usual(self) -> bool:
        """Whether it is the default."""
        row: VehicleClassRow = shown(self)
        return row.skills is None


@strawberry.input(description="What the vehicles of a class with their crews can do from now on.")
class DescribeVehicleClassInput:
    """A description."""

    vehicle_class_id: strawberry.ID = strawberry.field(description="Which class.")
    skills: list[VehicleSkill] | None = strawberry.field(
        default=None, description="All that they can do; null: what is usual for their kind."
    )
    reason: str = strawberry.field(description="Why, as the history has it.")
    dry_run: bool = strawberry.field(default=False, description="Only tell what it would do.")


@strawberry.type(description="What came of it.")
class DescribeVehicleClassPayload:
    """The answer."""

    vehicle_class: VehicleClass | None = strawberry.field(description="As it is now; null when refused.")
    unable: list[strawberry.ID] = strawberry.field(
        description="Bookings that it cannot bring any more: other vehicles are found for them,"
        " inside what was promised."
    )
    user_errors: list[FleetUserError] = strawberry.field(description="Empty when it worked.")


async def vehicle_classes(info: Info) -> list[VehicleClass] | None:
    """All of them."""
    if not info.context.actor.is_operator:
        raise OperatorsOnly
    return shown(await info.context.read(lambda conn, _: all_classes(conn)))


async def class_seen(info: Info, key: str) -> VehicleClass | None:
    """One of them; operators only."""
    if not info.context.actor.is_operator:
        return None
    return shown(await info.context.read(lambda conn, _: class_by_id(conn, key)))


async def describe_vehicle_class(
    info: Info, input: DescribeVehicleClassInput
) -> DescribeVehicleClassPayload | None:
    """Say what a class can do."""
    key = key_of("VehicleClass", input.vehicle_class_id)

    def work(conn: Connection, now: datetime) -> DescribedClass:
        return describe_verb(
            conn,
            now=now,
            actor=info.context.actor,
            class_id=key,
            skills=None if input.skills is None else frozenset(input.skills),
            reason=input.reason,
            dry_run=input.dry_run,
        )

    found, refusal = await attempted(info.context.write(work))
    return DescribeVehicleClassPayload(
        vehicle_class=shown(found.kind) if found else None,
        unable=[to_global("DeliveryBooking", one.id) for one in found.unable] if found else [],
        user_errors=fleet_errors(refusal),
    )


@strawberry.type(description="What vehicles can do.")
class FleetQuery:
    """Reads."""

    vehicle_classes: list[VehicleClass] | None = strawberry.field(
        resolver=vehicle_classes,
        description="For operators: the classes of vehicles with what they and their crews can do.",
    )


@strawberry.type(description="What operators say of vehicles.")
class FleetMutation:
    """Writes."""

    describe_vehicle_class: DescribeVehicleClassPayload | None = strawberry.mutation(
        resolver=describe_vehicle_class,
        description="For operators: say what the vehicles of a class with their crews can do. Offers heed it"
        " at once; bookings that they cannot bring any more go to others.",
    )
