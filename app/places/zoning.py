"""Draw service zones: H3 cells grouped until a zone has enough drops, pure and repeatable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import h3

from app.places.rules import cell_of
from app.values.point import Point, distance_m


@dataclass(frozen=True, slots=True)
class DrawnZone:
    """A group of neighbouring cells, the weight in it, its middle and its border rings [[lat, lon], ...]."""

    cells: tuple[str, ...]
    weight: int
    centre: Point
    area_m2: int
    border: tuple[tuple[tuple[float, float], ...], ...]


def draw_zones(points: Iterable[Point], *, zones: int) -> list[DrawnZone]:
    """About `zones` connected zones of about equal weight that cover all cells with a point in them.

    Grown one after the other from the outermost cell left, always by the neighbouring cell nearest to
    where the zone began; remainders too small to be zones join their lightest neighbour.
    """
    weights = _filled(Counter(cell_of(point) for point in points))
    if not weights:
        return []
    middle = _middle(weights)
    target = sum(weights.values()) / max(1, zones)
    left = set(weights)
    groups: list[set[str]] = []
    while left:
        begin = max(left, key=lambda c: (distance_m(_centre(c), middle), c))
        groups.append(_grown(begin, left, weights, target))
    return [_drawn(group, weights) for group in _merged(groups, weights, target / 3)]


def _filled(weights: Counter[str]) -> dict[str, int]:
    """The cells with weight, and the empty ones between them that at least four of them enclose."""
    empty = {n for cell in weights for n in h3.grid_ring(cell, 1)} - set(weights)
    enclosed = {cell for cell in empty if sum(n in weights for n in h3.grid_ring(cell, 1)) >= 4}
    return {**weights, **dict.fromkeys(enclosed, 0)}


def _grown(begin: str, left: set[str], weights: Mapping[str, int], target: float) -> set[str]:
    left.discard(begin)
    group, weight, origin = {begin}, weights[begin], _centre(begin)
    edge = {n for n in h3.grid_ring(begin, 1) if n in left}
    while weight < target and edge:
        chosen = min(edge, key=lambda c: (distance_m(_centre(c), origin), c))
        left.discard(chosen)
        group.add(chosen)
        weight += weights[chosen]
        edge = (edge | set(h3.grid_ring(chosen, 1))) & left
    return group


def _merged(groups: list[set[str]], weights: Mapping[str, int], least: float) -> list[set[str]]:
    """The groups with remainders joined to a neighbour; islands stay as they are."""

    def weight(group: set[str]) -> int:
        return sum(weights[cell] for cell in group)

    kept = [group for group in groups if weight(group) >= least]
    for small in (group for group in groups if weight(group) < least):
        around = {n for cell in small for n in h3.grid_ring(cell, 1)}
        beside = [group for group in kept if group & around]
        if beside:
            min(beside, key=lambda g: (weight(g), min(g))).update(small)
        else:
            kept.append(set(small))
    return kept


def _drawn(group: set[str], weights: Mapping[str, int]) -> DrawnZone:
    cells = sorted(group)
    shape = h3.cells_to_h3shape(cells)
    polygons = [shape] if isinstance(shape, h3.LatLngPoly) else list(shape)
    rings = tuple(
        tuple((round(lat, 5), round(lng, 5)) for lat, lng in ring)
        for polygon in polygons
        for ring in (polygon.outer, *polygon.holes)
    )
    return DrawnZone(
        cells=tuple(cells),
        weight=sum(weights[cell] for cell in cells),
        centre=_middle({cell: weights[cell] for cell in cells}),
        area_m2=round(sum(h3.cell_area(cell, unit="m^2") for cell in cells)),
        border=rings,
    )


def _centre(cell: str) -> Point:
    return Point(*h3.cell_to_latlng(cell))


def _middle(weights: Mapping[str, int]) -> Point:
    """The centre of gravity; of cells without any weight, their plain middle."""
    total = sum(weights.values())
    lat = lon = 0.0
    for cell, weight in weights.items():
        share = weight / total if total else 1 / len(weights)
        point = _centre(cell)
        lat, lon = lat + point.latitude * share, lon + point.longitude * share
    return Point(round(lat, 6), round(lon, 6))
