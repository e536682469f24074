"""What moving, overtime and partner couriers cost, and which bookings may still change their pool."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from app.values.load import Load
from app.values.window import Window


class AssignmentTrigger(StrEnum):
    """What a run was begun for: the hour, a cut-off, a disruption, or because an operator wanted it."""

    HOUR = "HOUR"
    CUTOFF = "CUTOFF"
    DISRUPTION = "DISRUPTION"
    OPERATOR = "OPERATOR"


class Figures(Protocol):
    """The prices of a plan that is changed, in minor units; see `AssignmentFigures`."""

    partner_minor: int
    partner_litre_minor: int
    partner_day_minor: int
    overtime_bp: int
    overtime_share_bp: int
    bucket_moved_minor: int
    node_moved_minor: int
    class_moved_minor: int
    early_moved_bp: int


class PoolPlace(Protocol):
    """Where and when a pool works."""

    node_id: str
    vehicle_class_id: str
    starts_at: datetime


def partner_minor(figures: Figures, *, volume_ml: int, promised_for: timedelta) -> float:
    """What a partner courier is counted at: a fee, so much a litre, and more the older the promise is."""
    days = min(10.0, max(0.0, promised_for.total_seconds() / 86_400))
    litres = volume_ml / 1_000
    return figures.partner_minor + figures.partner_litre_minor * litres + figures.partner_day_minor * days


def move_minor(figures: Figures, before: PoolPlace, after: PoolPlace, *, picked: bool) -> float:
    """The price of disturbing the running plan: other time, other node, other class of vehicles.

    Before anything is picked a move disturbs nobody, and costs a small part, so that pennies move nothing;
    where tentative tours have chosen the pool it disturbs them, and counts as if it were `picked`.
    """
    price = (
        figures.bucket_moved_minor * (before.starts_at != after.starts_at)
        + figures.node_moved_minor * (before.node_id != after.node_id)
        + figures.class_moved_minor * (before.vehicle_class_id != after.vehicle_class_id)
    )
    return price if picked else price * figures.early_moved_bp / 10_000


def overtime_s(figures: Figures, sell: Load, cap: Load) -> int:
    """The most work of a pool beyond what it sells: a share of it, as far as vehicles are there."""
    share = sell.work_s * figures.overtime_share_bp // 10_000
    return max(0, min(share, cap.work_s - sell.work_s))


def keeps_cold(bucket: Window, now: datetime, limit: timedelta) -> bool:
    """Whether picked goods that must stay cold are there in time."""
    return bucket.end <= now + limit
