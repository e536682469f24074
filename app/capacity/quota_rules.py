"""How much a protected quota keeps, for whom, and when it lets go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from app.capacity.rules import MOST_ORDERS
from app.values.window import SkippedLocalTime, local_instant

_DAYS = 7
_ALL_BP = 10_000
_MOST_LETTERS = 60
_MOST_DAYS = 14
_MOST_MIN = 14 * 24 * 60


@dataclass(frozen=True, slots=True)
class QuotaDraft:
    """A rule as an operator writes it: for whom, where, how much, and when it lets go."""

    key: str
    audience: str
    node_id: str | None = None
    zone_id: str | None = None
    template_id: str | None = None
    weekdays: str = "1234567"
    orders: int | None = None
    share_bp: int | None = None
    release_min: int | None = None
    release_days_before: int | None = None
    release_at_local: str | None = None


def width(quota: QuotaDraft) -> tuple[int, str]:
    """How widely a rule applies: the narrowest counts for a pool, and among equals the first by key."""
    narrowed = (quota.template_id, quota.zone_id, quota.node_id)
    return sum(one is None for one in narrowed) + (len(quota.weekdays) == _DAYS), quota.key


def kept_orders(quota: QuotaDraft, sell_orders: int) -> int:
    """How many of a pool's orders a rule keeps, never more than there are."""
    wanted = quota.orders if quota.orders is not None else sell_orders * (quota.share_bp or 0) // 10_000
    return min(wanted, sell_orders)


def release_at(quota: QuotaDraft, *, day: date, cutoff_at: datetime, zone: str) -> datetime:
    """When what a rule keeps is open to all: never after the cut-off, for then nobody could have it.

    The first instant after a wall time that the clocks skip.
    """
    if quota.release_at_local is None:
        return cutoff_at - timedelta(minutes=quota.release_min or 0)
    at, back = time.fromisoformat(quota.release_at_local), timedelta(days=quota.release_days_before or 0)
    try:
        opens = local_instant(day - back, at, zone)
    except SkippedLocalTime:
        opens = local_instant(day - back, time(at.hour + 1), zone)
    return min(opens, cutoff_at)


def quota_mistake(draft: QuotaDraft) -> str | None:
    """What is wrong with a rule, in words, or None."""
    by_clock = (draft.release_days_before, draft.release_at_local)
    if not 1 <= len(draft.key) <= _MOST_LETTERS or not draft.key.isprintable():
        return f"its key has 1 to {_MOST_LETTERS} printable characters"
    if not 1 <= len(draft.audience) <= _MOST_LETTERS or not draft.audience.isprintable():
        return f"its audience is a group of customers, 1 to {_MOST_LETTERS} printable characters"
    if not draft.weekdays or set(draft.weekdays) - set("1234567"):
        return "weekdays are digits from 1, Monday, to 7, Sunday"
    if (draft.orders is None) == (draft.share_bp is None):
        return "give either orders or a share"
    if draft.orders is not None and not 0 <= draft.orders <= MOST_ORDERS:
        return "orders are 0 or more"
    if draft.share_bp is not None and not 0 <= draft.share_bp <= _ALL_BP:
        return "a share is 0 to 100 percent"
    if (draft.release_min is None) == (by_clock == (None, None)):
        return "give either minutes before the cut-off, or days before and a time of the day"
    return _release_mistake(draft)


def _release_mistake(draft: QuotaDraft) -> str | None:
    if draft.release_min is not None:
        return None if 0 <= draft.release_min <= _MOST_MIN else "minutes before the cut-off are 0 to 14 days"
    days, at_local = draft.release_days_before, draft.release_at_local
    if days is None or at_local is None or not 0 <= days <= _MOST_DAYS:
        return "days before, 0 to 14, go with a time of the day"
    try:
        time.fromisoformat(at_local)
    except ValueError:
        return "a time of the day is written like 18:00"
    return None
