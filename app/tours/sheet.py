"""The tentative tours of one node and day as a value: what fits, what a change makes of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
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
from app.tours.rules import Frame, TourStop, seconds_per_metre
from app.values.point import Point
from app.values.window import Window

_LOW = (1 << 64) - 1
# Sums of seconds from both ends of a tour differ by this much at most.
_DUST = 1e-6
# The column of `windows` that only this file reads: whether a low-emission hour lies in the window.
_LOW_EMISSION = 4


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
            row[way.PER_M] = seconds_per_metre(one, frame.circuity_bp, frame.margin_bp)
            row[way.STARTS], row[way.ENDS] = frame.second(one.shift.start), frame.second(one.shift.end)
            row[way.RELOAD] = one.reload_s
            row[way.RANGE] = one.range_m * 10_000 / frame.circuity_bp
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
        self._bar(found, asked)
        return Fit(found)

    def _bar(self, found: Floats, asked: Floats) -> None:
        """Combustion engines do not go where a low-emission hour lies within the window."""
        closed = asked[:, _LOW_EMISSION] > 0 if self._burning else None
        if closed is not None and closed.any():
            barred = np.ix_(self._burning, closed)
            found[way.EXTRA][barred], found[way.SHORT][barred] = inf, inf

    @cached_property
    def _burning(self) -> list[int]:
        return [self.groups[class_id] for class_id in self.frame.combustion]

    def windows(self, zone_id: str, windows: Sequence[Window]) -> Floats:
        """Windows as `fit` wants them, with the parking and the streets of a zone within each; not to be
        changed, for they are kept with the frame."""
        frame, key = self.frame, (zone_id, tuple(windows))
        if key in frame.asked:
            return frame.asked[key]
        made = np.empty((len(windows), 5))
        for row, window in zip(made, windows, strict=True):
            parking_s, slow_bp = frame.streets(zone_id, window)
            low = frame.low_emission(zone_id, window)
            row[:] = frame.second(window.start), frame.last(window), parking_s, slow_bp / 10_000, low
        return frame.asked.setdefault(key, made)

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

    def rearranged(self, tours: Sequence[Sequence[str | None]]) -> Sheet:
        """The same stops in another order: references by tour, None for a reload; the rest is unplaced.

        A stop is of the class of its tour from then on. Raises KeyError for a reference that is not there.
        """
        known = {reference_of(r): r for r in self.records if r["kind"] == STOP}
        made: list[Any] = []
        for number, tour in enumerate(tours):
            for reference in tour:
                record = self._reload(number) if reference is None else known.pop(reference).copy()
                record["tour"], record["group"] = number, self.figures[number, way.GROUP]
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
        parking_s, slow_bp = self.frame.streets(stop.zone_id, stop.window)
        load = stop.load
        return np.array(
            (
                number >> 64,
                number & _LOW,
                round(stop.point.latitude * 1e7),
                round(stop.point.longitude * 1e7),
                self.frame.second(stop.window.start),
                self.frame.last(stop.window),
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
