"""Rules over days that show, and rules that never do."""

from datetime import date

import pytest

from app.slots.checks import check
from app.slots.drafts import TimetableDraft
from app.slots.errors import InvalidRecurrence


def checked(rule: str, first: date, last: date | None = None) -> None:
    check(TimetableDraft(key="fair", name="Fair", rrule=rule, valid_from=first, valid_until=last))


MONDAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("rule", "first", "last"),
    [
        ("FREQ=WEEKLY;BYDAY=SU", MONDAY, date(2026, 11, 29)),
        ("RRULE:FREQ=DAILY;COUNT=3", MONDAY, MONDAY),
        ("FREQ=DAILY;UNTIL=20261123", MONDAY, None),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU;UNTIL=20261129", MONDAY, None),
        ("FREQ=MONTHLY;INTERVAL=5;BYDAY=+5TH", MONDAY, None),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", date(2096, 2, 29), None),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", date(2397, 1, 1), None),
        ("FREQ=YEARLY;BYWEEKNO=53;BYDAY=FR", MONDAY, date(2027, 1, 1)),
        ("FREQ=DAILY", date(9999, 12, 31), None),
    ],
)
def test_a_rule_that_shows_is_taken(rule: str, first: date, last: date | None) -> None:
    checked(rule, first, last)


@pytest.mark.parametrize(
    ("rule", "first", "last"),
    [
        ("FREQ=WEEKLY;BYDAY=SU", MONDAY, date(2026, 11, 28)),
        ("FREQ=WEEKLY;BYDAY=SU;UNTIL=20261128", MONDAY, None),
        ("FREQ=DAILY;UNTIL=20261122", MONDAY, None),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU;UNTIL=20261129", date(2026, 11, 24), date(2026, 11, 28)),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=TU", MONDAY, None),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", MONDAY, None),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;UNTIL=20271231", MONDAY, None),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", date(2096, 3, 1), None),
        ("FREQ=YEARLY;BYWEEKNO=53;BYDAY=FR", date(2027, 1, 2), date(2032, 1, 1)),
        ("FREQ=YEARLY;BYDAY=SU;BYMONTH=1", date(9999, 2, 1), None),
    ],
)
def test_a_rule_that_shows_too_late_or_never_is_refused(rule: str, first: date, last: date | None) -> None:
    with pytest.raises(InvalidRecurrence):
        checked(rule, first, last)
