"""Vehicles, shifts and wages, as rows an operator edits."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.database.columns import word_set, words
from app.fleet.rules import PremiumKind, VehicleKind, skills_of
from app.values.basket import VehicleSkill
from app.values.ids import new_id


class EmissionFactor(SQLModel, table=True):
    """Grams of CO2e per vehicle-kilometre, well to wheel, with where the figure comes from."""

    __tablename__ = "emission_factor"

    id: str = Field(primary_key=True)
    grams_per_km: float
    scope: str
    method: str
    source: str
    year: int


class VehicleClass(SQLModel, table=True):
    """Vehicles that are alike: speed, range, room, cost and emissions.

    `cost_minor_per_100km` is energy, wear and tyres; `day_cost_minor` the fixed share of one shift.
    `handover_bp` and `parking_bp` scale the time at the door and the parking time of a zone (a bike
    stops at the door); `reach_m` is how far from its node the class serves (null = everywhere).
    `stops_per_trip` bounds a loading; `reload_s` is the time for the next one, which `reloads_at_centres`
    lets happen at any fulfilment centre on the way. `combustion` keeps it out of low-emission streets.
    `skills` is what its vehicles with their crews can do; null: what is usual for the kind.
    """

    __tablename__ = "vehicle_class"

    id: str = Field(default_factory=new_id, primary_key=True)
    key: str = Field(unique=True)
    name: str
    kind: VehicleKind = Field(sa_type=words(VehicleKind))
    speed_kmh: int
    cost_minor_per_100km: int
    day_cost_minor: int
    range_m: int
    reach_m: int | None = None
    volume_ml: int
    weight_g: int
    chilled_ml: int
    frozen_ml: int
    stops_per_trip: int
    reload_s: int
    handover_bp: int
    parking_bp: int
    small_orders_only: bool = False
    combustion: bool = False
    reloads_at_centres: bool = False
    skills: frozenset[VehicleSkill] | None = Field(default=None, sa_type=word_set(VehicleSkill))
    emission_factor_id: str = Field(foreign_key="emission_factor.id")

    @property
    def able(self) -> frozenset[VehicleSkill]:
        """What its vehicles with their crews can do, told or usual."""
        return skills_of(self.kind, self.skills)


class Vehicle(SQLModel, table=True):
    """One vehicle at its home node."""

    id: str = Field(default_factory=new_id, primary_key=True)
    name: str = Field(unique=True)
    node_id: str = Field(foreign_key="fulfilment_node.id", index=True)
    vehicle_class_id: str = Field(foreign_key="vehicle_class.id")
    out_of_service: bool = False


class VehicleOutage(SQLModel, table=True):
    """Vehicles of a node that are out from `starts_at` until `ends_at`, or until somebody says so.

    `vehicles` of a class are fewer, all of them where it is null; of all classes where none is named.
    `vehicle_id` says which one it is, where that is known. `disruption_id` is what it belongs to.
    """

    __tablename__ = "vehicle_outage"

    id: str = Field(default_factory=new_id, primary_key=True)
    disruption_id: str = Field(index=True)
    node_id: str = Field(foreign_key="fulfilment_node.id")
    vehicle_class_id: str | None = Field(default=None, foreign_key="vehicle_class.id")
    vehicle_id: str | None = Field(default=None, foreign_key="vehicle.id")
    vehicles: int | None = None
    starts_at: datetime
    ends_at: datetime | None = Field(default=None, index=True)
    created_at: datetime


class ShiftPattern(SQLModel, table=True):
    """When a vehicle and its driver may be rostered, in wall time; `weekdays` are ISO digits, '12345'."""

    __tablename__ = "shift_pattern"

    id: str = Field(default_factory=new_id, primary_key=True)
    key: str = Field(unique=True)
    name: str
    starts_local: str
    ends_local: str
    weekdays: str


class WageRule(SQLModel, table=True):
    """The basic hourly wage, employer's share included."""

    __tablename__ = "wage_rule"

    id: str = Field(default_factory=new_id, primary_key=True)
    currency: str
    wage_minor_per_h: int
    valid_from: date


class WagePremium(SQLModel, table=True):
    """What is paid on top: in basis points of the wage; EVENING from `from_local` on."""

    __tablename__ = "wage_premium"

    kind: PremiumKind = Field(sa_type=words(PremiumKind), primary_key=True)
    premium_bp: int
    from_local: str | None = None


class Shift(SQLModel, table=True):
    """What a published plan rosters: so many vehicles of a class at a node for one pattern on one day."""

    __table_args__ = (sa.UniqueConstraint("node_id", "vehicle_class_id", "pattern_id", "day"),)

    id: str = Field(default_factory=new_id, primary_key=True)
    node_id: str = Field(foreign_key="fulfilment_node.id")
    vehicle_class_id: str = Field(foreign_key="vehicle_class.id")
    pattern_id: str = Field(foreign_key="shift_pattern.id")
    day: date = Field(index=True)
    starts_at: datetime
    ends_at: datetime
    vehicles: int
    cost_minor: int
    run_id: str
