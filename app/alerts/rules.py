"""What operators are alerted to."""

from enum import StrEnum


class AlertKind(StrEnum):
    """PLAN_FAILED: the solver gave no plan in time, or a wrong one. PLAN_REFUSED: the data cannot work.

    PLAN_STALE: no plan has been published for a day. ZONE_UNREACHABLE: nobody can deliver to a zone.
    FORECAST_FAILED, PRICES_STALE: no new forecast or prices; the last ones stay.
    """

    PLAN_FAILED = "PLAN_FAILED"
    PLAN_REFUSED = "PLAN_REFUSED"
    PLAN_STALE = "PLAN_STALE"
    ZONE_UNREACHABLE = "ZONE_UNREACHABLE"
    FORECAST_FAILED = "FORECAST_FAILED"
    PRICES_STALE = "PRICES_STALE"
