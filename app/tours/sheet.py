"""The tentative tours of one node and day as a value: what fits, what a change makes of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from app.tours import insertion as way
from app.tours.insertion import Fit, Floats
from app.tours.laid import Laid, ground, laid_out
from app.tours.records import NOT_PLACED, PASSED, RECORD, RELOAD, STOP, point_of, reference_of, tidy
from app.tours.rules import Frame, TourStop, seconds_per_leg, seconds_per_metre
from app.values.point import Point
from app.values.window import Window

_LOW = (1 << 64) - 1
NOTHING_TOLD: Mapping[str, TourStop] = {}
# Sums of seconds from both ends of a tour differ by this much at most.
_DUST = 1e-6
# The column of `windows` that only this file reads, and what it says of a row: the window is for every
# vehicle, or not for combustion engines, whose own stretch of it is a row further down that tells its number.
_WHOSE = 4
_EVERYBODY, _NO_ENGINE = -1.0, -2.0


class Visit(NamedTuple):
    """A stop or reload on its tour: seconds after midnight, its record, and where it is on the ground."""

    tour: int
    earliest_s: float
    latest_s: float
    record: Any
    point: Point


@dataclass(frozen=True)
class Sheet:
    """Tours of stops in order; records of one tour lie together, those without a tour come last.

    Never changed: what changes it makes another one. `code` runs its loops, compiled by default.
    """

    frame: Frame
    records: NDArray[Any]
    code: Any = field(default=None, compare=False, repr=False)

    @property
    def placed(self) -> NDArray[Any]:
        """The records that lie on a tour."""
        return self.records[: self._tail]

    @property
    def unplaced(self) -> NDArray[Any]:
        """The stops that no tour could take."""
        return self.records[self._tail :]

    @cached_property
    def _tail(self) -> int:
        return int(np.count_nonzero(self.records["tour"] != NOT_PLACED))

    @cached_property
    def groups(self) -> dict[str, int]:
        """The number of each class of vehicle."""
        return {class_id: number for number, class_id in enumerate(self.frame.class_ids)}

    @cached_property
    def figures(self) -> Floats:
        """What the vehicles are, a row each, see `app/tours/insertion.py`."""
        frame = self.frame
        made = np.empty((len(frame.vehicles), way.TOUR_COLUMNS))
        for row, one in zip(made, frame.vehicles, strict=True):
            row[way.PER_M] = seconds_per_metre(one.pace, frame.margin_bp)
            row[way.PER_LEG] = seconds_per_leg(one.pace, frame.margin_bp)
            row[way.STARTS], row[way.ENDS] = frame.second(one.shift.start), frame.second(one.shift.end)
            row[way.RELOAD] = one.reload_s
            row[way.RANGE] = one.range_m / one.pace.street_m(1)
            row[way.GROUP] = self.groups[one.class_id]
            row[way.HANDOVER], row[way.PARKING] = one.handover_bp / 10_000, one.parking_bp / 10_000
            room = one.room
            goods = (room.volume_ml, room.weight_g, room.chilled_ml, room.frozen_ml)
            row[way.ROOM :] = (one.stops_per_trip, *goods)
        return made

    @cached_property
    def laid(self) -> Laid:
        """All times and loads, from the records alone."""
        return laid_out(self._code, self.frame.node, self.figures, self.placed)

    @property
    def keeps_all(self) -> bool:
        """Whether every window, load, shift and range is kept."""
        return self.laid.worst <= _DUST

    def fit(
        self,
        point: Point,
        at_door_s: int,
        goods: Sequence[int],
        asked: Floats,
        *,
        least: bool = False,
        short: bool = False,
    ) -> Fit:
        """Whether a stop could go, for each class of vehicle and each of these windows in one pass.

        `goods` are millilitres, grams, chilled and frozen millilitres; `asked` comes from `windows`. With
        `least` the place is the one that adds the least travel, else any; what the nearest misses is found
        with `short` only, which takes longer.
        """
        x, y = self._ground(point)
        found = np.empty((way.FOUND_ROWS, len(self.groups), len(asked)))
        found.fill(inf)
        if not short:
            found[way.SHORT] = 0.0
        barred = self._barred(asked) if self._burning else None
        if barred is not None:
            # Nothing adds less: nobody looks there.
            found[: way.SHORT + 1, barred] = -inf
        laid = self.laid
        self._code.fitted(
            laid.first,
            self.figures,
            laid.gaps,
            laid.before,
            laid.trip,
            laid.length,
            x,
            y,
            float(at_door_s),
            np.array((1, *goods), float),
            asked,
            least,
            np.empty((way.BOUND_ROWS, len(laid.places))),
            found,
        )
        return Fit(found if barred is None else self._gathered(found, asked, barred))

    def _barred(self, asked: Floats) -> NDArray[np.bool_] | None:
        """By class and row, where rows are not for all of them."""
        whose = asked[:, _WHOSE]
        if (whose == _EVERYBODY).all():
            return None
        barred = np.repeat(whose[None, :] >= 0, len(self.groups), axis=0)
        barred[self._burning] = whose == _NO_ENGINE
        return barred

    def _gathered(self, found: Floats, asked: Floats, barred: NDArray[np.bool_]) -> Floats:
        """What was found with each class in the column of the window, not in that of its own stretch."""
        found[: way.SHORT + 1, barred] = inf
        whose = asked[:, _WHOSE]
        own = np.flatnonzero(whose >= 0)
        for group in self._burning:
            found[:, group, whose[own].astype(int)] = found[:, group, own]
        told: Floats = found[:, :, : len(asked) - len(own)]
        return told

    @cached_property
    def _burning(self) -> list[int]:
        return [self.groups[class_id] for class_id in self.frame.combustion]

    def windows(self, zone_id: str, windows: Sequence[Window]) -> Floats:
        """Windows as `fit` wants them, with the parking and the streets of a zone within each; not to be
        changed, for they are kept with the frame.

        A stretch of a window that is left to combustion engines is one more row after all windows.
        """
        frame, key = self.frame, (zone_id, tuple(windows))
        if key in frame.asked:
            return frame.asked[key]
        rows, stretches = [], []
        for number, window in enumerate(windows):
            parking_s, slow_bp = frame.streets(zone_id, window)
            own = frame.without_low_emission(zone_id, window) if frame.combustion else window
            whole = own == window
            streets = parking_s, slow_bp / 10_000
            rows.append((*self.seconds(window), *streets, _EVERYBODY if whole else _NO_ENGINE))
            if own is not None and not whole:
                stretches.append((*self.seconds(own), *streets, number))
        return frame.asked.setdefault(key, np.array([*rows, *stretches], float).reshape(-1, 5))

    def seconds(self, window: Window) -> tuple[int, int]:
        """The first and the last second at which a handover may begin."""
        return self.frame.second(window.start), self.frame.last(window)

    def inserted(self, stop: TourStop) -> Sheet | None:
        """With one more stop where it adds the least travel, or None where no tour of its class can."""
        group = self.groups.get(stop.class_id)
        if group is None:
            return None
        load = stop.load
        goods = (load.volume_ml, load.weight_g, load.chilled_ml, load.frozen_ml)
        asked = self.windows(stop.zone_id, [stop.window])
        found = self.fit(stop.point, stop.at_door_s, goods, asked, least=True)
        if found.extra[group, 0] == inf:
            return None
        tour, after, how = found.where(group, 0)
        # Of the visits before it, two a tour are its ends.
        place = after - 2 * tour
        fresh = [self._record(stop, tour)]
        if how != way.PLAIN:
            fresh.insert(0 if how == way.RELOAD_FIRST else 1, self._reload(tour))
        return self._with(np.insert(self.records, [place] * len(fresh), np.array(fresh, RECORD)))

    def with_stop(self, stop: TourStop) -> Sheet | None:
        """With the stop as it is told, moved where it is on a tour already; None where no tour can."""
        return self.changed(stop) if stop.reference in self else self.inserted(stop)

    def with_unplaced(self, stop: TourStop) -> Sheet:
        """With a stop that no tour takes: somebody has to see to it."""
        fresh = np.array([self._record(stop, NOT_PLACED)], RECORD)
        return self._with(np.concatenate((self.records, fresh)))

    def settled(self, stop: TourStop) -> Sheet:
        """With a stop, on a tour if one takes it."""
        return self.inserted(stop) or self.with_unplaced(stop)

    def without(self, references: Collection[str]) -> Sheet:
        """Without these stops; a place whose passing keeps the rest in time is still passed."""
        gone = self._among(references)
        if not gone.any():
            return self
        left = self._with(tidy(self.records[~gone]))
        if left.keeps_all:
            return left
        left = self._with(self.records[~gone])
        if left.keeps_all:
            return left
        records = self.records[~(gone & (self.records["tour"] == NOT_PLACED))].copy()
        records["kind"][self._with(records)._among(references)] = PASSED
        return self._with(records)

    def changed(self, stop: TourStop) -> Sheet | None:
        """With a stop as it is now: where it is, or elsewhere on the tours of its class, or None."""
        here = np.flatnonzero(self._among([stop.reference]))
        if len(here) and self.records["tour"][here[0]] != NOT_PLACED:
            tour = int(self.records["tour"][here[0]])
            if self.groups.get(stop.class_id) == self.figures[tour, way.GROUP]:
                records = self.records.copy()
                records[here[0]] = self._record(stop, tour)
                same = self._with(records)
                if same.keeps_all and self.frame.may(stop.class_id, stop.zone_id, stop.window):
                    return same
        return self.without([stop.reference]).inserted(stop)

    def emptied(self) -> Sheet:
        """The same vehicles with nothing to bring."""
        return self._emptied

    @cached_property
    def _emptied(self) -> Sheet:
        return self._with(self.records[:0])

    def rearranged(
        self, tours: Sequence[Sequence[str | None]], told: Mapping[str, TourStop] = NOTHING_TOLD
    ) -> Sheet:
        """The same stops in another order: references by tour, None for a reload; the rest is unplaced.

        A stop is of the class of its tour from then on; what is `told` of it says when another class may
        come. Raises KeyError for a reference that is not there.
        """
        known = {reference_of(r): r for r in self.records if r["kind"] == STOP}
        made: list[Any] = []
        for number, tour in enumerate(tours):
            for reference in tour:
                record = self._reload(number) if reference is None else known.pop(reference).copy()
                group = self.figures[number, way.GROUP]
                if reference is not None and reference in told and record["group"] != group:
                    class_id = self.frame.vehicles[number].class_id
                    record = self._record(replace(told[reference], class_id=class_id), number)
                record["tour"], record["group"] = number, group
                made.append(record)
        for record in known.values():
            rest = record.copy()
            rest["tour"] = NOT_PLACED
            made.append(rest)
        return self._with(np.array(made, RECORD))

    def with_tour(self, number: int, tour: Sequence[TourStop | None]) -> Sheet:
        """With these stops in this order on a vehicle that had none; None is a reload."""
        made = [self._reload(number) if stop is None else self._record(stop, number) for stop in tour]
        ahead = int(np.count_nonzero((self.records["tour"] < number) & (self.records["tour"] != NOT_PLACED)))
        fresh = tidy(np.array(made, RECORD))
        return self._with(np.concatenate((self.records[:ahead], fresh, self.records[ahead:])))

    def has_as_told(self, stop: TourStop) -> bool:
        """Whether the stop is there with this window, place, door time, goods and class."""
        here = np.flatnonzero(self._among([stop.reference]))
        if not len(here):
            return False
        record = self.records[here[0]]
        return bool(record == self._record(stop, int(record["tour"])))

    def __contains__(self, reference: str) -> bool:
        return bool(self._among([reference]).any())

    def references(self) -> dict[str, Any]:
        """The record of every stop, by its reference."""
        return {reference_of(record): record for record in self.records if record["kind"] == STOP}

    def visits(self) -> Iterator[Visit]:
        """What the tours do, one after the other and in order, without their ends."""
        laid = self.laid
        for number, record in enumerate(self.placed):
            tour = int(record["tour"])
            at = number + 2 * tour + 1
            point = self.frame.node if record["kind"] == RELOAD else point_of(record)
            yield Visit(tour, float(laid.earliest[at]), float(laid.latest[at]), record, point)

    def spot(self, record: Any) -> tuple[float, float]:
        """Metres east and north of the node of a stop."""
        return self._ground(point_of(record))

    @property
    def _code(self) -> Any:
        return self.code or way.compiled()

    def _with(self, records: NDArray[Any]) -> Sheet:
        made = Sheet(self.frame, records, self.code)
        # What depends on the frame alone is the same.
        made.__dict__["groups"], made.__dict__["figures"] = self.groups, self.figures
        return made

    def _ground(self, point: Point) -> tuple[float, float]:
        """Metres east and north of the node."""
        east, north = ground(self.frame.node, point.latitude, point.longitude)
        return east, north

    def _record(self, stop: TourStop, tour: int) -> Any:
        number = UUID(stop.reference).int
        frame, load = self.frame, stop.load
        parking_s, slow_bp = frame.streets(stop.zone_id, stop.window)
        opens, closes = self.seconds(frame.permitted(stop.class_id, stop.zone_id, stop.window) or stop.window)
        return np.array(
            (
                number >> 64,
                number & _LOW,
                round(stop.point.latitude * 1e7),
                round(stop.point.longitude * 1e7),
                opens,
                closes,
                stop.at_door_s,
                parking_s,
                slow_bp,
                load.volume_ml,
                load.weight_g,
                load.chilled_ml,
                load.frozen_ml,
                tour,
                self.groups.get(stop.class_id, NOT_PLACED),
                STOP,
            ),
            RECORD,
        )

    def _reload(self, tour: int) -> Any:
        record = np.zeros((), RECORD)
        record["tour"], record["kind"], record["group"] = tour, RELOAD, self.figures[tour, way.GROUP]
        return record

    def _among(self, references: Collection[str]) -> NDArray[np.bool_]:
        found = np.zeros(len(self.records), bool)
        for reference in references:
            number = UUID(reference).int
            found |= (
                (self.records["low"] == number & _LOW)
                & (self.records["high"] == number >> 64)
                & (self.records["kind"] == STOP)
            )
        return found


def empty_sheet(frame: Frame, code: Any = None) -> Sheet:
    """The vehicles of a frame with nothing to bring yet."""
    return Sheet(frame, np.empty(0, RECORD), code)
