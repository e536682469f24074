"""Maps as SVG: from degrees to a sheet of paper, and the paths of zones, streets and tours on it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import cos, hypot, pi, radians, sin

from app.values.point import Point

# The longer side of every map; everything drawn on it is in these units.
SIDE = 1000
METRES_PER_DEGREE = 111_320
_MARGIN = 24
_SMALLEST_DEGREES = 0.004
# Marks are pushed apart so often at most; those at one spot leave it at angles that never meet again.
_ROUNDS = 40
_GOLDEN = pi * (3 - 5**0.5)


@dataclass(frozen=True, slots=True)
class Paper:
    """A sheet that shows a part of the earth: equirectangular, true to scale at its middle."""

    west: float
    north: float
    scale: float
    squeeze: float
    width: int
    height: int

    @staticmethod
    def around(points: Iterable[Point]) -> Paper:
        """The sheet that shows all these points; a few streets where they are all one place."""
        known = list(points) or [Point(0.0, 0.0)]
        lats, lons = [p.latitude for p in known], [p.longitude for p in known]
        middle = (min(lats) + max(lats)) / 2
        squeeze = cos(radians(middle))
        tall = max(max(lats) - min(lats), _SMALLEST_DEGREES)
        wide = max((max(lons) - min(lons)) * squeeze, _SMALLEST_DEGREES)
        scale = (SIDE - 2 * _MARGIN) / max(tall, wide)
        width, height = round(wide * scale) + 2 * _MARGIN, round(tall * scale) + 2 * _MARGIN
        return Paper(
            west=(min(lons) + max(lons)) / 2 - width / 2 / scale / squeeze,
            north=middle + height / 2 / scale,
            scale=scale,
            squeeze=squeeze,
            width=width,
            height=height,
        )

    def at(self, latitude: float, longitude: float) -> tuple[float, float]:
        """Where a place lies, in units from the left and from the top."""
        x = (longitude - self.west) * self.squeeze * self.scale
        return round(x, 1), round((self.north - latitude) * self.scale, 1)

    @property
    def units_per_m(self) -> float:
        """How long a metre is on it."""
        return self.scale / METRES_PER_DEGREE

    def path(self, lines: Iterable[Sequence[Sequence[float]]], *, closed: bool = False) -> str:
        """Lines of [lat, lon] as the `d` of a path; steps too small to be seen are left out."""
        return "".join(self._line(line, closed) for line in lines)

    def shows(self, line: Sequence[Sequence[float]]) -> bool:
        """Whether any of these places is on the sheet."""
        places = (self.at(lat, lon) for lat, lon in line)
        return any(0 <= x <= self.width and 0 <= y <= self.height for x, y in places)

    def _line(self, line: Sequence[Sequence[float]], closed: bool) -> str:
        steps: list[tuple[float, float]] = []
        for number, (lat, lon) in enumerate(line):
            x, y = self.at(lat, lon)
            ends = number in (0, len(line) - 1)
            if not steps or ends or abs(x - steps[-1][0]) + abs(y - steps[-1][1]) >= 1.5:
                steps.append((x, y))
        if len(steps) < 2:
            return ""
        return "M" + "L".join(f"{x:g} {y:g}" for x, y in steps) + ("Z" if closed else "")


def apart(places: Sequence[tuple[float, float]], least: float) -> list[tuple[float, float]]:
    """Places for marks that would cover each other: moved until they are `least` units apart, or nearly so.

    The same for the same places; those at one and the same spot go round it.
    """
    moved = [(x, y) for x, y in places]
    for _ in range(_ROUNDS):
        still = True
        for here in range(len(moved)):
            for there in range(here):
                step = _push(moved[here], moved[there], least, here)
                if step is not None:
                    still = False
                    (x, y), (to_x, to_y), (by_x, by_y) = moved[here], moved[there], step
                    moved[here], moved[there] = (x + by_x, y + by_y), (to_x - by_x, to_y - by_y)
        if still:
            break
    return [(round(x, 1), round(y, 1)) for x, y in moved]


def _push(
    one: tuple[float, float], other: tuple[float, float], least: float, turn: int
) -> tuple[float, float] | None:
    """How far the first has to go from the second, which goes as far the other way; None: they are apart."""
    across, down = one[0] - other[0], one[1] - other[1]
    between = hypot(across, down)
    if between >= least:
        return None
    if between < 0.01:
        across, down, between = cos(turn * _GOLDEN), sin(turn * _GOLDEN), 1.0
        half = least / 2
    else:
        half = (least - between) / 2
    return across / between * half, down / between * half
