"""Street times: a small map of our own, built and asked in the engine's process; straight lines without it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.fleet.rules import Mover, VehicleKind
from app.values.point import Point
from app.world.errors import BrokenMapFile
from app.world.street_graph import CARGO_BIKE, E_SCOOTER, VAN, build_streets, profile_lua
from app.world.streets import NoStreets, Streets
from tests.small_map import corner

VAN_MOVER = Mover(VehicleKind.VAN, "van", 20)
BIKE_MOVER = Mover(VehicleKind.CARGO_BIKE, "cargo bike", 15)
# A map of the middle of Porto, if there is one: CITY_MAP=file.osm.pbf
CENTRE = Path(__file__).parents[3] / "shared" / "data" / "porto-centre-full.osm.pbf"


@pytest.fixture
def streets(small_graphs: Path) -> Iterator[Streets]:
    found = Streets(small_graphs)
    yield found
    found.close()


def test_ways_follow_the_streets_and_what_may_use_them(streets: Streets) -> None:
    points = [corner(0, 0), corner(0, 5), corner(1, 1), corner(1, 3)]
    van = streets.travel(VAN_MOVER, points, circuity_bp=13_000)
    bike = streets.travel(BIKE_MOVER, points, circuity_bp=13_000)
    assert (van.source, bike.source) == ("streets of small.osm.pbf",) * 2
    # Against the one-way street the van goes round a block; the bollard lets only the bike through.
    assert van.metres.at(1, 0) > van.metres.at(0, 1) + 150
    assert van.metres.at(2, 3) > bike.metres.at(2, 3) + 150
    assert [van.metres.at(n, n) for n in range(4)] == [0] * 4
    assert all(van.seconds.at(i, j) > 0 for i in range(4) for j in range(4) if i != j)


def test_a_line_follows_the_streets_past_every_point(streets: Streets) -> None:
    points = [corner(0, 0), corner(0, 3), corner(2, 3), corner(2, 3), corner(0, 0)]
    line = streets.line(VAN_MOVER, points)
    assert line is not None
    for point in points:
        assert any(abs(lat - point.latitude) + abs(lon - point.longitude) < 1e-4 for lat, lon in line)
    # No place of it lies inside a block.
    for lat, lon in line:
        row, column = (lat - 41.15) / 0.001, (lon + 8.61) / 0.0013
        assert min(abs(row - round(row)), abs(column - round(column))) < 0.02
    assert streets.line(VAN_MOVER, [corner(1, 1)] * 3) is None
    scooter = Mover(VehicleKind.E_SCOOTER, "scooter", 18)
    with pytest.raises(NoStreets, match="no streets were built for e_scooter"):
        streets.line(scooter, points)
    with pytest.raises(NoStreets, match="no streets were built"):
        Streets(None).line(VAN_MOVER, points)


def test_tables_are_kept_and_answer_without_the_engine(streets: Streets, small_graphs: Path) -> None:
    points = [corner(2, 2), corner(4, 4)]
    asked = streets.travel(VAN_MOVER, points, circuity_bp=13_000)
    mute = Streets(small_graphs, command=(sys.executable, "-c", "raise SystemExit('gone')"))
    assert mute.travel(VAN_MOVER, points, circuity_bp=13_000) == asked
    unknown = mute.travel(VAN_MOVER, [corner(2, 2), corner(3, 5)], circuity_bp=13_000)
    assert unknown.source.startswith("straight lines x 1.3 (the road engine failed")
    assert "gone" in unknown.source
    mute.close()


def test_straight_lines_answer_where_streets_cannot_and_say_why(streets: Streets, tmp_path: Path) -> None:
    points = [corner(0, 0), corner(0, 5)]
    lines = Streets(tmp_path / "none").travel(VAN_MOVER, points, circuity_bp=20_000)
    assert lines.source == "straight lines x 2 (no streets were built: lastlap streets build FILE)"
    metres = lines.metres.at(0, 1)
    assert 1_080 < metres < 1_095
    assert lines.seconds.at(0, 1) == -(-metres * 36 // 200)
    far = streets.travel(VAN_MOVER, [corner(0, 0), Point(42.0, -8.0)], circuity_bp=13_000)
    assert "1 of 2 places lie more than 500 m from any street" in far.source
    scooter = Mover(VehicleKind.E_SCOOTER, "scooter", 18)
    assert "no streets were built for e_scooter" in streets.travel(scooter, points, circuity_bp=1).source


def test_a_broken_graph_is_told_and_never_stops_tours(small_graphs: Path, tmp_path: Path) -> None:
    (tmp_path / "streets.json").write_text("{", encoding="utf-8")
    with pytest.raises(NoStreets, match="cannot be read; build them again"):
        Streets(tmp_path).source()
    (tmp_path / "streets.json").write_bytes((small_graphs / "streets.json").read_bytes())
    broken = Streets(tmp_path)
    points = [corner(0, 0), corner(0, 5)]
    said = broken.travel(VAN_MOVER, points, circuity_bp=13_000).source
    assert "not complete; build the streets again" in said
    (tmp_path / "van").mkdir()
    for file in (small_graphs / "van").iterdir():
        (tmp_path / "van" / file.name).write_bytes(file.read_bytes()[:40])
    assert "build the streets again" in broken.travel(VAN_MOVER, points, circuity_bp=13_000).source
    broken.close()


@pytest.mark.parametrize("content", [None, b"", b"this is no map"])
def test_a_file_that_is_no_map_is_refused_and_what_was_built_stays(
    content: bytes | None, tmp_path: Path
) -> None:
    (tmp_path / "graphs").mkdir()
    (tmp_path / "graphs" / "kept").touch()
    file = tmp_path / "bad.osm.pbf"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BrokenMapFile):
        build_streets(file, tmp_path / "graphs", profiles=(VAN,))
    assert (tmp_path / "graphs" / "kept").exists()
    assert not (tmp_path / "graphs.building").exists()


def test_profiles_change_the_engines_own_rules() -> None:
    scooter = profile_lua(E_SCOOTER, Path("/rules"))
    assert "require('bicycle')" in scooter
    assert "made.vehicle_max_speed = 25" in scooter
    assert "exclude_cargo_bike" not in scooter
    assert "made.exclude_cargo_bike = true" in profile_lua(CARGO_BIKE, Path("/rules"))


@pytest.mark.skipif(not CENTRE.exists(), reason="THE REAL CITY'S MAP IS NOT ON THIS MACHINE")
def test_a_real_city_has_real_ways(tmp_path: Path) -> None:
    build_streets(CENTRE, tmp_path / "graphs", profiles=(VAN, CARGO_BIKE))
    streets = Streets(tmp_path / "graphs")
    points = [Point(41.1496, -8.6109), Point(41.1420, -8.6146), Point(41.1447, -8.6065)]
    van = streets.travel(VAN_MOVER, points, circuity_bp=13_000)
    bike = streets.travel(BIKE_MOVER, points, circuity_bp=13_000)
    streets.close()
    assert van.source == f"streets of {CENTRE.name}"
    assert all(300 < van.metres.at(i, j) < 4_000 for i in range(3) for j in range(3) if i != j)
    assert van.seconds.at(0, 1) < bike.seconds.at(0, 1)
