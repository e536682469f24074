"""Alerts about one day: raised when its tours or its assignment fail, over when they work or the day is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app.alerts.clear_alerts import clear_alerts
from app.alerts.queries import alerts
from app.alerts.raise_alert import raise_alert
from app.alerts.rules import AlertKind
from app.database.rows import table_of
from app.places.tables import FulfilmentNode

_OF_A_DAY = (AlertKind.TOURS_FAILED, AlertKind.BOOKINGS_LEFT_OUT, AlertKind.ASSIGNMENT_FAILED)
# So many bookings are named in an alert.
_NAMED = 10


def tours_failed(conn: Connection, now: datetime, *, node_id: str, day: date, message: str) -> None:
    """Tell operators that a node has no new tours for a day; what was published last stays."""
    said = f"Tours of {_name(conn, node_id)} on {day}: {message}"
    raise_alert(conn, now=now, kind=AlertKind.TOURS_FAILED, cause=_cause("tours", day, node_id), message=said)


def tours_work(conn: Connection, now: datetime, *, node_id: str, day: date, left_out: Sequence[str]) -> None:
    """Note that there are new tours; bookings that none of them brings, by code, are an alert."""
    clear_alerts(conn, now=now, kinds=[AlertKind.TOURS_FAILED], causes=[_cause("tours", day, node_id)])
    cause = _cause("left", day, node_id)
    if not left_out:
        clear_alerts(conn, now=now, kinds=[AlertKind.BOOKINGS_LEFT_OUT], causes=[cause])
        return
    more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
    said = (
        f"No tour of {_name(conn, node_id)} on {day} brings {', '.join(left_out[:_NAMED])}{more}; roster a"
        " vehicle or have them brought by somebody else."
    )
    raise_alert(conn, now=now, kind=AlertKind.BOOKINGS_LEFT_OUT, cause=cause, message=said)


def assignment_failed(conn: Connection, now: datetime, *, day: date, message: str) -> None:
    """Tell operators that a day's bookings could not be assigned anew."""
    said = f"Assignment of {day}: {message}"
    cause = _cause("assignment", day, "")
    raise_alert(conn, now=now, kind=AlertKind.ASSIGNMENT_FAILED, cause=cause, message=said)


def assignment_works(conn: Connection, now: datetime, *, day: date) -> None:
    """Note that the bookings of a day were assigned."""
    cause = _cause("assignment", day, "")
    clear_alerts(conn, now=now, kinds=[AlertKind.ASSIGNMENT_FAILED], causes=[cause])


def forget_past_days(conn: Connection, now: datetime) -> None:
    """Clear what was about days that are over everywhere: nobody can mend them."""
    past = [
        one.cause
        for one in alerts(conn, only_open=True, limit=1_000)
        if one.kind in _OF_A_DAY and _day(one.cause) < (now - timedelta(days=1)).date()
    ]
    if past:
        clear_alerts(conn, now=now, kinds=_OF_A_DAY, causes=past)


def _cause(what: str, day: date, node_id: str) -> str:
    return f"{what}:{day.isoformat()}:{node_id}"


def _day(cause: str) -> date:
    return date.fromisoformat(cause.split(":")[1])


def _name(conn: Connection, node_id: str) -> str:
    node = table_of(FulfilmentNode)
    return conn.execute(sa.select(node.c.name).where(node.c.id == node_id)).scalar_one_or_none() or node_id
