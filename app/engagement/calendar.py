"""The entry of a delivery in the customer's own calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import icalendar

from app.values.window import Window


@dataclass(frozen=True, slots=True)
class Entry:
    """A delivery as a calendar shows it; a higher `sequence` replaces the entry with the same `uid`."""

    uid: str
    window: Window
    summary: str
    location: str
    description: str
    sequence: int
    written_at: datetime
    cancelled: bool = False


def calendar_entry(entry: Entry) -> str:
    """The entry as an iCalendar request, or as its withdrawal (RFC 5545).

    Times are in UTC, so that no zone has to be described.
    """
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Lastlap//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "CANCEL" if entry.cancelled else "REQUEST")
    event = icalendar.Event()
    event.add("uid", f"{entry.uid}@lastlap")
    event.add("dtstamp", entry.written_at.astimezone(UTC))
    event.add("dtstart", entry.window.start)
    event.add("dtend", entry.window.end)
    event.add("summary", entry.summary)
    event.add("location", entry.location)
    event.add("description", entry.description)
    event.add("sequence", entry.sequence)
    event.add("status", "CANCELLED" if entry.cancelled else "CONFIRMED")
    calendar.add_component(event)
    return str(calendar.to_ical().decode())
