"""What places refuses."""

from app.errors import Invalid, NotFound, Refusal


class OutOfZone(Refusal):
    """We do not deliver to this address yet; try one of addressSuggestions."""


class AddressNotFound(NotFound):
    """We do not know the address {written}; pick one of addressSuggestions or send a point."""


class CollectionPointNotFound(NotFound):
    """There is no collection point with this key; it may have been removed already."""


class InvalidCollectionPoint(Invalid):
    """A collection point has a key, a name and an address of 1 to {most} printable characters each."""


class InvalidLocker(Invalid):
    """A locker has 1 to {sizes} sizes of compartments, each with its own volume and 0 to {count} of them, and
    keeps goods for 1 to {hours} h.
    """


class CityExists(Refusal):
    """The city {name} is loaded already; use an empty database to load it anew."""


class NothingToServe(Invalid):
    """{name} has no address and no building, so no zone can be drawn; give a file that has some."""
