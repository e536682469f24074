"""What tours can still take at one address: asked once for all windows of a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from math import inf

from app.tours.insertion import Fit
from app.tours.queries import KnownSheet, SheetKey
from app.tours.sheet import Sheet
from app.values.load import Load
from app.values.point import Point
from app.values.window import Window


@dataclass(frozen=True, slots=True)
class Asked:
    """A drop at the address: its goods, and the usual seconds at the door."""

    goods: tuple[int, int, int, int]
    at_door_s: int

    @staticmethod
    def of(load: Load, at_door_s: int) -> Asked:
        """The drop of a load."""
        return Asked((load.volume_ml, load.weight_g, load.chilled_ml, load.frozen_ml), at_door_s)


@dataclass(frozen=True)
class TourRoom:
    """Which windows of an address the tentative tours can serve; a node and day without any says yes.

    `gone` are references whose stops count as gone. Sheets are asked when they are first needed.
    """

    sheets: Mapping[SheetKey, KnownSheet]
    zone_id: str
    point: Point
    gone: frozenset[str] = frozenset()
    _windows: dict[date, tuple[Window, ...]] = field(default_factory=dict, compare=False, init=False)
    _fits: dict[tuple[SheetKey, Asked, bool], dict[Window, tuple[Fit, int]]] = field(
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
        self._windows.update({day: tuple(dict.fromkeys(some)) for day, some in by_day.items()})

    def takes(self, key: SheetKey, class_id: str, window: Window, asked: Asked) -> bool:
        """Whether a tour of the class can come by within the window."""
        if key not in self.sheets:
            return True
        fit, column = self._fit(key, window, asked, empty=False)
        group = self.sheets[key].sheet.groups.get(class_id)
        return group is not None and bool(fit.extra[group, column] < inf)

    def missing_s(self, key: SheetKey, class_id: str, window: Window, asked: Asked) -> float:
        """By how many seconds the nearest tour of the class misses the window; inf where none comes near."""
        if key not in self.sheets:
            return inf
        fit, column = self._fit(key, window, asked, empty=False)
        group = self.sheets[key].sheet.groups.get(class_id)
        return inf if group is None else float(fit.short[group, column])

    def reaches(self, key: SheetKey, class_id: str, window: Window, asked: Asked) -> bool:
        """Whether a vehicle of the class could come by within the window if it had nothing else to do."""
        if key not in self.sheets:
            return True
        fit, column = self._fit(key, window, asked, empty=True)
        group = self.sheets[key].sheet.groups.get(class_id)
        return group is not None and bool(fit.extra[group, column] < inf)

    def _fit(self, key: SheetKey, window: Window, asked: Asked, *, empty: bool) -> tuple[Fit, int]:
        """What was found for all windows of the day, and which of them this is."""
        known = self._fits.setdefault((key, asked, empty), {})
        if window not in known:
            expected = self._windows.get(key[1], ())
            windows = expected if window in expected else (window,)
            sheet = self._sheet(key).emptied() if empty else self._sheet(key)
            wanted = sheet.windows(self.zone_id, windows)
            fit = sheet.fit(self.point, asked.at_door_s, asked.goods, wanted)
            known.update({one: (fit, column) for column, one in enumerate(windows)})
        return known[window]

    def _sheet(self, key: SheetKey) -> Sheet:
        if key not in self._seen:
            sheet = self.sheets[key].sheet
            self._seen[key] = sheet.without(self.gone) if self.gone else sheet
        return self._seen[key]
