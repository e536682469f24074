"""How fast the ways of tours are, from a sample of them on the streets. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import numpy as np

from app.fleet.rules import Pace
from app.tours.problem import Travel
from app.values.point import Point, distance_m

# So many stops are about the node at a time, and each is driven to the nearest of the others, as on a tour.
ABOUT = 30
NEIGHBOURS = 4
ROUNDS = 10
# Fewer ways than this tell nothing, and places nearer than this are one.
LEAST_WAYS = 30
ONE_PLACE_M = 5


class Way(NamedTuple):
    """One way: the straight line, and the metres and seconds of the streets on it."""

    straight_m: int
    street_m: int
    street_s: int


def pace_between(places: Sequence[Point], travel: Travel) -> Pace | None:
    """The pace of ways among addresses and the node, which is the first of these places, none of them twice.

    None where too few ways tell nothing.
    """
    number = {place: at for at, place in enumerate(places)}
    pairs = [(number[a], number[b]) for a, b in sampled(places[0], places[1:])]
    return fitted(
        [
            Way(distance_m(places[a], places[b]), travel.metres.at(a, b), travel.seconds.at(a, b))
            for a, b in pairs
        ]
    )


def sampled(node: Point, addresses: Sequence[Point], *, seed: int = 1) -> list[tuple[Point, Point]]:
    """Ways as tours have them: between stops that are neighbours among a few, there from the node and back.

    How many stops are about decides little: what every way takes is told apart from its metres.
    """
    draw, found = Random(seed), []
    for _ in range(ROUNDS):
        about = draw.sample(addresses, min(ABOUT, len(addresses)))
        for stop in about:
            near = sorted(about, key=lambda other: distance_m(stop, other))[1 : NEIGHBOURS + 1]
            found += [(node, stop), (stop, node)]
            found += [pair for other in near for pair in ((stop, other), (other, stop))]
    return [(a, b) for a, b in found if distance_m(a, b) > ONE_PLACE_M]


def fitted(ways: Sequence[Way]) -> Pace | None:
    """The pace that fits best: `street_s = leg_s + s_per_km * street_km` by least squares.

    None where too few ways tell nothing.
    """
    if len(ways) < LEAST_WAYS:
        return None
    straight_m, street_m, street_s = np.array(ways, float).T
    detour = street_m.sum() / straight_m.sum()
    km = straight_m * detour / 1_000
    (leg_s, s_per_km), *_ = np.linalg.lstsq(np.column_stack((np.ones(len(km)), km)), street_s)
    if leg_s < 0 or s_per_km <= 0:
        # Short ways are quicker than their share, or long ones no slower than short ones: one figure for all.
        leg_s, s_per_km = 0.0, street_s.sum() / km.sum()
    return Pace(round(detour * 10_000), round(float(s_per_km), 1), round(leg_s), measured=True)
