"""A city of one zone, one bike and one evening shift: planned for real in a moment."""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.problem import Limits
from app.allocation.tables import PlanningFigures
from app.database.rows import add, table_of
from app.fleet.tables import ShiftPattern, Vehicle, VehicleClass, WageRule
from app.places.tables import ServiceZone
from app.slots.tables import SlotTemplate
from tests.factories import ZONE, Shop, make_shop

QUICK = Limits(day_s=4, gap=0.02, processes=1)


def make_city(conn: Connection) -> Shop:
    """A shop that can be planned for: its template's evening is all there is to sell."""
    shop = make_shop(conn)
    zone = table_of(ServiceZone)
    city_id = conn.execute(sa.select(zone.c.city_id).where(zone.c.id == shop.zone_id)).scalar_one()
    template = table_of(SlotTemplate)
    key = conn.execute(sa.select(template.c.key).where(template.c.id == shop.template_id)).scalar_one()
    nothing = ("carbon_minor_per_tonne", "incentive_minor", "flexible_incentive_minor", "neighbours_bp")
    values: dict[str, Any] = {
        **dict.fromkeys((*nothing, "flexible_bp"), 0),
        "small_orders_bp": 10_000,
        "margin_minor": 900,
        "usable_bp": 9_000,
        "circuity_bp": 13_000,
        "weekday_bp": [10_000] * 7,
        "demand": [{"template": key, "weight": 1}],
    }
    add(conn, PlanningFigures(city_id=city_id, currency="EUR", **values))
    bikes = [
        Vehicle(name=f"bike {n}", node_id=shop.node_id, vehicle_class_id=shop.class_id) for n in range(3)
    ]
    add(conn, *bikes)
    add(
        conn,
        ShiftPattern(
            key="late", name="Late shift", starts_local="16:00", ends_local="22:00", weekdays="1234567"
        ),
    )
    add(conn, WageRule(currency="EUR", valid_from=date(2026, 1, 1), wage_minor_per_h=1_000))
    return shop


def make_far_zone(conn: Connection, shop: Shop, name: str = "Serra") -> str:
    """A zone of the same city that no bike reaches."""
    zone, kind = table_of(ServiceZone), table_of(VehicleClass)
    conn.execute(sa.update(kind).where(kind.c.id == shop.class_id).values(reach_m=10_000))
    city_id = conn.execute(sa.select(zone.c.city_id).where(zone.c.id == shop.zone_id)).scalar_one()
    far = ServiceZone(
        city_id=city_id,
        code=f"Z-{name}",
        name=name,
        time_zone=ZONE,
        latitude=41.9,
        longitude=-8.1,
        area_m2=100_000,
        daily_orders=10,
        border=[],
    )
    add(conn, far)
    return far.id
