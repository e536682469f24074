"""What a slot costs: base, window, demand, handover; always inside the published band."""

from enum import StrEnum


class FeePartKind(StrEnum):
    """What a part of the fee pays for."""

    BASE = "BASE"
    WINDOW = "WINDOW"
    DEMAND = "DEMAND"
    HANDOVER = "HANDOVER"
    INCENTIVE = "INCENTIVE"
    PASS = "PASS"
    PROMOTION = "PROMOTION"
