"""When a window opens and closes: recurrence in local time, cut-offs, clock changes."""

from enum import StrEnum


class CutoffKind(StrEnum):
    """How a cut-off is counted: in elapsed time, or in days back at a wall-clock time."""

    ELAPSED = "ELAPSED"
    DAYS_BEFORE = "DAYS_BEFORE"


class SlotLabel(StrEnum):
    """What a shopper should see at a glance about a window."""

    SAME_DAY = "SAME_DAY"
    NEXT_DAY = "NEXT_DAY"
    EVENING = "EVENING"
    WEEKEND = "WEEKEND"
    CHEAPEST = "CHEAPEST"
    GREENEST = "GREENEST"
