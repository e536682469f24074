"""Addresses and zones."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import strawberry
from graphql import GraphQLError

from app.places.collection_points import place_of_collection
from app.places.find_address import find_address
from app.places.rules import AddressQuery, Place
from app.places.tables import Address
from app.places.tables import CollectionPoint as CollectionPointRow
from app.places.tables import ServiceZone as ServiceZoneRow
from schema.context import Info
from schema.ids import key_of, to_global
from schema.onto import onto, shown
from schema.plan import READS
from schema.values import CountryCode, Point, PointInput, TimeZone

MAX_SUGGESTIONS = 10


@strawberry.interface(description="Anything that can be fetched again by its id.")
class Node:
    """A thing with an id."""

    id: strawberry.ID = strawberry.field(description="Opaque, unique over the graph.")


def node_id(kind: str, key: Callable[[Any], str] = attrgetter("id")) -> Any:
    """The field `id` of a type: opaque, made of the type and the key of its row."""

    def read(row: Any) -> strawberry.ID:
        return to_global(kind, key(row))

    def resolve(root: strawberry.Parent[Any]) -> strawberry.ID:
        return read(root)

    return strawberry.field(
        resolver=resolve, description="Opaque, unique over the graph.", metadata={READS: read}
    )


@onto(ServiceZoneRow, description="A served area.")
class ServiceZone(Node):
    """A zone."""

    id: strawberry.ID = node_id("ServiceZone")
    name: str = strawberry.field(description="What people call it.")
    time_zone: TimeZone = strawberry.field(description="Its wall clock.")


@onto(Address, description="A known address that matches what was typed.")
class AddressSuggestion:
    """A suggestion."""

    id: strawberry.ID = node_id("Address")
    label: str = strawberry.field(description="As people write it.")
    point: Point = strawberry.field(description="Where it is.")


@onto(
    CollectionPointRow,
    description="A place where customers may collect: hold its windows with its id as the address.",
)
class CollectionPoint(Node):
    """A collection point."""

    id: strawberry.ID = node_id("CollectionPoint")
    key: str = strawberry.field(description="What operators call it.")
    name: str = strawberry.field(description="For people.")
    address_label: str = strawberry.field(name="address", description="As people write it.")
    point: Point = strawberry.field(description="Where it is.")
    locker: bool = strawberry.field(description="Whether it is a locker, which is accepted beside a door.")
    kept_h: int = strawberry.field(
        name="keptHours", description="How long goods may stay in a locker after their window."
    )


@strawberry.type(description="The place that was understood, and the zone that serves it.")
class ResolvedAddress:
    """A located address."""

    label: str = strawberry.field(description="As people write it.")
    point: Point = strawberry.field(description="Where it is.")
    zone: ServiceZone = strawberry.field(description="The zone that serves it.")


@strawberry.input(description="An address in writing.")
class PostalAddressInput:
    """A written address."""

    line1: str = strawberry.field(description="Street and house number.")
    line2: str | None = strawberry.field(default=None, description="Floor, door, company.")
    city: str | None = strawberry.field(default=None, description="Town; must fit the address if given.")
    postal_code: str | None = strawberry.field(default=None, description="Must fit the address if given.")
    country_code: CountryCode = strawberry.field(description="Its country; must fit the address.")


@strawberry.input(
    one_of=True,
    description="Exactly one of: an id from addressSuggestions, in writing, a point, a collection point.",
)
class AddressInput:
    """How a caller names an address."""

    id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="An id from addressSuggestions.")
    postal: strawberry.Maybe[PostalAddressInput] = strawberry.field(description="In writing.")
    point: strawberry.Maybe[PointInput] = strawberry.field(description="On the ground.")
    collection_point_id: strawberry.Maybe[strawberry.ID] = strawberry.field(
        description="From collectionPoints or SlotOpening."
    )

    def query(self) -> AddressQuery:
        """What the geocoder is asked."""
        if self.id is not None:
            return AddressQuery(id=key_of("Address", self.id.value))
        if self.point is not None:
            return AddressQuery(point=self.point.value.value())
        if self.postal is None:
            raise GraphQLError("Give exactly one of id, postal, point, collectionPointId.")
        written = self.postal.value
        return AddressQuery(
            line1=written.line1,
            line2=written.line2,
            city=written.city,
            postal_code=written.postal_code,
            country_code=written.country_code,
        )


async def located(info: Info, address: AddressInput) -> Place:
    """The place a caller means; raises AddressNotFound."""
    if address.collection_point_id is not None:
        key = key_of("CollectionPoint", address.collection_point_id.value)
        return await info.context.read(lambda conn, _: place_of_collection(conn, collection_point_id=key))
    return await info.context.world.geocoder.locate(address.query())


async def address_suggestions(info: Info, text: str, first: int = 5) -> list[AddressSuggestion] | None:
    """Type-ahead."""
    if not 1 <= first <= MAX_SUGGESTIONS:
        raise GraphQLError(f"first: ask for 1 to {MAX_SUGGESTIONS}.")
    return shown(await info.context.read(lambda conn, _: find_address(conn, text=text, limit=first)))
