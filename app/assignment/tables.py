"""Runs that assign bookings to pools, why each booking is where it is, and every move it made."""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.allocation.rules import RunStatus
from app.assignment.rules import AssignmentTrigger
from app.database.columns import words
from app.values.ids import new_id


class AssignmentFigures(SQLModel, table=True):
    """What moves, overtime and partner couriers are counted at, in minor units; a city without a row has
    these.

    A partner courier: a fee, so much a litre and a day since the promise. Overtime: the wage in basis
    points, and the share of a pool's work it may reach. A move before picking costs `early_moved_bp` of one
    after. Picked goods that must stay cold are delivered within `chilled_limit_min`.
    """

    __tablename__ = "assignment_figures"

    city_id: str = Field(foreign_key="city.id", primary_key=True)
    partner_minor: int = 1_400
    partner_litre_minor: int = 4
    partner_day_minor: int = 100
    overtime_bp: int = 15_000
    overtime_share_bp: int = 500
    bucket_moved_minor: int = 150
    node_moved_minor: int = 200
    class_moved_minor: int = 30
    early_moved_bp: int = 500
    chilled_limit_min: int = 240


class AssignmentRun(SQLModel, table=True):
    """One run that assigns a day's bookings to pools: what it was told, what it proved, what it changed.

    `problem` is the frozen problem as compressed JSON. Amounts are costs in minor units; `gap` is
    (objective - bound) / |bound|.
    """

    __tablename__ = "assignment_run"

    id: str = Field(default_factory=new_id, primary_key=True)
    status: RunStatus = Field(sa_type=words(RunStatus), index=True)
    trigger: AssignmentTrigger = Field(sa_type=words(AssignmentTrigger))
    day: date = Field(index=True)
    started_at: datetime
    finished_at: datetime | None = None
    currency: str
    orders: int = 0
    columns: int | None = None
    objective_minor: int | None = None
    bound_minor: int | None = None
    gap: float | None = None
    overtime_s: int | None = None
    partner_couriers: int | None = None
    moved: int | None = None
    narrowed: int | None = None
    solver_s: float | None = None
    disruption_id: str | None = Field(default=None, index=True)
    message: str | None = Field(default=None, sa_type=sa.Text)
    problem: bytes | None = Field(default=None, sa_type=sa.LargeBinary)


class BookingAllocation(SQLModel, table=True):
    """Why a booking is where it is: the last run that placed it, and what its choices cost then.

    `choices` are the chosen one and the next best, as [{pool, cost_minor, worth_minor, move_minor,
    scarcity_minor, work_s}]; the scarcity is the run's own price of the pool's minutes.
    """

    __tablename__ = "booking_allocation"

    booking_id: str = Field(foreign_key="delivery_booking.id", primary_key=True)
    run_id: str = Field(foreign_key="assignment_run.id", index=True)
    at: datetime
    pool_id: str | None = None
    partner_minor: int
    choices: list[Any] = Field(default_factory=list, sa_type=sa.JSON)


class BookingMove(SQLModel, table=True):
    """One change of the pool that serves a booking, inside what was promised: who, when, why.

    A pool that is null means a partner courier; without a run it was moved with better tentative tours, or
    for want of an answer to a proposal.
    """

    __tablename__ = "booking_move"

    id: str = Field(default_factory=new_id, primary_key=True)
    booking_id: str = Field(foreign_key="delivery_booking.id", index=True)
    at: datetime
    actor: str
    reason: str
    run_id: str | None = Field(default=None, foreign_key="assignment_run.id", index=True)
    disruption_id: str | None = Field(default=None, index=True)
    before_pool_id: str | None = Field(default=None, foreign_key="capacity_pool.id")
    after_pool_id: str | None = Field(default=None, foreign_key="capacity_pool.id")
