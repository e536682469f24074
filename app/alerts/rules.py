"""What operators are alerted to."""

from enum import StrEnum


class AlertKind(StrEnum):
    """PLAN_FAILED: the solver gave no plan in time, or a wrong one. PLAN_REFUSED: the data cannot work.

    PLAN_STALE: no plan has been published for a day. ZONE_UNREACHABLE: nobody can deliver to a zone.
    FORECAST_FAILED, PRICES_STALE: no new forecast or prices; the last ones stay. TOURS_FAILED: no tours for
    a node and day; those published last stay. BOOKINGS_LEFT_OUT: tours were found that cannot bring all.
    ASSIGNMENT_FAILED: bookings could not be assigned anew; each stays where it is. DISRUPTION_UNREPAIRED:
    there is no plan for what a disruption took away.
    """

    PLAN_FAILED = "PLAN_FAILED"
    PLAN_REFUSED = "PLAN_REFUSED"
    PLAN_STALE = "PLAN_STALE"
    ZONE_UNREACHABLE = "ZONE_UNREACHABLE"
    FORECAST_FAILED = "FORECAST_FAILED"
    PRICES_STALE = "PRICES_STALE"
    TOURS_FAILED = "TOURS_FAILED"
    BOOKINGS_LEFT_OUT = "BOOKINGS_LEFT_OUT"
    ASSIGNMENT_FAILED = "ASSIGNMENT_FAILED"
    DISRUPTION_UNREPAIRED = "DISRUPTION_UNREPAIRED"
