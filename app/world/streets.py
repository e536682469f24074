"""How long it takes from place to place: on the city's streets where their graphs were built, else as the
crow flies; whoever answered is named."""

from __future__ import annotations

import hashlib
import sys
from array import array
from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import orjson

from app.fleet.rules import Mover
from app.tours.problem import Grid, Travel
from app.values.point import Point, distance_m
from app.world.child import Child, ChildFailed
from app.world.street_graph import META, PROFILE_OF, Profile

COMMAND = (sys.executable, "-m", "app.world.road_engine")
# A place farther than this from any street is not in this city.
OFF_STREET_M = 500
WALL_S = 120.0
_KEPT = 200
# How the source of such times begins.
_OF_STREETS = "streets of "

# A way on the map: degrees north and east, place after place.
type Line = tuple[tuple[float, float], ...]


class NoStreets(Exception):
    """The streets give no answer; the message says why and what to do."""


class Streets:
    """Travel tables of the graphs in a folder, kept there once made; safe for several threads."""

    def __init__(self, folder: Path | None, *, command: Sequence[str] = COMMAND) -> None:
        self._folder = folder or Path("/nonexistent")
        self._child = Child("road engine", command)
        self._one = Lock()

    def travel(self, mover: Mover, points: Sequence[Point], *, circuity_bp: int) -> Travel:
        """Free-flow tables between all points; `source` says who answered, and why it was not the streets."""
        profile = PROFILE_OF[mover.kind]
        try:
            return self._on_streets(mover, profile, points, circuity_bp)
        except NoStreets as why:
            return straight(mover, points, circuity_bp=circuity_bp, why=str(why))

    def line(self, mover: Mover, points: Sequence[Point]) -> Line | None:
        """The way along the streets through these points in their order; None where no street leads there.

        Raises NoStreets when there are no streets for this mover, or the engine fails.
        """
        facts, profile = self._facts(), PROFILE_OF[mover.kind]
        if profile.name not in facts["profiles"]:
            raise NoStreets(f"no streets were built for {profile.name}: lastlap streets build FILE")
        places = [at for at, before in zip(points, (None, *points), strict=False) if at != before]
        if len(places) < 2:
            return None
        answer = self._told({**self._graph(profile, places), "drawn": True})
        return None if "error" in answer else tuple((lat, lon) for lat, lon in answer["line"])

    def source(self) -> str:
        """Which city's streets there are; raises NoStreets when there are none."""
        return f"{_OF_STREETS}{self._facts()['file']}"

    def stamp(self) -> str:
        """What tells these streets from others; raises NoStreets when there are none."""
        return str(self._facts()["sha256"])

    def close(self) -> None:
        """End the engine's process, if there is one."""
        with self._one:
            self._child.close()

    def _facts(self) -> dict[str, Any]:
        try:
            facts: dict[str, Any] = orjson.loads((self._folder / META).read_bytes())
            return {name: facts[name] for name in ("file", "sha256", "profiles")}
        except FileNotFoundError as why:
            raise NoStreets("no streets were built: lastlap streets build FILE") from why
        except (OSError, ValueError, KeyError, TypeError) as why:
            raise NoStreets(
                "the streets cannot be read; build them again: lastlap streets build FILE"
            ) from why

    def _on_streets(
        self, mover: Mover, profile: Profile, points: Sequence[Point], circuity_bp: int
    ) -> Travel:
        facts = self._facts()
        if profile.name not in facts["profiles"]:
            raise NoStreets(f"no streets were built for {profile.name}: lastlap streets build FILE")
        key = hashlib.sha256(
            orjson.dumps([facts["sha256"], profile.name, [_lon_lat(point) for point in points]])
        ).hexdigest()
        answer = self._remembered(key, len(points)) or self._asked(key, profile, points)
        metres, seconds = answer
        _fill(metres, seconds, straight(mover, points, circuity_bp=circuity_bp))
        side = len(points)
        return Travel(
            profile.name,
            f"{_OF_STREETS}{facts['file']}",
            Grid(side, metres.tobytes()),
            Grid(side, seconds.tobytes()),
        )

    def _asked(self, key: str, profile: Profile, points: Sequence[Point]) -> tuple[array[int], array[int]]:
        answer = self._told(self._graph(profile, points))
        if "error" in answer:
            raise NoStreets(f"the road engine said: {answer['error']}; build the streets again")
        off = sum(metres > OFF_STREET_M for metres in answer["off_street_m"])
        if off:
            raise NoStreets(f"{off} of {len(points)} places lie more than {OFF_STREET_M} m from any street")
        metres, seconds = (array("i", b64decode(answer[name])) for name in ("metres", "seconds"))
        self._remember(key, metres, seconds)
        return metres, seconds

    def _graph(self, profile: Profile, points: Sequence[Point]) -> dict[str, Any]:
        """A question about these points."""
        graph = str((self._folder / profile.name / "city.osrm").resolve())
        return {"graph": graph, "points": [_lon_lat(point) for point in points]}

    def _told(self, question: dict[str, Any]) -> dict[str, Any]:
        """What the engine says; raises NoStreets when it says nothing."""
        try:
            with self._one:
                answer: dict[str, Any] = orjson.loads(self._child.ask(orjson.dumps(question), wall_s=WALL_S))
        except (ChildFailed, ValueError) as why:
            raise NoStreets(f"the road engine failed ({why}); build the streets again") from why
        return answer

    def _remembered(self, key: str, side: int) -> tuple[array[int], array[int]] | None:
        try:
            cells = (self._folder / "tables" / key).read_bytes()
        except OSError:
            return None
        half = 4 * side * side
        if len(cells) != 2 * half:
            return None
        return array("i", cells[:half]), array("i", cells[half:])

    def _remember(self, key: str, metres: array[int], seconds: array[int]) -> None:
        """Keep the tables in a file, and the newest of all."""
        folder = self._folder / "tables"
        try:
            folder.mkdir(exist_ok=True)
            (folder / f"{key}.new").write_bytes(metres.tobytes() + seconds.tobytes())
            (folder / f"{key}.new").rename(folder / key)
            for old in sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime)[:-_KEPT]:
                old.unlink()
        except OSError:
            return  # A table that is not kept is made again.


def is_of_streets(travel: Travel) -> bool:
    """Whether the streets of a map gave these times."""
    return travel.source.startswith(_OF_STREETS)


def straight(mover: Mover, points: Sequence[Point], *, circuity_bp: int, why: str = "") -> Travel:
    """Straight lines, longer by the city's circuity, at the class's own speed."""
    metres = [[distance_m(a, b) * circuity_bp // 10_000 for b in points] for a in points]
    seconds = [[-(-m * 36 // (10 * mover.speed_kmh)) for m in row] for row in metres]
    reason = f" ({why})" if why else ""
    source = f"straight lines x {circuity_bp / 10_000:g}{reason}"
    return Travel(mover.name, source, Grid.of(metres), Grid.of(seconds))


def _lon_lat(point: Point) -> tuple[float, float]:
    return round(point.longitude, 5), round(point.latitude, 5)


def _fill(metres: array[int], seconds: array[int], lines: Travel) -> None:
    """Where no street leads from one place to another (an island of the map), straight lines do."""
    for cell in range(len(metres)):
        if metres[cell] < 0 or seconds[cell] < 0:
            origin, goal = divmod(cell, lines.metres.side)
            metres[cell], seconds[cell] = lines.metres.at(origin, goal), lines.seconds.at(origin, goal)
