"""What the calendar, operators and standing slots promise, as plain Python over the days of one fortnight.

It reads drafts and instants, never rows: which windows a day has, from which node each may be ordered, what
each pool sells under what operators said, and what a week of a standing slot may become.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from app.capacity.rules import PoolSelector, SizeChange
from app.slots.drafts import (
    BlackoutDraft,
    CutoffDraft,
    Draft,
    ExceptionDraft,
    HolidayDraft,
    TemplateDraft,
    TimetableDraft,
)
from app.slots.rules import CutoffKind, RuleKind
from app.values.load import DIMENSIONS, Load
from app.values.window import Window
from tests.factories import ZONE
from tests.faults.model import Claim

OK = "OK"
HORIZON = timedelta(days=13)
SUBMIT = timedelta(days=1)
LEAST_OFFER = timedelta(minutes=10)
ORDERED_BEFORE = timedelta(hours=2)
_TZ = ZoneInfo(ZONE)
_DIGITS = {"MO": 0, "TU": 1, "WE": 2, "TH": 3, "FR": 4, "SA": 5, "SU": 6}
# Public holidays of these weeks as the almanac has them: of a country, and of single regions.
HOLIDAYS = {
    ("PT", None): {date(2026, 12, 1), date(2026, 12, 8)},
    ("CH", "LU"): {date(2026, 12, 8)},
    ("CH", "ZH"): set[date](),
}


@dataclass(frozen=True)
class Pool:
    """One hour of one node: what a plan would sell of it, and the seconds of a drop but for the door."""

    id: str
    node: str
    window: Window
    planned: Load
    work_s: int

    @property
    def day(self) -> date:
        """Its local day."""
        return self.window.start.astimezone(_TZ).date()


@dataclass(frozen=True)
class Said:
    """What an operator said about pools, until it is lifted."""

    id: str
    which: PoolSelector
    to: SizeChange


@dataclass(frozen=True)
class Slot:
    """A window that was opened once, and what the calendar had of it when it last changed.

    `template` and `nodes` are who works for it, None and nobody once the calendar has it no more. What has
    begun stays as it was.
    """

    id: str
    day: date
    window: Window
    cutoff_at: datetime
    template: str | None
    nodes: frozenset[str]


@dataclass
class Week:
    """What became of one week of a standing slot, and what holds its window."""

    state: str
    hold: str | None


@dataclass
class Series:
    """A window kept every week."""

    id: str
    customer: str
    first: date
    hours: tuple[int, int]
    weeks: dict[date, Week] = field(default_factory=dict)
    pause: tuple[date, date | None] | None = None
    ended: bool = False

    def has(self, day: date) -> bool:
        """Whether the day is one of its weeks."""
        return day >= self.first and day.weekday() == self.first.weekday()

    def rests(self, day: date) -> bool:
        """Whether the day lies in its pause."""
        if self.pause is None or day < self.pause[0]:
            return False
        return self.pause[1] is None or day <= self.pause[1]


def span(day: date, hours: tuple[int, int]) -> Window:
    """So many o'clock to so many on a local day."""
    start, end = (datetime(day.year, day.month, day.day, hour, tzinfo=_TZ) for hour in hours)
    return Window(start, end)


def today(now: datetime) -> date:
    """The local day."""
    return now.astimezone(_TZ).date()


@dataclass
class Agenda:
    """The rules that stand, what operators said of pools, and what customers have."""

    nodes: tuple[str, ...]
    node_keys: dict[str, str]
    pools: dict[str, Pool]
    rules: dict[tuple[RuleKind, str], Draft] = field(default_factory=dict)
    slots: dict[str, Slot] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)
    claims: dict[str, Claim] = field(default_factory=dict)
    series: dict[str, Series] = field(default_factory=dict)
    # Somebody has joined the waitlist: what ended holds leave behind may be theirs before it is anybody's.
    waited: bool = False

    def windows(self, day: date) -> dict[tuple[int, int], tuple[str, frozenset[str]]]:
        """The windows of a day by their hours, with the template and the nodes that work for each."""
        special = {rule.key for rule in self._of(TimetableDraft) if _recurs(rule, day)}
        resting = set() if special else {node for node in self.nodes if self._rests(node, day)}
        found: dict[tuple[int, int], tuple[str, frozenset[str]]] = {}
        working = frozenset(self.nodes) - resting
        for template in sorted(self._of(TemplateDraft), key=lambda one: one.key):
            normal = template.timetable is None and not special
            if not (normal or template.timetable in special) or not _recurs(template, day):
                continue
            other = next(
                (e for e in self._of(ExceptionDraft) if (e.template, e.day) == (template.key, day)), None
            )
            starts, ends = template.starts_local, template.ends_local
            if other is not None:
                if other.starts_local is None or other.ends_local is None:
                    continue
                starts, ends = other.starts_local, other.ends_local
            if working:
                found.setdefault((int(starts[:2]), int(ends[:2])), (template.key, working))
        return found

    def cutoff_at(self, day: date, window: Window) -> datetime:
        """Until when a window can be ordered and changed."""
        closes = [window.start - ORDERED_BEFORE]
        closes += [
            span(day - timedelta(days=rule.days_before or 0), (18, 19)).start
            for rule in self._of(CutoffDraft)
            if rule.counted is CutoffKind.WAVE and str(day.isoweekday()) in (rule.weekdays or "1234567")
        ]
        return min(closes)

    def follow(self, now: datetime) -> None:
        """The windows that have not begun follow the calendar."""
        for slot in [slot for slot in self.slots.values() if slot.window.start > now]:
            hours = tuple(i.astimezone(_TZ).hour for i in (slot.window.start, slot.window.end))
            template, nodes = self.windows(slot.day).get((hours[0], hours[1]), (None, frozenset[str]()))
            cutoff_at = self.cutoff_at(slot.day, slot.window) if template else slot.cutoff_at
            self.slots[slot.id] = replace(slot, cutoff_at=cutoff_at, template=template, nodes=nodes)

    def shut(self, slot: Slot, now: datetime) -> str | None:
        """Why a window that the calendar has cannot be ordered whatever its capacity."""
        if slot.template is None:
            return "SLOT_NOT_FOUND"
        if now >= slot.cutoff_at:
            return "CUTOFF_PASSED"
        if slot.day > today(now) + HORIZON:
            return "BEYOND_HORIZON"
        blackouts = [b for b in self._blackouts(slot.window) if b.node is None]
        if any(b.template in (None, slot.template) for b in blackouts):
            return "BLACKOUT"
        here = self.inside(slot)
        return "BLACKOUT" if here and not any(self.serves(pool, slot) for pool in here) else None

    def serves(self, pool: Pool, slot: Slot) -> bool:
        """Whether a pool's node works for a window in its hour: no holiday, no blackout."""
        if pool.node not in slot.nodes:
            return False
        over = [b for b in self._blackouts(slot.window) if b.node is None]
        over += [b for b in self._blackouts(pool.window) if b.node == self.node_keys[pool.node]]
        return not any(b.template in (None, slot.template) for b in over)

    def inside(self, slot: Slot) -> list[Pool]:
        """The pools with anything to sell within a window."""
        return [p for p in self.pools.values() if slot.window.covers(p.window) and self.sold(p.id).orders > 0]

    def sold(self, pool_id: str) -> Load:
        """What may be sold of a pool: the plan's figure, or what the newest word about it makes of it."""
        pool = self.pools[pool_id]
        newest = next((one for one in reversed(self.said) if _means(one.which, pool)), None)
        return pool.planned if newest is None else _sized(pool.planned, newest.to)

    def taken(self, pool_id: str, now: datetime, *, counted: bool = False) -> Load:
        """What is held and booked of a pool; `counted` adds what ended without anybody noticing."""
        return sum((c.load for c in self.in_pool(pool_id, now, counted=counted)), Load())

    def in_pool(self, pool_id: str, now: datetime, *, counted: bool = False) -> list[Claim]:
        """Who takes room of a pool."""
        mine = [c for c in self.claims.values() if c.pool == pool_id]
        return [c for c in mine if c.lives(now) or (counted and c.status(now) == "EXPIRED")]

    def room(self, slot: Slot, now: datetime, load: Load, *, but: str | None = None) -> set[str]:
        """What may be answered to who asks for this load of the window's pools, but one of them."""
        here = [pool for pool in self.inside(slot) if self.serves(pool, slot) and pool.id != but]

        def fits(*, counted: bool) -> bool:
            return any((self.taken(p.id, now, counted=counted) + load).fits(self.sold(p.id)) for p in here)

        if fits(counted=True) or (fits(counted=False) and not self.waited):
            return {OK}
        return {OK, "SLOT_FULL"} if fits(counted=False) else {"SLOT_FULL"}

    def overbooked_by(self, which: Iterable[str], before: dict[str, Load], now: datetime) -> bool:
        """Whether a pool that has become smaller holds more now than it may sell."""
        return any(
            not before[one].fits(self.sold(one)) and not self.taken(one, now).fits(self.sold(one))
            for one in which
        )

    def meant(self, which: PoolSelector, now: datetime) -> list[str]:
        """The pools that an operator means, as far as they are not over."""
        return [p.id for p in self.pools.values() if _means(which, p) and p.window.end > now]

    def holds_of(self, series: Series, now: datetime) -> dict[date, str]:
        """What a standing slot holds, and nobody has ordered for yet, by its days."""
        return {
            day: week.hold
            for day, week in series.weeks.items()
            if week.state in ("BOOKED_AHEAD", "MOVED")
            and week.hold
            and self.claims[week.hold].status(now) in ("ACTIVE", "CONFLICTED")
        }

    def closed_holds(self, now: datetime) -> set[str]:
        """What standing slots hold in windows that the calendar no longer has or sells: it is given up."""
        held = {h for one in self.series.values() for h in self.holds_of(one, now).values()}
        slots = {h: self.slots[self.claims[h].slot] for h in held}
        coming = {h: slot for h, slot in slots.items() if slot.cutoff_at > now}
        return {h for h, slot in coming.items() if self.shut(slot, now) in ("SLOT_NOT_FOUND", "BLACKOUT")}

    def change(self, hold: str, **changes: object) -> None:
        """Something was acknowledged."""
        self.claims[hold] = replace(self.claims[hold], **changes)  # type: ignore[arg-type]

    def _of[D: Draft](self, kind: type[D]) -> list[D]:
        return [rule for rule in self.rules.values() if isinstance(rule, kind)]

    def _blackouts(self, window: Window) -> list[BlackoutDraft]:
        return [b for b in self._of(BlackoutDraft) if b.starts_at < window.end and window.start < b.ends_at]

    def _rests(self, node: str, day: date) -> bool:
        return any(
            day in HOLIDAYS[rule.country_code, rule.region] and rule.node in (None, self.node_keys[node])
            for rule in self._of(HolidayDraft)
        )


def _recurs(rule: TemplateDraft | TimetableDraft, day: date) -> bool:
    if day < rule.valid_from or (rule.valid_until and day > rule.valid_until):
        return False
    if rule.rrule == "FREQ=DAILY":
        return True
    days: Sequence[str] = rule.rrule.removeprefix("FREQ=WEEKLY;BYDAY=").split(",")
    return day.weekday() in {_DIGITS[one] for one in days}


def _means(which: PoolSelector, pool: Pool) -> bool:
    if which.pool_id is not None:
        return which.pool_id == pool.id
    return which.day == pool.day and which.node_id in (None, pool.node)


def _sized(planned: Load, to: SizeChange) -> Load:
    if to.sell_orders is not None:
        return replace(planned, orders=to.sell_orders) if to.sell_orders else Load()
    return Load(*(getattr(planned, d) * (to.factor_bp or 0) // 10_000 for d in DIMENSIONS))
