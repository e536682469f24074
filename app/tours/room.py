"""What tours can still take at one address: asked once for all windows of a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import Enum
from math import inf
from typing import NamedTuple

from app.tours.queries import KnownSheet, SheetKey
from app.tours.sheet import Sheet
from app.values.load import Load
from app.values.point import Point
from app.values.window import Window


class Asked(NamedTuple):
    """A drop at the address: its goods, and the usual seconds at the door."""

    goods: tuple[int, int, int, int]
    at_door_s: int

    @staticmethod
    def of(load: Load, at_door_s: int) -> Asked:
        """The drop of a load."""
        return Asked((load.volume_ml, load.weight_g, load.chilled_ml, load.frozen_ml), at_door_s)


class _Found(NamedTuple):
    """By class and window, as Python's own numbers: seconds that a drop adds, inf where it is not possible,
    and seconds that the nearest place misses."""

    classes: Mapping[str, int]
    columns: Mapping[Window, int]
    extra_s: list[list[float]]
    short_s: list[list[float]]


class _Look(Enum):
    """What is looked for: a place, by how much the nearest misses, or a place on empty tours."""

    PLACE = "PLACE"
    NEAREST = "NEAREST"
    EMPTY = "EMPTY"


@dataclass(frozen=True)
class TourRoom:
    """Which windows of an address the tentative tours can serve; a node and day without any says yes.

    `gone` are references whose stops count as gone. Sheets are asked when they are first needed.
    """

    sheets: Mapping[SheetKey, KnownSheet]
    zone_id: str
    point: Point
    gone: frozenset[str] = frozenset()
    # The windows of a day and the column of each.
    _windows: dict[date, Mapping[Window, int]] = field(default_factory=dict, compare=False, init=False)
    _found: dict[tuple[SheetKey, Asked, _Look], dict[Window, _Found]] = field(
        default_factory=dict, compare=False, init=False
    )
    _seen: dict[SheetKey, Sheet] = field(default_factory=dict, compare=False, init=False)

    def at(self, point: Point) -> TourRoom:
        """The same tours asked from another address of the zone."""
        return replace(self, point=point)

    def without(self, *references: str) -> TourRoom:
        """The same tours as if they did not bring these."""
        return replace(self, gone=self.gone | frozenset(references))

    def with_sheets(self, sheets: Mapping[SheetKey, KnownSheet]) -> TourRoom:
        """The same address, asked of other tours."""
        return replace(self, sheets=sheets)

    def expect(self, windows: Iterable[tuple[date, Window]]) -> None:
        """These windows will be asked for: those of a day are then looked at together."""
        by_day: dict[date, list[Window]] = {}
        for day, window in windows:
            by_day.setdefault(day, []).append(window)
        self._windows.update({day: _numbered(some) for day, some in by_day.items()})

    def takes(self, key: SheetKey, class_id: str, window: Window, asked: Asked) -> bool:
        """Whether a tour of the class can come by within the window."""
        return key not in self.sheets or self._could(key, class_id, window, asked, _Look.PLACE)

    def missing_s(self, key: SheetKey, class_id: str, window: Window, asked: Asked) -> float:
        """By how many seconds the nearest tour of the class misses the window; inf where none comes near."""
        if key not in self.sheets:
            return inf
        found = self._found_in(key, window, asked, _Look.NEAREST)
        number = found.classes.get(class_id)
        return inf if number is None else found.short_s[number][found.columns[window]]

    def reaches(self, key: SheetKey, class_id: str, window: Window, asked: Asked) -> bool:
        """Whether a vehicle of the class could come by within the window if it had nothing else to do."""
        return key not in self.sheets or self._could(key, class_id, window, asked, _Look.EMPTY)

    def _could(self, key: SheetKey, class_id: str, window: Window, asked: Asked, look: _Look) -> bool:
        found = self._found_in(key, window, asked, look)
        number = found.classes.get(class_id)
        return number is not None and found.extra_s[number][found.columns[window]] < inf

    def _found_in(self, key: SheetKey, window: Window, asked: Asked, look: _Look) -> _Found:
        """What was found for the window; all windows of a day are looked at together."""
        known = self._found.setdefault((key, asked, look), {})
        found = known.get(window)
        if found is None:
            expected = self._windows.get(key[1], {})
            columns = expected if window in expected else {window: 0}
            sheet = self._sheet(key).emptied() if look is _Look.EMPTY else self._sheet(key)
            wanted, near = sheet.windows(self.zone_id, tuple(columns)), look is _Look.NEAREST
            fit = sheet.fit(self.point, asked.at_door_s, asked.goods, wanted, short=near)
            found = _Found(sheet.groups, columns, fit.extra.tolist(), fit.short.tolist())
            known.update(dict.fromkeys(columns, found))
        return found

    def _sheet(self, key: SheetKey) -> Sheet:
        if key not in self._seen:
            sheet = self.sheets[key].sheet
            self._seen[key] = sheet.without(self.gone) if self.gone else sheet
        return self._seen[key]


def _numbered(windows: Iterable[Window]) -> Mapping[Window, int]:
    return {window: number for number, window in enumerate(dict.fromkeys(windows))}
