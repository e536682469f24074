"""What one published plan changes against another: pools, zones, shifts and what it earns. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from app.allocation.outline import Outline, PlannedDay, PlannedPool, PlannedShift
from app.values.money import Money
from app.values.window import Window

type _PoolKey = tuple[date, Window, str, str]
type _ZoneKey = tuple[date, Window, str]


class PlanChangeKind(StrEnum):
    """OPENED and CLOSED: it was not there, is not there any more; GROWN and SHRUNK: it sells more or less.

    OTHER_ZONES: a pool of the same size that goes elsewhere.
    """

    OPENED = "OPENED"
    CLOSED = "CLOSED"
    GROWN = "GROWN"
    SHRUNK = "SHRUNK"
    OTHER_ZONES = "OTHER_ZONES"


@dataclass(frozen=True, slots=True)
class PoolChange:
    """A pool before and after, 0 where it is not there; `gained` and `lost` are ids of zones."""

    kind: PlanChangeKind
    day: date
    window: Window
    node_id: str
    class_id: str
    vehicles_before: int
    vehicles_after: int
    orders_before: int
    orders_after: int
    gained: tuple[str, ...]
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ZoneChange:
    """The drops planned in a zone in a bucket, and the pools that reach it, before and after."""

    kind: PlanChangeKind
    day: date
    window: Window
    zone_id: str
    drops_before: int
    drops_after: int
    pools_before: int
    pools_after: int


@dataclass(frozen=True, slots=True)
class ShiftChange:
    """The vehicles that work a shift before and after; drivers' hours and cost are the difference."""

    day: date
    node_id: str
    class_id: str
    window: Window
    before: int
    after: int
    hours: float
    cost: Money


@dataclass(frozen=True, slots=True)
class DayDifference:
    """What the orders still to come on a day of both plans are to earn, and how many are taken already.

    `margin` is what those earn, before delivery, that were taken in between; `whole` unless part of the day
    was over by then.
    """

    day: date
    orders_before: float
    orders_after: float
    taken_before: int
    taken_after: int
    contribution_before: Money
    contribution_after: Money
    margin: Money
    whole: bool

    @property
    def contribution(self) -> Money:
        """By how much the day earns more, with the margin of what was taken in between."""
        return self.contribution_after + self.margin - self.contribution_before


@dataclass(frozen=True, slots=True)
class PlanChanges:
    """All changes, by time; `new_days` are planned for the first time."""

    currency: str
    pools: tuple[PoolChange, ...]
    zones: tuple[ZoneChange, ...]
    shifts: tuple[ShiftChange, ...]
    days: tuple[DayDifference, ...]
    new_days: tuple[date, ...]

    @property
    def contribution(self) -> Money:
        """By how much the days that can be compared earn more."""
        return sum((day.contribution for day in self.days if day.whole), Money.zero(self.currency))

    def of(self, day: date) -> PlanChanges:
        """Those of one local day."""
        return PlanChanges(
            self.currency,
            tuple(one for one in self.pools if one.day == day),
            tuple(one for one in self.zones if one.day == day),
            tuple(one for one in self.shifts if one.day == day),
            tuple(one for one in self.days if one.day == day),
            tuple(one for one in self.new_days if one == day),
        )


def plan_changes(before: Outline, after: Outline, *, since: datetime) -> PlanChanges:
    """What `after` changes: on days that both plan, in windows and shifts that begin from `since` on.

    What had begun when the new plan was made is not its doing; days that only one of them has are no change.
    """
    earlier, later = ({day.day: day for day in plan.days} for plan in (before, after))
    both = earlier.keys() & later.keys()

    def pools(plan: Outline) -> dict[_PoolKey, PlannedPool]:
        ahead = (p for p in plan.pools if p.day in both and p.window.start >= since)
        return {(p.day, p.window, p.node_id, p.class_id): p for p in ahead}

    def shifts(plan: Outline) -> dict[_PoolKey, list[PlannedShift]]:
        found: dict[_PoolKey, list[PlannedShift]] = defaultdict(list)
        for one in plan.shifts:
            if one.day in both and one.window.start >= since:
                found[one.day, one.window, one.node_id, one.class_id].append(one)
        return found

    old, new = pools(before), pools(after)
    return PlanChanges(
        currency=after.currency,
        pools=_pools(old, new),
        zones=_zones(old.values(), new.values()),
        shifts=_shifts(shifts(before), shifts(after), after.currency),
        days=tuple(_difference(earlier[day], later[day], after) for day in sorted(both)),
        new_days=tuple(sorted(later.keys() - earlier.keys())),
    )


def _pools(
    old: Mapping[_PoolKey, PlannedPool], new: Mapping[_PoolKey, PlannedPool]
) -> tuple[PoolChange, ...]:
    found = []
    for key in sorted(old.keys() | new.keys()):
        was, now = old.get(key), new.get(key)
        kind = _kind(_size(was), _size(now))
        had, has = ({zone for zone, _ in one.drops} if one else set() for one in (was, now))
        if kind is None and had == has:
            continue
        day, window, node_id, class_id = key
        found.append(
            PoolChange(
                kind=kind or PlanChangeKind.OTHER_ZONES,
                day=day,
                window=window,
                node_id=node_id,
                class_id=class_id,
                vehicles_before=was.vehicles if was else 0,
                vehicles_after=now.vehicles if now else 0,
                orders_before=was.orders if was else 0,
                orders_after=now.orders if now else 0,
                gained=tuple(sorted(has - had)),
                lost=tuple(sorted(had - has)),
            )
        )
    return tuple(found)


def _size(pool: PlannedPool | None) -> tuple[int, int] | None:
    """What makes a pool larger or smaller: the orders it sells, then its vehicles."""
    return (pool.orders, pool.vehicles) if pool else None


def _kind[S: (int, tuple[int, int])](was: S | None, now: S | None) -> PlanChangeKind | None:
    if was is None or now is None:
        if was is now:
            return None
        return PlanChangeKind.OPENED if was is None else PlanChangeKind.CLOSED
    if was == now:
        return None
    return PlanChangeKind.GROWN if was < now else PlanChangeKind.SHRUNK


def _zones(old: Iterable[PlannedPool], new: Iterable[PlannedPool]) -> tuple[ZoneChange, ...]:
    was, now = _by_zone(old), _by_zone(new)
    found = []
    for key in sorted(was.keys() | now.keys()):
        before, after = (None if key not in side else round(sum(side[key])) for side in (was, now))
        kind = _kind(before, after)
        if kind is not None:
            day, window, zone_id = key
            told = (before or 0, after or 0, len(was.get(key, ())), len(now.get(key, ())))
            found.append(ZoneChange(kind, day, window, zone_id, *told))
    return tuple(found)


def _by_zone(pools: Iterable[PlannedPool]) -> dict[_ZoneKey, list[float]]:
    """The drops of every pool that reaches a zone in a bucket."""
    found: dict[_ZoneKey, list[float]] = defaultdict(list)
    for pool in pools:
        for zone_id, drops in pool.drops:
            found[pool.day, pool.window, zone_id].append(drops)
    return found


def _shifts(
    old: Mapping[_PoolKey, list[PlannedShift]], new: Mapping[_PoolKey, list[PlannedShift]], currency: str
) -> tuple[ShiftChange, ...]:
    """Shifts of the same hours count together, whatever pattern they come from."""
    found = []
    for key in sorted(old.keys() | new.keys()):
        was, now = old.get(key, []), new.get(key, [])
        before, after = (sum(one.vehicles for one in side) for side in (was, now))
        if before == after:
            continue
        day, window, node_id, class_id = key
        hours = sum(one.hours for one in now) - sum(one.hours for one in was)
        cost = sum(one.cost_minor for one in now) - sum(one.cost_minor for one in was)
        told = (before, after, round(hours, 2), Money(cost, currency))
        found.append(ShiftChange(day, node_id, class_id, window, *told))
    return tuple(found)


def _difference(was: PlannedDay, now: PlannedDay, plan: Outline) -> DayDifference:
    currency = plan.currency
    return DayDifference(
        day=now.day,
        orders_before=was.orders,
        orders_after=now.orders,
        taken_before=was.taken,
        taken_after=now.taken,
        contribution_before=Money(was.contribution_minor, currency),
        contribution_after=Money(now.contribution_minor, currency),
        margin=Money(plan.margin_minor * (now.taken - was.taken), currency),
        whole=was.begins_at == now.begins_at,
    )
