"""Tours, tentative and as they are driven, how they were found, and what they teach the plan, as rows."""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.database.columns import words
from app.fleet.rules import Pace
from app.tours.run_status import TourRunStatus
from app.values.ids import new_id


class TourSheet(SQLModel, table=True):
    """The tentative tours of one node on one local day.

    `frame` is what the plan said (vehicles, shifts, hours of zones), `stops` what is to be brought, in the
    order of the tours; both are packed by `app/tours/packing.py`. `version` counts changes for people. Every
    writing gives `stamp` a new value that was never used before, also one that is rolled back, so that a
    copy in memory with the same stamp is the same sheet.
    """

    __tablename__ = "tour_sheet"

    node_id: str = Field(foreign_key="fulfilment_node.id", primary_key=True)
    day: date = Field(primary_key=True)
    version: int = 1
    stamp: str
    frame_stamp: str
    frame: bytes = Field(sa_type=sa.LargeBinary)
    stops: bytes = Field(sa_type=sa.LargeBinary)
    # How many stops have come since the plan made it: every few the optimiser is asked.
    inserted: int = 0
    unplaced: int = 0
    run_id: str
    changed_at: datetime
    improved_at: datetime | None = None


class TourRun(SQLModel, table=True):
    """One search for the tours of a node and day: what it was told, who gave the times, what became of it.

    `left_out` are the ids of bookings that no tour can bring: they need somebody else. `problem` is the
    question as compressed JSON. The figures of the travel law: drops, trips, the served area, the mean
    distance of the drops from the node, and 4 h over the mean length of their windows.
    """

    __tablename__ = "tour_run"
    __table_args__ = (sa.Index("tour_run_of_day", "day", "node_id"),)

    id: str = Field(default_factory=new_id, primary_key=True)
    node_id: str = Field(foreign_key="fulfilment_node.id")
    day: date
    status: TourRunStatus = Field(sa_type=words(TourRunStatus))
    trigger: str
    started_at: datetime
    finished_at: datetime | None = None
    streets: str | None = Field(default=None, sa_type=sa.Text)
    message: str | None = Field(default=None, sa_type=sa.Text)
    drops: int = 0
    left_out: list[Any] = Field(default_factory=list, sa_type=sa.JSON)
    trips: int = 0
    distance_m: int = 0
    overtime_s: int = 0
    cost_minor: int = 0
    currency: str = "EUR"
    solver_s: float = 0.0
    iterations: int = 0
    area_m2: int = 0
    away_m: int = 0
    windows: float = 1.0
    problem: bytes | None = Field(default=None, sa_type=sa.LargeBinary)


class Tour(SQLModel, table=True):
    """What one vehicle does in one shift; `load_` sums its trips, `breaks` are [{starts_at, ends_at}]."""

    __table_args__ = (sa.Index("tour_of_day", "day", "node_id"),)

    id: str = Field(default_factory=new_id, primary_key=True)
    run_id: str = Field(foreign_key="tour_run.id", index=True)
    node_id: str = Field(foreign_key="fulfilment_node.id")
    day: date
    vehicle_id: str = Field(foreign_key="vehicle.id")
    vehicle_class_id: str = Field(foreign_key="vehicle_class.id")
    shift_starts_at: datetime
    shift_ends_at: datetime
    leaves_at: datetime
    returns_at: datetime
    overtime_s: int
    distance_m: int
    trips: int
    streets: str
    breaks: list[Any] = Field(default_factory=list, sa_type=sa.JSON)
    load_orders: int
    load_volume_ml: int
    load_weight_g: int
    load_chilled_ml: int
    load_frozen_ml: int


class Stop(SQLModel, table=True):
    """A halt at one drop: `arrives_at` before parking, `starts_at` when the goods are handed over.

    `position` counts the stops of the tour from 1, `trip` its loadings. `slot_id` is the window it is planned
    in, `point` where it is: at the door, or at `locker_id`.
    """

    __table_args__ = (sa.UniqueConstraint("booking_id"),)

    id: str = Field(default_factory=new_id, primary_key=True)
    tour_id: str = Field(foreign_key="tour.id", index=True)
    booking_id: str = Field(foreign_key="delivery_booking.id")
    slot_id: str = Field(foreign_key="delivery_slot.id")
    trip: int
    position: int
    arrives_at: datetime
    starts_at: datetime
    leaves_at: datetime
    latitude: float
    longitude: float
    locker_id: str | None = Field(default=None, foreign_key="collection_point.id")


class TourLine(SQLModel, table=True):
    """The way of one trip along the streets, from one loading to the next, as [[lat, lon], ...].

    There is none for a trip whose times are those of straight lines.
    """

    __tablename__ = "tour_line"

    tour_id: str = Field(foreign_key="tour.id", primary_key=True)
    trip: int = Field(primary_key=True)
    line: list[Any] = Field(sa_type=sa.JSON)


class RoutedWork(SQLModel, table=True):
    """What the drops of a zone took a class in one run, beside what the plan had counted for them.

    Both without the handover: ways, parking and loading. `overtime_s` is the share of the tours' overtime.
    """

    __tablename__ = "routed_work"

    run_id: str = Field(foreign_key="tour_run.id", primary_key=True)
    zone_id: str = Field(foreign_key="service_zone.id", primary_key=True)
    vehicle_class_id: str = Field(foreign_key="vehicle_class.id", primary_key=True)
    day: date = Field(index=True)
    drops: int
    planned_s: int
    routed_s: int
    overtime_s: int


class WorkScale(SQLModel, table=True):
    """How many times the counted minutes a drop of a zone takes a class, learned from tours with overtime."""

    __tablename__ = "work_scale"

    zone_id: str = Field(foreign_key="service_zone.id", primary_key=True)
    vehicle_class_id: str = Field(foreign_key="vehicle_class.id", primary_key=True)
    scale_bp: int
    drops: int
    overtime_s: int
    fitted_at: datetime


class TravelLaw(SQLModel, table=True):
    """`km = kappa sqrt(A n W) + stem 2 rho m`, fitted to the tours of the last weeks; the newest counts."""

    __tablename__ = "travel_law"

    id: str = Field(default_factory=new_id, primary_key=True)
    fitted_at: datetime
    kappa: float
    stem: float
    samples: int
    mean_error: float


class StreetPace(SQLModel, table=True):
    """How the ways of a class from a node go, measured on a sample of a map's streets.

    `stamp` tells which streets; `source` names them, or says why they gave no answer: then there is no pace,
    and straight lines count.
    """

    __tablename__ = "street_pace"

    node_id: str = Field(foreign_key="fulfilment_node.id", primary_key=True)
    vehicle_class_id: str = Field(foreign_key="vehicle_class.id", primary_key=True)
    detour_bp: int | None = None
    s_per_km: float | None = None
    leg_s: int | None = None
    source: str = Field(sa_type=sa.Text)
    stamp: str
    measured_at: datetime

    @property
    def pace(self) -> Pace | None:
        """The pace, where the streets gave one."""
        if self.detour_bp is None or self.s_per_km is None or self.leg_s is None:
            return None
        return Pace(self.detour_bp, self.s_per_km, self.leg_s, measured=True)
