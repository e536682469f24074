"""Places where customers collect what they ordered."""

import enum
from typing import Annotated

import strawberry
from graphql import GraphQLError

from app.booking.save_point import save_point as save_verb
from app.errors import Refusal
from app.places.collection_points import collection_points_near
from app.places.remove_collection_point import remove_collection_point as remove_verb
from app.places.rules import CompartmentSize
from schema.context import Info
from schema.errors import UserError, attempted, user_errors
from schema.onto import shown
from schema.places import AddressInput, CollectionPoint, located
from schema.values import PointInput

MAX_POINTS = 50


@strawberry.enum(description="Why a collection point cannot be written or removed.")
class PlaceErrorCode(enum.Enum):
    """Codes of places."""

    OPERATORS_ONLY = "OPERATORS_ONLY"
    OUT_OF_ZONE = "OUT_OF_ZONE"
    INVALID_COLLECTION_POINT = "INVALID_COLLECTION_POINT"
    INVALID_LOCKER = "INVALID_LOCKER"
    COLLECTION_POINT_NOT_FOUND = "COLLECTION_POINT_NOT_FOUND"
    BUSY = "BUSY"


@strawberry.type(description="A refusal of a collection point.")
class PlaceUserError(UserError):
    """A refusal of a place."""

    code: PlaceErrorCode = strawberry.field(description="The refusal in a word.")


@strawberry.input(description="Compartments of one size; each takes the goods of one order.")
class CompartmentInput:
    """A size."""

    volume_millilitres: int = strawberry.field(description="What one of them holds.")
    count: int = strawberry.field(description="How many there are, 0 to 1000.")


@strawberry.input(description="A place where customers may collect; a known key changes it.")
class CollectionPointInput:
    """A collection point, as told."""

    key: str = strawberry.field(description="What operators call it.")
    name: str = strawberry.field(description="For people.")
    address: str = strawberry.field(description="As people write it.")
    point: PointInput = strawberry.field(description="Where it is; it must lie in a served zone.")
    locker: bool = strawberry.field(
        default=False, description="It is a locker: accepted beside a door, no address of its own."
    )
    compartments: list[CompartmentInput] | None = strawberry.field(
        default=None,
        description="For a locker: how many compartments of which size it has; null leaves what is known.",
    )
    kept_hours: int | None = strawberry.field(
        default=None,
        description="For a locker: how long goods may stay in it after their window, 1 to 168, at first 24.",
    )


@strawberry.input(description="Which collection point goes.")
class RemoveCollectionPointInput:
    """A removal."""

    key: str = strawberry.field(description="What operators call it.")


@strawberry.type(description="What came of it.")
class CollectionPointPayload:
    """The answer."""

    collection_point: CollectionPoint | None = strawberry.field(description="Null when refused.")
    user_errors: list[PlaceUserError] = strawberry.field(description="Empty when it worked.")


async def collection_points(
    info: Info,
    near: Annotated[AddressInput, strawberry.argument(description="From where.")],
    first: Annotated[int, strawberry.argument(description="How many, at most 50.")] = 5,
    lockers: Annotated[
        bool, strawberry.argument(description="Lockers, instead of those that are addresses of their own.")
    ] = False,
) -> list[CollectionPoint] | None:
    """The nearest first."""
    if not 1 <= first <= MAX_POINTS:
        raise GraphQLError(f"first: ask for 1 to {MAX_POINTS}.")
    place = await located(info, near)
    found = await info.context.read(
        lambda conn, _: collection_points_near(conn, point=place.point, limit=first, lockers=lockers)
    )
    return shown(found)


async def save_collection_point(info: Info, input: CollectionPointInput) -> CollectionPointPayload | None:
    """Write."""
    point = input.point.value()
    told = input.compartments
    sizes = None if told is None else [CompartmentSize(one.volume_millilitres, one.count) for one in told]
    saved, refusal = await attempted(
        info.context.write(
            lambda conn, now: save_verb(
                conn,
                now=now,
                actor=info.context.actor,
                key=input.key,
                name=input.name,
                address_label=input.address,
                point=point,
                locker=input.locker,
                compartments=sizes,
                kept_h=input.kept_hours,
            )
        )
    )
    return CollectionPointPayload(collection_point=shown(saved), user_errors=place_errors(refusal))


async def remove_collection_point(
    info: Info, input: RemoveCollectionPointInput
) -> CollectionPointPayload | None:
    """Take away."""
    removed, refusal = await attempted(
        info.context.write(lambda conn, _: remove_verb(conn, actor=info.context.actor, key=input.key))
    )
    return CollectionPointPayload(collection_point=shown(removed), user_errors=place_errors(refusal))


def place_errors(refusal: Refusal | None) -> list[PlaceUserError]:
    """A refusal of a collection point."""
    return user_errors(refusal, PlaceUserError, PlaceErrorCode)


@strawberry.type(description="Where customers may collect.")
class CollectionPointQuery:
    """Reads."""

    collection_points: list[CollectionPoint] | None = strawberry.field(
        resolver=collection_points,
        description="Places where customers may collect what they ordered, the nearest first.",
    )


@strawberry.type(description="What operators write of it.")
class CollectionPointMutation:
    """Writes."""

    save_collection_point: CollectionPointPayload | None = strawberry.mutation(
        resolver=save_collection_point,
        description="For operators: write a place where customers may collect.",
    )
    remove_collection_point: CollectionPointPayload | None = strawberry.mutation(
        resolver=remove_collection_point,
        description="For operators: offer a collection point no more; what was booked there stays.",
    )
