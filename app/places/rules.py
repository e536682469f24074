"""Where things are: decisions about the map."""

from enum import StrEnum


class NodeKind(StrEnum):
    """What kind of place picks the order."""

    STORE = "STORE"
    DARK_STORE = "DARK_STORE"
    MICRO_FULFILMENT_CENTRE = "MICRO_FULFILMENT_CENTRE"
    WAREHOUSE = "WAREHOUSE"
    MICRO_HUB = "MICRO_HUB"
