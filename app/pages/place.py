"""Where a form says that the goods shall go: an address, or a collection point."""

from __future__ import annotations

from app.places.collection_points import place_of_collection
from app.places.rules import AddressQuery, Place
from app.world.world import World

# What stands before the id of a collection point where a form names an address.
COLLECT = "collect:"


async def located(world: World, address: str) -> Place:
    """The place that a form names by an id; raises AddressNotFound."""
    if address.startswith(COLLECT):
        key = address.removeprefix(COLLECT)
        return await world.db.read(lambda conn, _: place_of_collection(conn, collection_point_id=key))
    return await world.geocoder.locate(AddressQuery(id=address))
