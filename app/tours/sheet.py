"""The tentative tours of one node and day as a value: what fits, what a change makes of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import cos, inf, radians
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from app.tours import insertion as way
from app.tours.insertion import AMOUNTS, Fit, Floats, Ints
from app.tours.records import NOT_PLACED, PASSED, RECORD, RELOAD, STOP, point_of, reference_of, tidy
from app.tours.rules import Frame, TourStop, seconds_per_metre
from app.values.point import EARTH_RADIUS_M, Point
from app.values.window import Window

_GOODS = ("volume_ml", "weight_g", "chilled_ml", "frozen_ml")
_LOW = (1 << 64) - 1
# Sums of seconds from both ends of a tour differ by this much at most.
_DUST = 1e-6
# The column of `windows` that only this file reads: whether a low-emission hour lies in the window.
_LOW_EMISSION = 4


class Laid(NamedTuple):
    """The visits of all tours as arrays, see `app/tours/insertion.py`; `worst` is the limit broken most."""

    first: Ints
    places: Floats
    earliest: Floats
    latest: Floats
    before: Floats
    trip: Floats
    length: Floats
    worst: float


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
        figures, placed = self.figures, self.placed
        tours, tour = len(figures), placed["tour"].astype(np.int64)
        first = np.zeros(tours + 1, np.int64)
        np.cumsum(np.bincount(tour, minlength=tours) + 2, out=first[1:])
        at = np.arange(len(placed)) + 2 * tour + 1
        places = np.zeros((int(first[-1]), way.PLACE_COLUMNS))
        places[:, way.SLOW], places[:, way.IS_DEPOT] = 1.0, 1.0
        ends = np.concatenate((first[:-1], first[1:] - 1))
        places[ends, way.OPENS] = np.tile(figures[:, way.STARTS], 2)
        places[ends, way.CLOSES] = np.tile(figures[:, way.ENDS], 2)
        places[at] = self._rows(placed, tour)
        amounts = np.zeros((len(places), AMOUNTS))
        stops = placed["kind"] == STOP
        amounts[at[stops], 0] = 1
        for column, name in enumerate(_GOODS, start=1):
            amounts[at[stops], column] = placed[name][stops]
        earliest, latest = np.empty(len(places)), np.empty(len(places))
        before, trip = np.empty((len(places), AMOUNTS)), np.empty((len(places), AMOUNTS))
        length = np.zeros(tours)
        worst = self._code.timed(first, places, amounts, figures, earliest, latest, before, trip, length)
        return Laid(first, places, earliest, latest, before, trip, length, float(worst))

    @property
    def keeps_all(self) -> bool:
        """Whether every window, load, shift and range is kept."""
        return self.laid.worst <= _DUST

    def fit(
        self, point: Point, at_door_s: int, goods: Sequence[int], asked: Floats, *, least: bool = False
    ) -> Fit:
        """Whether a stop could go, for each class of vehicle and each of these windows in one pass.

        `goods` are millilitres, grams, chilled and frozen millilitres; `asked` comes from `windows`. With
        `least` the place is the one that adds the least travel, else the first one found.
        """
        x, y = self._ground(point)
        found = np.empty((way.FOUND_ROWS, len(self.groups), len(asked)))
        found.fill(inf)
        laid = self.laid
        self._code.fitted(
            laid.first,
            laid.places,
            self.figures,
            laid.earliest,
            laid.latest,
            laid.before,
            laid.trip,
            laid.length,
            x,
            y,
            float(at_door_s),
            np.array((1, *goods), float),
            asked,
            least,
            found,
        )
        self._bar(found, asked)
        return Fit(found)

    def _bar(self, found: Floats, asked: Floats) -> None:
        """Combustion engines do not go where a low-emission hour lies within the window."""
        closed = asked[:, _LOW_EMISSION] > 0
        burning = [self.groups[class_id] for class_id in self.frame.combustion]
        if burning and closed.any():
            barred = np.ix_(burning, closed)
            found[way.EXTRA][barred], found[way.SHORT][barred] = inf, inf

    def windows(self, zone_id: str, windows: Sequence[Window]) -> Floats:
        """Windows as `fit` wants them, with the parking and the streets of a zone within each."""
        frame = self.frame
        made = np.empty((len(windows), 5))
        for row, window in zip(made, windows, strict=True):
            parking_s, slow_bp = frame.streets(zone_id, window)
            low = frame.low_emission(zone_id, window)
            row[:] = frame.second(window.start), frame.last(window), parking_s, slow_bp / 10_000, low
        return made

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
        node = self.frame.node
        metres = radians(1) * EARTH_RADIUS_M
        east = (point.longitude - node.longitude) * metres * cos(radians(node.latitude))
        return east, (point.latitude - node.latitude) * metres

    def _rows(self, placed: NDArray[Any], tour: Ints) -> Floats:
        """The rows of `places` of the records on tours."""
        node, figures = self.frame.node, self.figures[tour]
        metres = radians(1) * EARTH_RADIUS_M
        made = np.empty((len(placed), way.PLACE_COLUMNS))
        made[:, way.X] = (
            (placed["longitude_e7"] / 1e7 - node.longitude) * metres * cos(radians(node.latitude))
        )
        made[:, way.Y] = (placed["latitude_e7"] / 1e7 - node.latitude) * metres
        made[:, way.SLOW] = placed["slow_bp"] / 10_000
        made[:, way.SERVICE] = (
            placed["door_s"] * figures[:, way.HANDOVER] + placed["parking_s"] * figures[:, way.PARKING]
        )
        made[:, way.OPENS], made[:, way.CLOSES] = placed["opens"], placed["closes"]
        made[:, way.IS_DEPOT] = 0.0
        passed = placed["kind"] == PASSED
        made[passed, way.SERVICE] = 0.0
        made[passed, way.OPENS], made[passed, way.CLOSES] = (
            figures[passed, way.STARTS],
            figures[passed, way.ENDS],
        )
        reloads = placed["kind"] == RELOAD
        made[reloads] = 0.0
        made[reloads, way.SLOW], made[reloads, way.IS_DEPOT] = 1.0, 1.0
        made[reloads, way.SERVICE] = figures[reloads, way.RELOAD]
        made[reloads, way.OPENS] = figures[reloads, way.STARTS]
        made[reloads, way.CLOSES] = figures[reloads, way.ENDS]
        return made

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
