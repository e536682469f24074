"""What operators expect of a city before it has a history, from its zones, figures and windows."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.errors import NothingToPlan
from app.allocation.tables import PlanningFigures
from app.database.rows import rows, table_of
from app.demand.rules import DayKind, Prior
from app.places.tables import ServiceZone
from app.slots.tables import SlotTemplate

# The column of a line of the figures' demand that tells of a kind of day.
COLUMNS = {DayKind.WORKDAY: "weight", DayKind.SATURDAY: "saturday", DayKind.SUNDAY: "sunday"}


def read_prior(conn: Connection) -> Prior:
    """The prior of the city's zones and of every window there is a template for; raises NothingToPlan."""
    figures = rows(conn, PlanningFigures, sa.select(table_of(PlanningFigures)))
    zones = rows(conn, ServiceZone, sa.select(table_of(ServiceZone)).order_by("code"))
    if not figures or not zones:
        raise NothingToPlan(what="No city with planning figures is loaded; load a seed, or `lastlap demo`.")
    template = table_of(SlotTemplate)
    known = [*conn.execute(sa.select(template.c.key).order_by(template.c.key)).scalars()]
    weights = {kind: window_weights(figures[0], kind) for kind in DayKind}
    keys = list(dict.fromkeys([*weights[DayKind.WORKDAY], *known]))
    usual = {kind: sum(told.values()) / len(told) if told else 1.0 for kind, told in weights.items()}
    return Prior(
        zones=tuple(zone.id for zone in zones),
        zone_orders=tuple(float(zone.daily_orders) for zone in zones),
        weekday_bp=tuple(figures[0].weekday_bp),
        keys=tuple(keys),
        windows={kind: tuple(told.get(key, usual[kind]) for key in keys) for kind, told in weights.items()},
    )


def window_weights(figures: PlanningFigures, kind: DayKind) -> dict[str, float]:
    """How the orders of a day of a kind spread over the keys of its windows, in relative weights."""
    column = COLUMNS[kind]
    return {line["template"]: float(line.get(column, line["weight"])) for line in figures.demand}
