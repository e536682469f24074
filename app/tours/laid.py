"""Tours as arrays, with all times and loads: what the loops of `app/tours/insertion.py` read."""

from __future__ import annotations

from math import cos, radians
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.tours import insertion as way
from app.tours.insertion import AMOUNTS, Floats, Ints
from app.tours.records import PASSED, RELOAD, STOP
from app.values.point import EARTH_RADIUS_M, Point

_GOODS = ("volume_ml", "weight_g", "chilled_ml", "frozen_ml")


class Laid(NamedTuple):
    """The visits of all tours as arrays, see `app/tours/insertion.py`; `worst` is the limit broken most."""

    first: Ints
    places: Floats
    earliest: Floats
    latest: Floats
    before: Floats
    trip: Floats
    length: Floats
    gaps: Floats
    worst: float


def laid_out(code: Any, node: Point, figures: Floats, placed: NDArray[Any]) -> Laid:
    """All times and loads of the records that lie on tours; `code` runs the loops."""
    tours, tour = len(figures), placed["tour"].astype(np.int64)
    first = np.zeros(tours + 1, np.int64)
    np.cumsum(np.bincount(tour, minlength=tours) + 2, out=first[1:])
    at = np.arange(len(placed)) + 2 * tour + 1
    places = np.zeros((int(first[-1]), way.PLACE_COLUMNS))
    places[:, way.SLOW], places[:, way.IS_DEPOT] = 1.0, 1.0
    ends = np.concatenate((first[:-1], first[1:] - 1))
    places[ends, way.OPENS] = np.tile(figures[:, way.STARTS], 2)
    places[ends, way.CLOSES] = np.tile(figures[:, way.ENDS], 2)
    places[at] = _rows(node, figures[tour], placed)
    amounts = np.zeros((len(places), AMOUNTS))
    stops = placed["kind"] == STOP
    amounts[at[stops], 0] = 1
    for column, name in enumerate(_GOODS, start=1):
        amounts[at[stops], column] = placed[name][stops]
    earliest, latest = np.empty(len(places)), np.empty(len(places))
    before, trip = np.empty((len(places), AMOUNTS)), np.empty((len(places), AMOUNTS))
    length = np.zeros(tours)
    worst = code.timed(first, places, amounts, figures, earliest, latest, before, trip, length)
    gaps = _gaps(first, places, figures, earliest, latest)
    return Laid(first, places, earliest, latest, before, trip, length, gaps, float(worst))


def ground(node: Point, latitude: Any, longitude: Any) -> tuple[Any, Any]:
    """Metres east and north of the node, of one place or of many."""
    metres = radians(1) * EARTH_RADIUS_M
    east = (longitude - node.longitude) * metres * cos(radians(node.latitude))
    return east, (latitude - node.latitude) * metres


def _rows(node: Point, figures: Floats, placed: NDArray[Any]) -> Floats:
    """The rows of `places` of the records on tours, each with the figures of its vehicle."""
    made = np.empty((len(placed), way.PLACE_COLUMNS))
    latitude, longitude = placed["latitude_e7"] / 1e7, placed["longitude_e7"] / 1e7
    made[:, way.X], made[:, way.Y] = ground(node, latitude, longitude)
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


def _gaps(first: Ints, places: Floats, figures: Floats, earliest: Floats, latest: Floats) -> Floats:
    """What lies between each visit and the next, see `app/tours/insertion.py`; after the last is nothing."""
    made = np.empty((way.GAP_ROWS, len(places)))
    vehicle = figures[np.repeat(np.arange(len(figures)), np.diff(first))]
    made[way.GAP_X], made[way.GAP_Y], made[way.GAP_SLOW] = places[:, (way.X, way.Y, way.SLOW)].T
    made[way.LEAVES] = earliest + places[:, way.SERVICE]
    made[way.DUE] = np.append(latest[1:], 0.0)
    ways = np.diff(made[: way.GAP_Y + 1])
    made[way.GAP_AHEAD] = np.append(np.sqrt(ways[0] * ways[0] + ways[1] * ways[1]), 0.0)
    made[way.GAP_PER_M], made[way.GAP_PER_LEG] = vehicle[:, (way.PER_M, way.PER_LEG)].T
    made[way.GAP_HANDOVER], made[way.GAP_PARKING] = vehicle[:, (way.HANDOVER, way.PARKING)].T
    return made
