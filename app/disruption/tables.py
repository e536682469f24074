"""Disruptions with their outcome, as rows."""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.database.columns import words
from app.disruption.rules import DisruptionKind, DisruptionStatus
from app.fleet.rules import VehicleKind
from app.values.ids import new_id


class Disruption(SQLModel, table=True):
    """What failed, who said so and why, and what became of the bookings it touched.

    `overrides` are the capacity it took away, as override by pool. `moved_silently` stayed inside their
    windows, `asked` were proposed others until `answer_by`; partner couriers bring the rest, then or later.
    `cost_minor` is that of partner couriers and overtime. It lasts until `ends_at`, or until `ended_at`
    where it was said to be over before, or where no end was stated.
    """

    id: str = Field(default_factory=new_id, primary_key=True)
    kind: DisruptionKind = Field(sa_type=words(DisruptionKind))
    status: DisruptionStatus = Field(
        default=DisruptionStatus.REPORTED, sa_type=words(DisruptionStatus), index=True
    )
    reason: str
    actor: str
    vehicle_id: str | None = Field(default=None, foreign_key="vehicle.id")
    node_id: str | None = Field(default=None, foreign_key="fulfilment_node.id")
    vehicle_kind: VehicleKind | None = Field(default=None, sa_type=words(VehicleKind))
    street_id: str | None = Field(default=None, foreign_key="street.id")
    day: date
    starts_at: datetime
    ends_at: datetime | None = None
    created_at: datetime
    overrides: dict[str, str] = Field(default_factory=dict, sa_type=sa.JSON)
    barred: list[Any] = Field(default_factory=list, sa_type=sa.JSON)
    # The local days (ISO) whose bookings wait for a plan.
    open_days: list[Any] = Field(default_factory=list, sa_type=sa.JSON)
    bookings: int = 0
    run_id: str | None = Field(default=None, foreign_key="assignment_run.id")
    repaired_at: datetime | None = None
    moved_silently: int | None = None
    asked: int | None = None
    partner_couriers: int | None = None
    cost_minor: int | None = None
    currency: str | None = None
    answer_by: datetime | None = None
    # Until when the bookings of its pools were looked after; one without a stated end goes on from there.
    covered_until: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None
    end_reason: str | None = None
    message: str | None = Field(default=None, sa_type=sa.Text)
