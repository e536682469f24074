"""The map, as rows."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.database.columns import prefix_text, words
from app.places.rules import KEPT_H, NodeKind
from app.values.ids import new_id
from app.values.point import Point


class City(SQLModel, table=True):
    """One imported or generated city, with the notice its data asks for."""

    id: str = Field(default_factory=new_id, primary_key=True)
    name: str = Field(unique=True)
    time_zone: str
    country_code: str
    holiday_region: str | None = None
    source: str
    attribution: str | None = None
    imported_at: datetime


class ServiceZone(SQLModel, table=True):
    """A served area: H3 cells grouped to a sensible drop density."""

    __tablename__ = "service_zone"

    id: str = Field(default_factory=new_id, primary_key=True)
    city_id: str = Field(foreign_key="city.id", index=True)
    code: str = Field(unique=True)
    name: str
    time_zone: str
    latitude: float
    longitude: float
    area_m2: int
    daily_orders: int
    border: list[Any] = Field(sa_type=sa.JSON)

    @property
    def centre(self) -> Point:
        """The middle of the zone, weighted by its addresses."""
        return Point(self.latitude, self.longitude)


class CollectionPoint(SQLModel, table=True):
    """A place where customers may collect: served like any other address of the zone that it lies in.

    A `locker` is no address of its own: customers accept it beside their door, and what is brought there is
    decided late. Goods may stay in it for `kept_h` hours after their window has ended.
    """

    __tablename__ = "collection_point"

    id: str = Field(default_factory=new_id, primary_key=True)
    key: str = Field(unique=True)
    name: str
    address_label: str
    latitude: float
    longitude: float
    locker: bool = False
    kept_h: int = KEPT_H
    removed: bool = False

    @property
    def point(self) -> Point:
        """Where it is."""
        return Point(self.latitude, self.longitude)


class LockerCompartment(SQLModel, table=True):
    """How many compartments of one size a locker has; each holds the goods of one order."""

    __tablename__ = "locker_compartment"
    __table_args__ = (sa.UniqueConstraint("locker_id", "volume_ml"),)

    id: str = Field(default_factory=new_id, primary_key=True)
    locker_id: str = Field(foreign_key="collection_point.id")
    volume_ml: int
    count: int


class ZoneCell(SQLModel, table=True):
    """An H3 cell of a zone; a point is in the zone when its cell is."""

    __tablename__ = "zone_cell"

    cell: str = Field(primary_key=True)
    zone_id: str = Field(foreign_key="service_zone.id", index=True)


class ZoneHour(SQLModel, table=True):
    """How long parking takes in a zone at a local hour, and how much slower its streets are then.

    `slowdown_bp` is the travel time in basis points of free flow: 14500 = 1.45 times as long. At a
    `low_emission` hour its streets are closed to combustion engines.
    """

    __tablename__ = "zone_hour"

    zone_id: str = Field(foreign_key="service_zone.id", primary_key=True)
    hour: int = Field(primary_key=True)
    parking_s: int
    slowdown_bp: int
    low_emission: bool = False


class FulfilmentNode(SQLModel, table=True):
    """A place that picks and sends orders; `door_orders_per_h` is what its loading door lets through."""

    __tablename__ = "fulfilment_node"

    id: str = Field(default_factory=new_id, primary_key=True)
    city_id: str = Field(foreign_key="city.id", index=True)
    key: str = Field(unique=True)
    name: str
    kind: NodeKind = Field(sa_type=words(NodeKind))
    latitude: float
    longitude: float
    door_orders_per_h: int
    driver_hours_per_week: int

    @property
    def point(self) -> Point:
        """Where it stands."""
        return Point(self.latitude, self.longitude)


class Street(SQLModel, table=True):
    """A named street; `lines` are its polylines as [[lat, lon], ...] for the map."""

    id: str = Field(default_factory=new_id, primary_key=True)
    city_id: str = Field(foreign_key="city.id", index=True)
    name: str
    folded: str
    kind: str
    lines: list[Any] = Field(default_factory=list, sa_type=sa.JSON)


class StreetClosure(SQLModel, table=True):
    """A street that motor vehicles cannot get into, until `ends_at` or until somebody says that it is open.

    `disruption_id` is what it belongs to.
    """

    __tablename__ = "street_closure"

    id: str = Field(default_factory=new_id, primary_key=True)
    disruption_id: str = Field(index=True)
    street_id: str = Field(foreign_key="street.id")
    starts_at: datetime
    ends_at: datetime | None = Field(default=None, index=True)


class StreetWord(SQLModel, table=True):
    """A word of a street's name without accents and case: the index behind type-ahead."""

    __tablename__ = "street_word"

    word: str = Field(primary_key=True, sa_type=prefix_text())
    street_id: str = Field(foreign_key="street.id", primary_key=True, index=True)


class Address(SQLModel, table=True):
    """A house number on a street."""

    __table_args__ = (sa.UniqueConstraint("street_id", "house_number"),)

    id: str = Field(default_factory=new_id, primary_key=True)
    street_id: str = Field(foreign_key="street.id")
    house_number: str = Field(sa_type=prefix_text())
    postcode: str | None = None
    label: str
    latitude: float
    longitude: float

    @property
    def point(self) -> Point:
        """The front door, or the middle of the house."""
        return Point(self.latitude, self.longitude)
