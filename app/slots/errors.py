"""What the calendar refuses, and what to do about it."""

from app.errors import Invalid, NotFound, Refusal


class InvalidText(Invalid):
    """Give 1 to {most} printable characters here."""


class InvalidRecurrence(Invalid):
    """This does not recur over days: {why}. Give an RFC 5545 rule like FREQ=WEEKLY;BYDAY=SA."""


class InvalidLocalTime(Invalid):
    """Give a wall time from 00:00 to 23:59 as HH:MM, like 18:00."""


class InvalidSpan(Invalid):
    """{what}"""


class InvalidCutoff(Invalid):
    """{what}"""


class InvalidAmount(Invalid):
    """Give a whole number from {least} to {most} here."""


class InvalidWeekdays(Invalid):
    """Name at least one weekday, none of them twice."""


class UnknownZone(NotFound):
    """There is no zone {key}; the calendar lists the zones."""


class UnknownNode(NotFound):
    """There is no node {key}; the calendar lists the nodes."""


class UnknownStorefront(NotFound):
    """There is no storefront {key}; the calendar lists the storefronts."""


class UnknownTemplate(NotFound):
    """There is no template {key}; save it first."""


class UnknownTimetable(NotFound):
    """There is no special timetable {key}; save it first."""


class UnknownCutoff(NotFound):
    """There is no cut-off rule {key}; save it first."""


class UnknownPickWave(NotFound):
    """There is no picking wave {key}; save it first."""


class UnknownRegion(NotFound):
    """No public holidays are known for {country} {region}; use ISO 3166 codes, like PT and 13."""


class RuleNotFound(NotFound):
    """There is no such rule with the key {key}; the calendar lists them."""


class RuleInUse(Refusal):
    """Others still refer to {key}: {by}; change or remove those first."""
