"""Exact insertion into tentative tours: array loops, run by Python or compiled, with the same answers.

A tour is start, stops and reloads in order, end: `first[t]..first[t + 1] - 1` of the arrays of visits.
Seconds are counted from the sheet's midnight; places are metres east and north of the node. With `E` the
earliest and `L` the latest instant at which a visit's service may begin, and `s` its service, a new visit
i with window [e, l] goes between a and c exactly when

    t = max(E_a + s_a + T(a, i), e)  <=  min(l, L_c - s_i - T(i, c))

because `E` and `L` carry the whole tour (Campbell and Savelsbergh 2004; allocation study, layer C).
"""

from __future__ import annotations

from functools import cache
from math import inf, sqrt
from threading import Lock
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

# Columns of `tours`, one row each.
(PER_M, PER_LEG, STARTS, ENDS, RELOAD, RANGE, GROUP, HANDOVER, PARKING, ROOM) = range(10)
# What a visit loads and a trip holds, from column ROOM of `tours` on: stops and four measures of goods.
AMOUNTS = 5
TOUR_COLUMNS = ROOM + AMOUNTS
# Columns of `places`, one row a visit; `SLOW` is how many times as long the streets take there and then.
(X, Y, SLOW, SERVICE, OPENS, CLOSES, IS_DEPOT) = range(7)
PLACE_COLUMNS = 7
# Columns of `asked`, one row a window.
(ASKED_OPENS, ASKED_CLOSES, ASKED_PARKING, ASKED_SLOW) = range(4)
# Rows of `gaps`, a column a visit: where it is, when it is left, when the next is due, the metres to it, and
# what the vehicle needs.
(GAP_X, GAP_Y, GAP_SLOW, LEAVES, DUE, GAP_AHEAD) = range(6)
(GAP_PER_M, GAP_PER_LEG, GAP_HANDOVER, GAP_PARKING) = range(6, 10)
GAP_ROWS = 10
# Rows of `bounds`, a column a visit: metres to the place asked, and between which seconds its service would
# have to begin.
(AWAY, SOONEST, LATEST) = range(3)
BOUND_ROWS = 3
# Rows of what is found for each group and window.
(EXTRA, SHORT, TOUR, AFTER, HOW) = range(5)
FOUND_ROWS = 5
# How a visit goes in: directly, with a reload just before it, or with one just after it.
PLAIN, RELOAD_FIRST, RELOAD_AFTER, IMPOSSIBLE = range(4)
# By so much may two sums of the same seconds differ.
_GRAIN_S = 1e-6


class Fit(NamedTuple):
    """What was found by group of tours and window, in rows EXTRA to HOW."""

    found: Floats

    @property
    def extra(self) -> Floats:
        """Seconds of travel added; inf where it is not possible."""
        added: Floats = self.found[EXTRA]
        return added

    @property
    def short(self) -> Floats:
        """Seconds that the nearest place misses."""
        missing: Floats = self.found[SHORT]
        return missing

    def where(self, group: int, window: int) -> tuple[int, int, int]:
        """The tour, the visit it goes after, and how."""
        tour, after, how = self.found[TOUR:, group, window]
        return int(tour), int(after), int(how)


def travel_s(metres: float, slow_a: float, slow_b: float, per_m: float, per_leg: float) -> float:
    """Seconds from one place to another: the one place that says what a leg takes; none where they are one.

    It depends on nothing but the two places, so that a tour's times can be added up from both ends.
    """
    return (metres * per_m + (per_leg if metres > 0 else 0.0)) * max(slow_a, slow_b)


def metres(x_a: float, y_a: float, x_b: float, y_b: float) -> float:
    """The straight line."""
    return sqrt((x_a - x_b) * (x_a - x_b) + (y_a - y_b) * (y_a - y_b))


def timed(
    first: Ints,
    places: Floats,
    amounts: Floats,
    tours: Floats,
    earliest: Floats,
    latest: Floats,
    before: Floats,
    trip: Floats,
    length: Floats,
) -> float:
    """Fill in `earliest` and `latest` of every visit, loads of trips, metres of tours.

    `before[v]` is what the trip has brought up to and with v, `trip[v]` all that the trip brings in which
    the next visit lies. Returns by how many seconds or units the worst limit is broken, 0 for none.
    """
    worst = 0.0
    for t in range(len(first) - 1):
        head, tail = first[t], first[t + 1] - 1
        length[t] = 0.0
        earliest[head] = tours[t, STARTS]
        for v in range(head + 1, tail + 1):
            way = metres(places[v - 1, X], places[v - 1, Y], places[v, X], places[v, Y])
            length[t] += way
            leg = travel_s(way, places[v - 1, SLOW], places[v, SLOW], tours[t, PER_M], tours[t, PER_LEG])
            earliest[v] = max(earliest[v - 1] + places[v - 1, SERVICE] + leg, places[v, OPENS])
            worst = max(worst, earliest[v] - places[v, CLOSES])
        worst = max(worst, length[t] - tours[t, RANGE])
        latest[tail] = places[tail, CLOSES]
        for v in range(tail - 1, head - 1, -1):
            way = metres(places[v, X], places[v, Y], places[v + 1, X], places[v + 1, Y])
            leg = travel_s(way, places[v, SLOW], places[v + 1, SLOW], tours[t, PER_M], tours[t, PER_LEG])
            latest[v] = min(places[v, CLOSES], latest[v + 1] - places[v, SERVICE] - leg)
        worst = max(worst, loaded(head, tail, places, amounts, tours, t, before, trip))
    return worst


def loaded(
    head: int, tail: int, places: Floats, amounts: Floats, tours: Floats, t: int, before: Floats, trip: Floats
) -> float:
    """Fill in the loads of one tour's trips; returns by how much the worst exceeds the vehicle."""
    worst = 0.0
    for q in range(AMOUNTS):
        before[head, q] = 0.0
        for v in range(head + 1, tail + 1):
            before[v, q] = 0.0 if places[v, IS_DEPOT] else before[v - 1, q] + amounts[v, q]
            worst = max(worst, before[v, q] - tours[t, ROOM + q])
        trip[tail, q] = 0.0
        for v in range(tail - 1, head - 1, -1):
            # The last stop of a trip knows all of it; those before it take that over.
            trip[v, q] = before[v, q] if places[v + 1, IS_DEPOT] else trip[v + 1, q]
    return worst


def fitted(
    first: Ints,
    tours: Floats,
    gaps: Floats,
    before: Floats,
    trip: Floats,
    length: Floats,
    x: float,
    y: float,
    door_s: float,
    amount: Floats,
    asked: Floats,
    least: bool,
    bounds: Floats,
    found: Floats,
) -> None:
    """For each group of tours and each window asked: the insertion that adds the least travel.

    `found[EXTRA, g, w]` becomes its seconds, inf where none is. Rows TOUR, AFTER and HOW say where. Unless
    `least`, any one will do. What the nearest misses becomes `found[SHORT, g, w]` if it is less than what
    stands there: with 0 there, nobody looks for it. `bounds` is filled in by `screened`.
    """
    screened(gaps, x, y, door_s, asked, bounds)
    for t in range(len(first) - 1):
        g = int(tours[t, GROUP])
        opens, closes, most = sought(asked, found, g, least)
        if opens > closes or not fits_in(amount, tours, t):
            continue
        for a in range(first[t], first[t + 1] - 1):
            if gaps[LEAVES, a] > closes:
                break
            if gaps[DUE, a] < opens or bounds[SOONEST, a] - bounds[LATEST, a] >= most:
                continue
            w = 0
            while w < asked.shape[0] and not worth(gaps, bounds, a, asked, w, found, g, least):
                w += 1
            if w < asked.shape[0]:
                how = held(trip, before, a, amount, tours, t)
                if how != IMPOSSIBLE:
                    tried(t, a, how, w, gaps, bounds, tours, length[t], x, y, door_s, asked, least, found)


def screened(gaps: Floats, x: float, y: float, door_s: float, asked: Floats, bounds: Floats) -> None:
    """Fill in how far each visit is, and between it and the next the soonest and the latest that the
    service could begin, in whatever window and with whatever reload.

    Streets are as slow as the faster end and parking is the quickest that is asked for, so that `tried`
    never finds more room. It is one pass without a branch, of which machines do several gaps at a time, and
    most gaps need no more.
    """
    slow, parking_s = inf, inf
    for w in range(asked.shape[0]):
        slow = min(slow, asked[w, ASKED_SLOW])
        parking_s = min(parking_s, asked[w, ASKED_PARKING])
    # With a reload the way begins or ends at the node, where nothing is slower.
    slow = max(slow, 1.0)
    for v in range(gaps.shape[1]):
        bounds[AWAY, v] = metres(gaps[GAP_X, v], gaps[GAP_Y, v], x, y)
        away_s = travel_s(bounds[AWAY, v], 1.0, 1.0, gaps[GAP_PER_M, v], gaps[GAP_PER_LEG, v])
        bounds[LATEST, v] = away_s * min(gaps[GAP_SLOW, v], slow)
        # Sums in another order differ by a grain.
        bounds[SOONEST, v] = gaps[LEAVES, v] + bounds[LATEST, v] - _GRAIN_S
    for v in range(gaps.shape[1] - 1):
        service_s = door_s * gaps[GAP_HANDOVER, v] + parking_s * gaps[GAP_PARKING, v]
        bounds[LATEST, v] = gaps[DUE, v] - service_s - bounds[LATEST, v + 1]


def sought(asked: Floats, found: Floats, g: int, least: bool) -> tuple[float, float, float]:
    """From when to when a tour of the group is looked at, and the most that a gap may miss by: over the
    windows that are not served already, where any way to serve them will do."""
    opens, closes, most = inf, -inf, -inf
    for w in range(asked.shape[0]):
        if least or found[EXTRA, g, w] == inf:
            opens = min(opens, asked[w, ASKED_OPENS])
            closes = max(closes, asked[w, ASKED_CLOSES])
            most = max(most, found[SHORT, g, w])
    return opens, closes, most


def fits_in(amount: Floats, tours: Floats, t: int) -> bool:
    """Whether the vehicle can take it at all."""
    fits = True
    for q in range(AMOUNTS):
        fits = fits and amount[q] <= tours[t, ROOM + q]
    return fits


def worth(
    gaps: Floats, bounds: Floats, a: int, asked: Floats, w: int, found: Floats, g: int, least: bool
) -> bool:
    """Whether the gap after visit `a` is worth a look for a window; for most a few comparisons tell.

    It is not wholly before or after the window, and may be large enough, or miss by less than the nearest
    so far. A window that is served already is passed over where any way to serve it will do.
    """
    opens, closes, short = asked[w, ASKED_OPENS], asked[w, ASKED_CLOSES], found[SHORT, g, w]
    if gaps[LEAVES, a] > closes or gaps[DUE, a] < opens:
        return False
    begins = max(bounds[SOONEST, a], opens)
    if begins - min(closes, bounds[LATEST, a]) >= short:
        return False
    return least or found[EXTRA, g, w] == inf


def held(trip: Floats, before: Floats, a: int, amount: Floats, tours: Floats, t: int) -> int:
    """How the trip after visit `a` can hold it as well: as it is, or cut in two by a reload."""
    how = PLAIN
    for q in range(AMOUNTS):
        if trip[a, q] + amount[q] > tours[t, ROOM + q]:
            how = RELOAD_FIRST
    if how == RELOAD_FIRST:
        for q in range(AMOUNTS):
            if trip[a, q] - before[a, q] + amount[q] > tours[t, ROOM + q]:
                how = RELOAD_AFTER
    if how == RELOAD_AFTER:
        for q in range(AMOUNTS):
            if before[a, q] + amount[q] > tours[t, ROOM + q]:
                how = IMPOSSIBLE
    return how


def tried(
    t: int,
    a: int,
    how: int,
    w: int,
    gaps: Floats,
    bounds: Floats,
    tours: Floats,
    length: float,
    x: float,
    y: float,
    door_s: float,
    asked: Floats,
    least: bool,
    found: Floats,
) -> None:
    """Note what it costs to go in after visit `a` of tour `t`, for the windows from `w` on."""
    c, g, per_m, per_leg = a + 1, int(tours[t, GROUP]), tours[t, PER_M], tours[t, PER_LEG]
    slow_a, slow_c, reload_s = gaps[GAP_SLOW, a], gaps[GAP_SLOW, c], tours[t, RELOAD]
    from_a, to_c, a_to_c = bounds[AWAY, a], bounds[AWAY, c], gaps[GAP_AHEAD, a]
    added = from_a + to_c - a_to_c
    home, home_a, home_c = 0.0, 0.0, 0.0
    if how != PLAIN:
        home = metres(x, y, 0.0, 0.0)
        home_a = metres(gaps[GAP_X, a], gaps[GAP_Y, a], 0.0, 0.0)
        home_c = metres(gaps[GAP_X, c], gaps[GAP_Y, c], 0.0, 0.0)
        added = home - a_to_c + (home_a + to_c if how == RELOAD_FIRST else from_a + home_c)
    if length + added > tours[t, RANGE]:
        return
    gone = travel_s(a_to_c, slow_a, slow_c, per_m, per_leg)
    for v in range(w, asked.shape[0]):
        if not worth(gaps, bounds, a, asked, v, found, g, least):
            continue
        slow = asked[v, ASKED_SLOW]
        service = door_s * tours[t, HANDOVER] + asked[v, ASKED_PARKING] * tours[t, PARKING]
        if how == RELOAD_FIRST:
            there = travel_s(home_a, slow_a, 1.0, per_m, per_leg) + reload_s
            there += travel_s(home, 1.0, slow, per_m, per_leg)
        else:
            there = travel_s(from_a, slow_a, slow, per_m, per_leg)
        if how == RELOAD_AFTER:
            back = travel_s(home, slow, 1.0, per_m, per_leg) + reload_s
            back += travel_s(home_c, 1.0, slow_c, per_m, per_leg)
        else:
            back = travel_s(to_c, slow, slow_c, per_m, per_leg)
        begins = max(gaps[LEAVES, a] + there, asked[v, ASKED_OPENS])
        until = min(asked[v, ASKED_CLOSES], gaps[DUE, a] - service - back)
        if begins > until:
            found[SHORT, g, v] = min(found[SHORT, g, v], begins - until)
        elif there + back - gone < found[EXTRA, g, v]:
            found[EXTRA, g, v] = there + back - gone
            found[TOUR, g, v], found[AFTER, g, v], found[HOW, g, v] = t, a, how


def compiled() -> Any:
    """`timed` and `fitted` as machine code.

    Loading numba takes a second or two and the first compilation on a machine some more; the result is
    kept beside this file, or in the user's cache where that cannot be written; where neither can, every
    process compiles for itself. Servers, workers and commands that meet tours ask for it as they start
    (`app/tours/warm.py`), so that no request and no transaction waits for it.
    """
    with _COMPILING:
        return _compiled()


def ready() -> bool:
    """Whether this process has its machine code."""
    return _compiled.cache_info().currsize > 0


@cache
def _compiled() -> Any:
    import numba  # noqa: PLC0415  # slow to load, and not everybody needs it
    from numba.extending import register_jitable  # noqa: PLC0415

    for part in (travel_s, metres, fits_in, screened, sought, worth, held, tried, loaded):
        # Called, they would cost more than what they do.
        register_jitable(forceinline=True, _nrt=False)(part)
    options: dict[str, Any] = {"nogil": True, "_nrt": False}
    keep = numba.njit(cache=True, **options)
    try:
        return SimpleNamespace(timed=keep(timed), fitted=keep(fitted))
    except RuntimeError:
        # An installation that cannot be written to, by a user without a home.
        once = numba.njit(**options)
        return SimpleNamespace(timed=once(timed), fitted=once(fitted))


# Many threads may meet their first tour at once.
_COMPILING = Lock()
# The same functions as they stand, for tests and for machines where nothing can be compiled.
PLAIN_PYTHON = SimpleNamespace(timed=timed, fitted=fitted)
