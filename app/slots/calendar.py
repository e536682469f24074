"""The whole calendar as one value: which windows a zone has on a day, and until when from which node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from app.slots.rules import closing_instant, holiday_on, occurs_on, window_on
from app.values.window import SkippedLocalTime, Window

if TYPE_CHECKING:
    from app.slots.tables import (
        CutoffRule,
        HolidayRule,
        PickWave,
        SlotException,
        SlotTemplate,
        Timetable,
    )


class Place(Protocol):
    """A zone, as far as its calendar goes."""

    id: str
    city_id: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Serving:
    """What a window has from one node: until when it can be ordered, or why the node rests then."""

    cutoff_at: datetime
    closed: str | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """A window that a zone has on a day, with what each node has for it; a node None stands for no node."""

    template_id: str
    day: date
    window: Window
    nodes: Mapping[str | None, Serving]

    @property
    def cutoff_at(self) -> datetime:
        """The latest over the nodes that do not rest."""
        return max(serving.cutoff_at for serving in self.nodes.values() if serving.closed is None)

    @property
    def served(self) -> bool:
        """Whether any node works for it."""
        return any(serving.closed is None for serving in self.nodes.values())


@dataclass(frozen=True)
class Calendar:
    """Every rule that stands; `nodes` are the ids of each city's nodes."""

    templates: Sequence[SlotTemplate]
    timetables: Sequence[Timetable]
    exceptions: Sequence[SlotException]
    holidays: Sequence[HolidayRule]
    cutoffs: Sequence[CutoffRule]
    waves: Sequence[PickWave]
    nodes: Mapping[str, Sequence[str]]
    _known: dict[object, Any] = field(default_factory=dict, compare=False, repr=False)

    def day(self, zone: Place, day: date) -> tuple[list[Planned], list[str]]:
        """The windows of a zone on a local day, and a sentence for each that the clocks do not allow.

        A window that two templates give is one; each node works for it if either lets it.
        """
        # Zones that no rule names are all alike, and are worked out once.
        own = zone.id if zone.id in self._named_zones else None
        return self._once((own, zone.city_id, zone.time_zone, day), lambda: self._day(zone, day))

    def _day(self, zone: Place, day: date) -> tuple[list[Planned], list[str]]:
        nodes: Sequence[str | None] = self.nodes.get(zone.city_id) or (None,)
        rests = {node: self.rest(zone, node, day) for node in nodes}
        followed = {node: self._timetable(zone.id, node, day) for node in rests}
        found: dict[Window, Planned] = {}
        skipped: list[str] = []
        for template in self.templates:
            if template.timetable_id not in followed.values():
                continue
            try:
                window = self._window(template, zone, day)
            except SkippedLocalTime as why:
                skipped.append(f"{template.name} on {day}: {why}")
                continue
            if window is None:
                continue
            servings = {
                node: Serving(
                    self._cutoff(template, zone, node, window),
                    why if template.timetable_id == followed[node] else "follows another timetable",
                )
                for node, why in rests.items()
            }
            planned = Planned(template.id, day, window, servings)
            found[window] = _merged(found.get(window), planned)
        return [planned for planned in found.values() if planned.served], skipped

    def windows(self, zones: Iterable[Place], day: date) -> dict[str, Window]:
        """The windows that any of the zones has on a day, by the key of their template."""
        keys = {template.id: template.key for template in self.templates}
        return {keys[p.template_id]: p.window for zone in zones for p in self.day(zone, day)[0]}

    def rest(self, zone: Place, node_id: str | None, day: date) -> str | None:
        """The public holiday on which a node does not work for a zone; a special timetable overrules it."""
        if self._timetable(zone.id, node_id, day) is not None:
            return None
        for rule in self.holidays:
            if rule.zone_id in (None, zone.id) and rule.node_id in (None, node_id):
                name = holiday_on(day, rule.country_code, rule.region)
                if name:
                    return f"public holiday: {name}"
        return None

    @cached_property
    def _named_zones(self) -> frozenset[str | None]:
        kinds = (self.timetables, self.exceptions, self.holidays, self.cutoffs)
        return frozenset(rule.zone_id for rules in kinds for rule in rules)

    @cached_property
    def _usual(self) -> dict[str, CutoffRule]:
        return {rule.id: rule for rule in self.cutoffs}

    def _timetable(self, zone_id: str, node_id: str | None, day: date) -> str | None:
        """The id of the special timetable that holds, the most specific one; None for the normal one."""
        special = [
            table
            for table in self.timetables
            if table.zone_id in (None, zone_id)
            and table.node_id in (None, node_id)
            and self._occurs(table, day)
        ]
        if not special:
            return None
        return max(special, key=lambda table: (bool(table.node_id), bool(table.zone_id), table.key)).id

    def _window(self, template: SlotTemplate, zone: Place, day: date) -> Window | None:
        if not self._occurs(template, day):
            return None
        here = [
            e
            for e in self.exceptions
            if e.template_id == template.id and e.day == day and e.zone_id in (None, zone.id)
        ]
        other = max(here, key=lambda e: (bool(e.zone_id), e.key), default=None)
        if other is None:
            return window_on(template, day, zone.time_zone)
        if other.starts_local is None or other.ends_local is None:
            return None
        return window_on(_OtherHours(template, other.starts_local, other.ends_local), day, zone.time_zone)

    def _cutoff(self, template: SlotTemplate, zone: Place, node_id: str | None, window: Window) -> datetime:
        return closing_instant(
            self.cutoffs,
            self.waves,
            self._usual[template.cutoff_rule_id],
            template_id=template.id,
            zone_id=zone.id,
            node_id=node_id,
            window=window,
            zone=zone.time_zone,
        )

    def _occurs(self, rule: SlotTemplate | Timetable, day: date) -> bool:
        return self._once((rule.id, day), lambda: occurs_on(rule, day))

    def _once[T](self, key: object, work: Callable[[], T]) -> T:
        """The same question for many zones is answered once."""
        if key not in self._known:
            self._known[key] = work()
        answer: T = self._known[key]
        return answer


def _merged(first: Planned | None, second: Planned) -> Planned:
    if first is None or not first.served:
        return second
    nodes = {
        node: serving if serving.closed is None else second.nodes[node]
        for node, serving in first.nodes.items()
    }
    return replace(first, nodes=nodes)


class _OtherHours:
    """A template at the hours of an exception."""

    def __init__(self, template: SlotTemplate, starts_local: str, ends_local: str) -> None:
        self.name = template.name
        self.rrule, self.valid_from, self.valid_until = (
            template.rrule,
            template.valid_from,
            template.valid_until,
        )
        self.starts_local, self.ends_local = starts_local, ends_local
