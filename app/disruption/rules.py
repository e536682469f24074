"""Kinds of disruption, what each takes away, and until when customers may answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.fleet.rules import VehicleKind

# Goods of a vehicle that failed on the road are at its node after so long, brought back or picked anew.
TAKEN_OVER = timedelta(minutes=30)
# One without a stated end is taken to last the next day too from so long before that day on.
LOOKING_AHEAD = timedelta(hours=12)
# A partner courier needs so long before a window ends; a customer so long to answer at least.
_PARTNER_NEEDS = timedelta(minutes=60)
_LEAST_ANSWER = timedelta(minutes=10)


class DisruptionKind(StrEnum):
    """What fails: a vehicle, the courier of one, a whole node, or a street for motor vehicles."""

    VEHICLE = "VEHICLE"
    COURIER = "COURIER"
    NODE = "NODE"
    STREET = "STREET"


class DisruptionStatus(StrEnum):
    """REPORTED until a plan repaired it; FAILED when none could be made."""

    REPORTED = "REPORTED"
    REPAIRED = "REPAIRED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Incident:
    """What is told: which fields matter depends on the kind.

    VEHICLE: its name. COURIER: the node and the kind of vehicle that nobody drives, or which vehicle it is.
    NODE: the node. STREET: its name. From `starts_at` until `ends_at`, or until it is said to be over.
    """

    kind: DisruptionKind
    starts_at: datetime
    ends_at: datetime | None
    reason: str
    vehicle_name: str | None = None
    node_id: str | None = None
    vehicle_kind: VehicleKind | None = None
    street_name: str | None = None


def lacking(incident: Incident) -> tuple[str, str] | None:
    """Which field of an incident is wrong or missing, and how to mend it; None where none is."""
    if incident.ends_at is not None and incident.ends_at <= incident.starts_at:
        return "endsAt", "A disruption ends after it starts."
    if not 1 <= len(incident.reason.strip()) <= 500:
        return "reason", "Say why, in 1 to 500 characters; the history keeps it."
    missing = {
        DisruptionKind.VEHICLE: (incident.vehicle_name, "vehicleName", "Name the vehicle."),
        DisruptionKind.COURIER: (
            incident.vehicle_name or (incident.node_id and incident.vehicle_kind),
            "vehicleKind" if incident.node_id else "nodeId",
            "Give the node and the kind of vehicle, or name the vehicle.",
        ),
        DisruptionKind.NODE: (incident.node_id, "nodeId", "Give the node."),
        DisruptionKind.STREET: (incident.street_name, "streetName", "Name the street."),
    }
    given, field, what = missing[incident.kind]
    return None if given else (field, what)


def alert_cause(disruption_id: str) -> str:
    """The cause of the alert that a disruption is not repaired."""
    return f"disruption:{disruption_id}"


def is_over(ends_at: datetime | None, ended_at: datetime | None, now: datetime) -> bool:
    """Whether a disruption has come to its stated end, or was said to be over."""
    return ended_at is not None or (ends_at is not None and ends_at <= now)


def answer_by(now: datetime, ends: Iterable[datetime]) -> datetime:
    """Until when customers may choose: while a partner courier can still keep the first of the promises."""
    return max(now + _LEAST_ANSWER, min(ends) - _PARTNER_NEEDS)
