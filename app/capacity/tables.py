"""Pools, who they reach, and the ledger that explains every unit."""

from dataclasses import fields
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.capacity.quota_rules import QuotaDraft
from app.capacity.rules import EntryKind
from app.database.columns import words
from app.fleet.rules import VehicleKind
from app.values.ids import new_id
from app.values.load import DIMENSIONS, Load
from app.values.window import Window


class CapacityPool(SQLModel, table=True):
    """What one node can put on the street with one vehicle class in one elementary time bucket.

    For each dimension: `cap_` exists physically (a CHECK holds it), `sell_` may be sold, `held_` is
    claimed until a hold ends, `booked_` is promised. `sell_` may fall below what is taken: then nothing
    more is sold, and nothing breaks.
    """

    __tablename__ = "capacity_pool"
    __table_args__ = (
        sa.UniqueConstraint("node_id", "vehicle_class_id", "starts_at"),
        *(
            sa.CheckConstraint(
                f"held_{d} >= 0 AND booked_{d} >= 0 AND held_{d} + booked_{d} <= cap_{d}", name=f"pool_{d}"
            )
            for d in DIMENSIONS
        ),
        {"postgresql_with": {"fillfactor": 50}},
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    node_id: str = Field(foreign_key="fulfilment_node.id")
    vehicle_class_id: str = Field(foreign_key="vehicle_class.id")
    day: date = Field(index=True)
    starts_at: datetime
    ends_at: datetime
    vehicles: int = 0
    # What one more minute of this pool's work is worth, from the plan's shadow price.
    minute_worth_micro: int = 0
    run_id: str | None = None
    # The picking wave that its orders count against too, where one is bounded.
    pick_load_id: str | None = Field(default=None, foreign_key="pick_load.id", index=True)
    # How many entries of the ledger explain it; counted up by every change, so it is the last one's number.
    entries: int = 0
    # So many orders are kept for one group of customers until then; `protected_used` counts what the group
    # has taken, so that the rest is open to all. See `post`.
    protected_orders: int = 0
    protected_used: int = 0
    protected_group: str | None = None
    protected_until: datetime | None = None
    # What the plan would sell, while an operator's override says otherwise; null without one.
    planned: dict[str, int] | None = Field(default=None, sa_type=sa.JSON(none_as_null=True))

    cap_orders: int = 0
    cap_work_s: int = 0
    cap_volume_ml: int = Field(default=0, sa_type=sa.BigInteger)
    cap_weight_g: int = Field(default=0, sa_type=sa.BigInteger)
    cap_chilled_ml: int = Field(default=0, sa_type=sa.BigInteger)
    cap_frozen_ml: int = Field(default=0, sa_type=sa.BigInteger)
    sell_orders: int = 0
    sell_work_s: int = 0
    sell_volume_ml: int = Field(default=0, sa_type=sa.BigInteger)
    sell_weight_g: int = Field(default=0, sa_type=sa.BigInteger)
    sell_chilled_ml: int = Field(default=0, sa_type=sa.BigInteger)
    sell_frozen_ml: int = Field(default=0, sa_type=sa.BigInteger)
    held_orders: int = 0
    held_work_s: int = 0
    held_volume_ml: int = Field(default=0, sa_type=sa.BigInteger)
    held_weight_g: int = Field(default=0, sa_type=sa.BigInteger)
    held_chilled_ml: int = Field(default=0, sa_type=sa.BigInteger)
    held_frozen_ml: int = Field(default=0, sa_type=sa.BigInteger)
    booked_orders: int = 0
    booked_work_s: int = 0
    booked_volume_ml: int = Field(default=0, sa_type=sa.BigInteger)
    booked_weight_g: int = Field(default=0, sa_type=sa.BigInteger)
    booked_chilled_ml: int = Field(default=0, sa_type=sa.BigInteger)
    booked_frozen_ml: int = Field(default=0, sa_type=sa.BigInteger)

    @property
    def window(self) -> Window:
        """The elementary bucket."""
        return Window(self.starts_at, self.ends_at)

    def loads(self, prefix: str) -> Load:
        """The vector of one prefix: 'cap', 'sell', 'held' or 'booked'."""
        return Load(*(getattr(self, f"{prefix}_{d}") for d in DIMENSIONS))


class PickLoad(SQLModel, table=True):
    """The orders that one day's picking wave has taken, over all pools that it feeds.

    `sell_orders` may be taken; `cap_orders` is that, or what was taken already when it was lowered.
    """

    __tablename__ = "pick_load"
    __table_args__ = (
        sa.UniqueConstraint("wave_id", "day"),
        sa.CheckConstraint(
            "held_orders >= 0 AND booked_orders >= 0 AND held_orders + booked_orders <= cap_orders",
            name="pick_load_orders",
        ),
        {"postgresql_with": {"fillfactor": 50}},
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    wave_id: str = Field(foreign_key="pick_wave.id")
    day: date = Field(index=True)
    cap_orders: int
    sell_orders: int
    held_orders: int = 0
    booked_orders: int = 0


class CapacityOverride(SQLModel, table=True):
    """What an operator says about the sizes of pools, over what any plan says, until it is lifted.

    It is about one pool, or about all pools of a day, narrowed by node, kind of vehicle and hours. Either
    each pool sells `sell_orders`, or `factor_bp` of all that the plan would sell (0 closes it). Where
    several are in force, the newest counts. One with `vehicles_out` takes the share of so many vehicles
    from what is said before it; `vehicle_id` is which vehicle that is, where it is known.
    """

    __tablename__ = "capacity_override"

    id: str = Field(default_factory=new_id, primary_key=True)
    day: date = Field(index=True)
    pool_id: str | None = Field(default=None, foreign_key="capacity_pool.id")
    node_id: str | None = Field(default=None, foreign_key="fulfilment_node.id")
    vehicle_kind: VehicleKind | None = Field(default=None, sa_type=words(VehicleKind))
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    sell_orders: int | None = None
    factor_bp: int | None = None
    vehicles_out: int | None = None
    vehicle_id: str | None = Field(default=None, foreign_key="vehicle.id")
    reason: str
    actor: str
    created_at: datetime
    # Made because vehicles are out: it is over as soon as a plan that knows of it is published.
    for_outage: bool = False
    lifted_at: datetime | None = None
    lifted_by: str | None = None
    lift_reason: str | None = None


class ProtectedQuota(SQLModel, table=True):
    """Some of what pools sell is kept for a group of customers until a stated time, then open to all.

    Narrowed by node, zone, template and ISO weekdays ('12345'). The amount is `orders` in each pool or
    `share_bp` of its orders; the release is `release_min` before the earliest cut-off of the windows
    concerned, or `release_days_before` the day at `release_at_local`.
    """

    __tablename__ = "protected_quota"

    id: str = Field(default_factory=new_id, primary_key=True)
    key: str = Field(unique=True)
    audience: str
    node_id: str | None = Field(default=None, foreign_key="fulfilment_node.id")
    zone_id: str | None = Field(default=None, foreign_key="service_zone.id")
    template_id: str | None = Field(default=None, foreign_key="slot_template.id")
    weekdays: str = "1234567"
    orders: int | None = None
    share_bp: int | None = None
    release_min: int | None = None
    release_days_before: int | None = None
    release_at_local: str | None = None
    reason: str
    actor: str
    changed_at: datetime

    @property
    def draft(self) -> QuotaDraft:
        """The rule itself."""
        return QuotaDraft(**{field.name: getattr(self, field.name) for field in fields(QuotaDraft)})


class CapacityReach(SQLModel, table=True):
    """That a pool may serve a zone, and what one more drop there takes and costs.

    `work_s` is everything but the handover itself: parking, its share of travel and reloading. `starts_at`
    is the pool's, which never changes: it stands here too so that what a zone is offered is found without
    looking at all pools that have ever reached it.
    """

    __tablename__ = "capacity_reach"
    __table_args__ = (sa.Index("reach_of_zone", "zone_id", "starts_at"),)

    pool_id: str = Field(foreign_key="capacity_pool.id", primary_key=True)
    zone_id: str = Field(foreign_key="service_zone.id", primary_key=True)
    starts_at: datetime
    work_s: int
    handover_bp: int
    distance_m: int
    cost_minor: int
    grams: int
    run_id: str


class ZoneDayCost(SQLModel, table=True):
    """What one more drop costs in a zone on a local day: the mean over its hours of the cheapest pool.

    The way and the worth of the time, as of the last plan or refresh of prices, with the usual handover.
    """

    __tablename__ = "zone_day_cost"

    zone_id: str = Field(foreign_key="service_zone.id", primary_key=True)
    day: date = Field(primary_key=True)
    cost_minor: int


class CapacityEntry(SQLModel, table=True):
    """One change of a pool's use or size: who, when, why, by how much, and what stood after it.

    Never changed or deleted. The entries of a pool are numbered without gaps in the order in which its
    row changed. The sum of the `held_`/`booked_` deltas of a pool is its counter; `held_after` and
    `booked_after` are the counters of the dimensions that changed, as the same UPDATE left them. An
    ADJUSTMENT carries the sizes before and after instead.
    """

    __tablename__ = "capacity_entry"
    __table_args__ = (sa.UniqueConstraint("pool_id", "number", name="capacity_entry_number"),)

    id: str = Field(default_factory=new_id, primary_key=True)
    pool_id: str = Field(foreign_key="capacity_pool.id")
    number: int
    kind: EntryKind = Field(sa_type=words(EntryKind))
    at: datetime
    actor: str
    reason: str
    reference: str | None = Field(default=None, index=True)
    # The group of the customer who took or gave back, if there is one.
    audience: str | None = None
    held_delta: dict[str, int] = Field(default_factory=dict, sa_type=sa.JSON)
    booked_delta: dict[str, int] = Field(default_factory=dict, sa_type=sa.JSON)
    held_after: dict[str, int] = Field(default_factory=dict, sa_type=sa.JSON)
    booked_after: dict[str, int] = Field(default_factory=dict, sa_type=sa.JSON)
    sizes: dict[str, Any] | None = Field(default=None, sa_type=sa.JSON)
