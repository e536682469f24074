"""Read a calendar file as a calendar does."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import icalendar


@dataclass(frozen=True)
class SeenEvent:
    """The event of a calendar file."""

    method: str
    uid: str
    starts_at: datetime
    ends_at: datetime
    summary: str
    location: str
    description: str
    sequence: int


def only_event(file: bytes) -> SeenEvent:
    """The one event in a file that keeps to RFC 5545: CRLF, lines of at most 75 octets, what must be there."""
    lines = file.split(b"\r\n")
    assert lines[0] == b"BEGIN:VCALENDAR"
    assert lines[-2:] == [b"END:VCALENDAR", b""]
    assert all(len(line) <= 75 and b"\n" not in line for line in lines)
    calendar: Any = icalendar.Calendar.from_ical(file)
    assert calendar["VERSION"] == "2.0"
    assert calendar["PRODID"]
    (event,) = calendar.walk("VEVENT")
    assert event["DTSTAMP"].dt.tzinfo is not None
    return SeenEvent(
        method=str(calendar["METHOD"]),
        uid=str(event["UID"]),
        starts_at=event["DTSTART"].dt,
        ends_at=event["DTEND"].dt,
        summary=str(event["SUMMARY"]),
        location=str(event["LOCATION"]),
        description=str(event["DESCRIPTION"]),
        sequence=int(event["SEQUENCE"]),
    )
