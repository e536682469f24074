"""Open the calendar: make the slots of some local days from the templates."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import add, rows, table_of
from app.places.tables import ServiceZone
from app.slots.rules import Opened, cutoff_instant, occurs_on, window_on
from app.slots.tables import CutoffRule, DeliverySlot, SlotTemplate
from app.values.window import SkippedLocalTime, Window


def open_days(conn: Connection, *, now: datetime, first: date, days: int) -> Opened:
    """Make every missing slot of every zone on `days` local days from `first`; running it again makes none.

    Windows that have begun are not made. A window in an hour that the clocks skip is not made and is
    named in `skipped`.
    """
    templates = rows(conn, SlotTemplate, sa.select(table_of(SlotTemplate)).order_by("key"))
    rules = {r.id: r for r in rows(conn, CutoffRule, sa.select(table_of(CutoffRule)))}
    zones = rows(conn, ServiceZone, sa.select(table_of(ServiceZone)).order_by("code"))
    known = _known(conn, first, first + timedelta(days=days - 1))
    made: list[DeliverySlot] = []
    skipped: list[str] = []
    for time_zone in sorted({zone.time_zone for zone in zones}):
        here = [zone for zone in zones if zone.time_zone == time_zone]
        for template, day in ((t, first + timedelta(days=n)) for n in range(days) for t in templates):
            if not occurs_on(template, day):
                continue
            try:
                window = window_on(template, day, time_zone)
            except SkippedLocalTime as why:
                skipped.append(f"{template.name} on {day}: {why}")
                continue
            if window.start <= now:
                continue
            cutoff_at = cutoff_instant(rules[template.cutoff_rule_id], window, time_zone)
            fresh = (zone for zone in here if (zone.id, window) not in known)
            made += [_slot(zone.id, template, day, window, time_zone, cutoff_at) for zone in fresh]
            known |= {(zone.id, window) for zone in here}
    add(conn, *made)
    return Opened(len(made), tuple(skipped))


def _slot(
    zone_id: str, template: SlotTemplate, day: date, window: Window, time_zone: str, cutoff_at: datetime
) -> DeliverySlot:
    return DeliverySlot(
        zone_id=zone_id,
        template_id=template.id,
        day=day,
        starts_at=window.start,
        ends_at=window.end,
        time_zone=time_zone,
        cutoff_at=cutoff_at,
    )


def _known(conn: Connection, first: date, last: date) -> set[tuple[str, Window]]:
    slot = table_of(DeliverySlot)
    found = conn.execute(
        sa.select(slot.c.zone_id, slot.c.starts_at, slot.c.ends_at).where(slot.c.day.between(first, last))
    )
    return {(row.zone_id, Window(row.starts_at, row.ends_at)) for row in found}
