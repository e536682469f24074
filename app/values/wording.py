"""Dates, money and the house's words in a customer's language."""

from __future__ import annotations

import tomllib
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import dates, numbers

from app.values.money import Money
from app.values.window import Window

WORDS = Path(__file__).parents[2] / "templates" / "words"
LANGUAGES = tuple(sorted(file.stem for file in WORDS.glob("*.toml")))


def word(group: str, key: str, locale: str) -> str:
    """A word of the catalogue in the locale's language, in English where it is not shipped."""
    catalogue = _catalogue(language(locale))
    return str(catalogue.get(group, {}).get(key, key))


def language(locale: str) -> str:
    """The shipped language of a locale."""
    short = locale.replace("-", "_").split("_")[0].lower()
    return short if short in LANGUAGES else "en"


@cache
def _catalogue(name: str) -> dict[str, Any]:
    return tomllib.loads((WORDS / f"{name}.toml").read_text(encoding="utf-8"))


def money_text(money: Money, locale: str) -> str:
    """An amount as the language writes it: 3,40 € or €3.40."""
    return numbers.format_currency(money.amount, money.currency, locale=_babel(locale))


def day_text(day: date | datetime, locale: str, zone: str | None = None) -> str:
    """Weekday, day and month: 'Wednesday, 25 November'."""
    local = day.astimezone(ZoneInfo(zone)) if isinstance(day, datetime) and zone else day
    return dates.format_skeleton("MMMMEEEEd", local, locale=_babel(locale))


def part_text(instant: datetime, pattern: str, locale: str, zone: str) -> str:
    """A part of a local date by a CLDR pattern: EEE is 'Wed', LLL is 'Nov'."""
    return dates.format_datetime(instant, pattern, tzinfo=ZoneInfo(zone), locale=_babel(locale)).strip(".")


def time_text(instant: datetime, locale: str, zone: str) -> str:
    """A wall time of a zone: '15:30'."""
    return dates.format_time(instant, "short", tzinfo=ZoneInfo(zone), locale=_babel(locale))


def window_text(window: Window, locale: str, zone: str) -> str:
    """The wall times of a window, as the language joins them."""
    tz = ZoneInfo(zone)
    begin, end = window.start.astimezone(tz), window.end.astimezone(tz)
    return dates.format_interval(begin, end, "Hm", tzinfo=tz, locale=_babel(locale))


def span_text(span: timedelta, locale: str) -> str:
    """How long something lasts, in whole days, hours or minutes, never longer than it does: '5 hours'."""
    sizes = (timedelta(days=1), timedelta(hours=1))
    unit = next((size for size in sizes if span >= 2 * size), timedelta(minutes=1))
    whole = max(span, timedelta()) // unit
    # The threshold keeps Babel from rounding to the next larger unit.
    return dates.format_timedelta(
        whole * unit, granularity="minute", threshold=max(whole, 1), locale=_babel(locale)
    )


def _babel(locale: str) -> str:
    """The locale as Babel knows it; British dates and prices for English without a country."""
    known = {"en": "en_GB", "pt": "pt_PT"}
    wanted = locale.replace("-", "_")
    if language(wanted) != wanted.split("_")[0].lower():
        return known["en"]
    return known.get(wanted, wanted)
