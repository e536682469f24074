"""Read a city out of OpenStreetMap extracts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import osmium

from app.places.city import AddressData, CityData, StreetData
from app.values.point import Point
from app.world.errors import BrokenMapFile

ATTRIBUTION = "© OpenStreetMap contributors"
_LIVED_ON = {"residential", "living_street", "tertiary", "secondary", "pedestrian", "unclassified"}
_NOT_STREETS = {"motorway", "motorway_link", "proposed", "construction", "platform", "elevator"}


@dataclass
class _Found:
    """What a pass over the files collects."""

    addresses: list[AddressData] = field(default_factory=list)
    streets: dict[str, list[tuple[Point, ...]]] = field(default_factory=lambda: defaultdict(list))
    kinds: dict[str, str] = field(default_factory=dict)
    buildings: list[Point] = field(default_factory=list)
    corners: list[Point] = field(default_factory=list)
    towns: Counter[str] = field(default_factory=Counter)

    @property
    def patchy(self) -> bool:
        """Fewer houses than streets: too few to say where people live, or what the city is called."""
        return len(self.addresses) < max(1, len(self.streets)) or not self.towns

    def join(self, other: _Found) -> None:
        """Add what another file holds; a street that both have keeps its first kind."""
        self.addresses += other.addresses
        for street, lines in other.streets.items():
            self.streets[street] += lines
        self.kinds = {**other.kinds, **self.kinds}
        self.buildings += other.buildings
        self.corners += other.corners
        self.towns += other.towns


def read_city(
    files: Sequence[Path], *, name: str | None, time_zone: str, country_code: str, holiday_region: str | None
) -> CityData:
    """The city of one or several extracts; its name, unless given, is the commonest town of the extracts
    that are not patchy, and the first file's where there is none.

    Where there are fewer addresses than streets, buildings show where people live, and where there are
    none, the corners of streets do. Raises BrokenMapFile for a file that is missing, empty, cut off or
    no map.
    """
    found, towns = _Found(), Counter[str]()
    for file in files:
        part = _Found()
        try:
            _read(file, part)
        except (RuntimeError, OSError, ValueError) as why:
            raise BrokenMapFile(file=file.name, why=_reason(file, why)) from why
        towns += Counter() if part.patchy else part.towns
        found.join(part)
    lived_at = found.buildings or found.corners
    if not (found.addresses or lived_at):
        names = ", ".join(file.name for file in files)
        raise BrokenMapFile(file=names, why="it holds no street, building or address")
    return CityData(
        name=name or next((town for town, _ in towns.most_common(1)), files[0].name.split(".")[0]),
        time_zone=time_zone,
        country_code=country_code,
        holiday_region=holiday_region,
        source=", ".join(file.name for file in files),
        attribution=ATTRIBUTION,
        streets=tuple(
            StreetData(street, found.kinds[street], tuple(lines))
            for street, lines in sorted(found.streets.items())
        ),
        addresses=tuple(found.addresses),
        lived_at=tuple(lived_at) if found.patchy else (),
    )


def _reason(file: Path, why: Exception) -> str:
    if not file.exists():
        return "there is no such file"
    if file.stat().st_size == 0:
        return "it is empty"
    return str(why).splitlines()[0] if str(why) else type(why).__name__


def _read(file: Path, found: _Found) -> None:
    if not file.is_file():
        raise FileNotFoundError(file)
    things: Iterator[Any] = iter(osmium.FileProcessor(str(file)).with_locations().with_areas())
    for thing in things:
        tags = thing.tags
        if thing.is_way():
            _street(thing, tags, found)
        elif "addr:housenumber" in tags or "building" in tags:
            point = _place(thing)
            if point is not None:
                _house(point, tags, found)


def _street(way: Any, tags: Any, found: _Found) -> None:
    kind = tags.get("highway")
    if not kind or kind in _NOT_STREETS:
        return
    line = tuple(Point(n.lat, n.lon) for n in way.nodes if n.location.valid())
    if len(line) < 2:
        return
    if kind in _LIVED_ON:
        found.corners += line
    if name := tags.get("name"):
        found.streets[name].append(line)
        found.kinds.setdefault(name, kind)


def _house(point: Point, tags: Any, found: _Found) -> None:
    if "building" in tags:
        found.buildings.append(point)
    street, number = tags.get("addr:street"), tags.get("addr:housenumber")
    if not street or not number:
        return
    if town := tags.get("addr:city"):
        found.towns[town] += 1
    found.addresses.append(AddressData(street, number, tags.get("addr:postcode"), point))


def _place(thing: Any) -> Point | None:
    """A node's location, or the middle of an area's outer ring."""
    if thing.is_node():
        return Point(thing.location.lat, thing.location.lon)
    if thing.is_area():
        ring = [(n.lat, n.lon) for n in next(iter(thing.outer_rings()))]
        return Point(sum(lat for lat, _ in ring) / len(ring), sum(lon for _, lon in ring) / len(ring))
    return None
