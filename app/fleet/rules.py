"""What vehicles and shifts cost, how long a drop takes them, and what they emit."""

from enum import StrEnum


class VehicleKind(StrEnum):
    """The kind of vehicle a customer sees coming."""

    VAN = "VAN"
    ELECTRIC_VAN = "ELECTRIC_VAN"
    CARGO_BIKE = "CARGO_BIKE"
    BIKE = "BIKE"
    E_SCOOTER = "E_SCOOTER"
    MOPED = "MOPED"
    WALKER = "WALKER"


class PremiumKind(StrEnum):
    """When working costs more."""

    EVENING = "EVENING"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"
    HOLIDAY = "HOLIDAY"
