"""Better tours for a sheet of the simulation: the house's own problem and router, ended by a count."""

from __future__ import annotations

from app.allocation.solve.routes import route
from app.tours.as_problem import better, tour_problem, tours_of
from app.tours.problem import RoutingLimits
from app.tours.sheet import Sheet

# Only the count of iterations ends a search, so that a season repeats exactly.
_FOREVER_S = 3_600.0


def improved(sheet: Sheet, *, iterations: int, seed: int) -> Sheet:
    """The sheet with better tours, or as it was where the router found none that keep all.

    As in the house, a stop may go to another class of vehicle; stops without a tour are tried too.
    """
    told = tour_problem(sheet, dict.fromkeys(sheet.references(), tuple(sheet.groups)))
    if told is None:
        return sheet
    limits = RoutingLimits(seconds=_FOREVER_S, iterations=iterations, seed=seed)
    made = sheet.rearranged(tours_of(told, route(told.problem, limits, told.start)))
    return made if better(sheet, made) else sheet
