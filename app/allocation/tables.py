"""Plan runs with their proof, as rows."""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.allocation.rules import RunStatus
from app.database.columns import words
from app.fleet.rules import VehicleKind
from app.values.ids import new_id


class AllocationRun(SQLModel, table=True):
    """One run of the planner: what it was told, what it proved, what became of it.

    `problem` and `plan` are question and answer as compressed JSON, so that any plan can be replayed and
    priced anew as bookings arrive; `outline` is what it sells and rosters, to be compared with the next.
    Amounts are contribution in minor units; `gap` is (bound - objective) / |objective|. `bound` is proved for
    travel as dense as planned, `chord_bound` for any travel.
    """

    __tablename__ = "allocation_run"

    id: str = Field(default_factory=new_id, primary_key=True)
    status: RunStatus = Field(sa_type=words(RunStatus), index=True)
    trigger: str
    started_at: datetime
    finished_at: datetime | None = None
    first_day: date
    days: int
    currency: str
    objective_minor: int | None = None
    bound_minor: int | None = None
    chord_bound_minor: int | None = None
    gap: float | None = None
    solver_s: float | None = None
    build_s: float | None = None
    columns: int | None = None
    message: str | None = Field(default=None, sa_type=sa.Text)
    problem: bytes | None = Field(default=None, sa_type=sa.LargeBinary)
    plan: bytes | None = Field(default=None, sa_type=sa.LargeBinary)
    outline: bytes | None = Field(default=None, sa_type=sa.LargeBinary)


class DayPlan(SQLModel, table=True):
    """The certificate of one day of a run."""

    __tablename__ = "day_plan"

    run_id: str = Field(foreign_key="allocation_run.id", primary_key=True)
    day: date = Field(primary_key=True)
    objective_minor: int
    bound_minor: int
    chord_bound_minor: int | None = None
    gap: float
    solver_s: float
    columns: int
    vehicles: int
    planned_orders: float


class BindingLimit(SQLModel, table=True):
    """A limit that stopped the plan from being better, and what one more unit of it is worth."""

    __tablename__ = "binding_limit"

    id: str = Field(default_factory=new_id, primary_key=True)
    run_id: str = Field(foreign_key="allocation_run.id", index=True)
    limit_name: str
    node_name: str | None = None
    zone_name: str | None = None
    vehicle_kind: VehicleKind | None = Field(default=None, sa_type=words(VehicleKind))
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    worth_minor: int
    currency: str
    unit: str


class ZoneOpening(SQLModel, table=True):
    """Which windows a plan opens in a zone on a day, where an opening rule makes it choose.

    `opened` and `unopened` are elementary windows as [[start, end], ...] in ISO 8601, UTC; `short_orders`
    is what the zone is served below the least its rule asks for, `short_windows` what it has open below it.
    """

    __tablename__ = "zone_opening"

    run_id: str = Field(foreign_key="allocation_run.id", primary_key=True)
    day: date = Field(primary_key=True)
    zone_id: str = Field(foreign_key="service_zone.id", primary_key=True)
    opened: list[Any] = Field(sa_type=sa.JSON)
    unopened: list[Any] = Field(sa_type=sa.JSON)
    short_orders: float
    short_windows: float


class PriceRefresh(SQLModel, table=True):
    """Fresh worths of the minutes of a run's pools: when, why, and by how many changes of the ledger.

    `seen` is how many ledger entries the pools of each local day had by then; `pools` is how many pools
    got another worth.
    """

    __tablename__ = "price_refresh"

    id: str = Field(default_factory=new_id, primary_key=True)
    run_id: str = Field(foreign_key="allocation_run.id", index=True)
    at: datetime
    actor: str
    reason: str
    changes: int
    pools: int
    solver_s: float
    seen: dict[str, int] = Field(sa_type=sa.JSON)


class WorthChange(SQLModel, table=True):
    """The worth of a minute of a pool before and after a refresh, in millionths of a minor unit."""

    __tablename__ = "worth_change"

    refresh_id: str = Field(foreign_key="price_refresh.id", primary_key=True)
    pool_id: str = Field(foreign_key="capacity_pool.id", primary_key=True)
    before_micro: int
    after_micro: int


class PlanningFigures(SQLModel, table=True):
    """What the planner assumes of a city: the worth of orders, the price of carbon, who orders when.

    `demand` lists favourite windows as [{template, weight, saturday, sunday}], weights relative;
    `weekday_bp` is a day's demand in basis points of the average, Monday first. `incentive_minor` is
    what moves a flexible customer to the next window, `flexible_incentive_minor` to any of the same
    part of the day; `neighbours_bp` and `flexible_bp` are the shares of such customers. `shuttle_minor` is
    what bringing an order's goods to a centre costs where a vehicle loads there on its way. `opening` lets
    the plan choose which windows a zone has, by rules [{zones, least, most, cost_minor, service_bp}]: the
    first that names the zone (or no zones) counts, a zone without one is open wherever it pays.
    """

    __tablename__ = "planning_figures"

    city_id: str = Field(foreign_key="city.id", primary_key=True)
    currency: str
    margin_minor: int
    carbon_minor_per_tonne: int
    usable_bp: int
    small_orders_bp: int
    circuity_bp: int
    incentive_minor: int
    flexible_incentive_minor: int
    neighbours_bp: int
    flexible_bp: int
    weekday_bp: list[Any] = Field(sa_type=sa.JSON)
    demand: list[Any] = Field(sa_type=sa.JSON)
    shuttle_minor: int = 0
    opening: list[Any] = Field(default_factory=list, sa_type=sa.JSON)
