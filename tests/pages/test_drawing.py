"""Maps: true to scale, nothing outside the paper, labels that make way for nodes."""

from __future__ import annotations

import re
from math import hypot

from hypothesis import given
from hypothesis import strategies as st

from app.pages.desk.city_sheet import Band, band_of, city_sheet
from app.pages.desk.drawing import SIDE, Paper, apart
from app.places.city_map import CityMap
from app.places.rules import NodeKind
from app.places.tables import FulfilmentNode, ServiceZone
from app.values.point import Point, distance_m

AROUND = st.builds(Point, st.floats(41.10, 41.20), st.floats(-8.70, -8.55))
CORNERS = (Point(41.10, -8.70), Point(41.20, -8.55))


@given(st.lists(AROUND, min_size=1, max_size=6))
def test_every_place_is_on_the_paper(points: list[Point]) -> None:
    paper = Paper.around(points)
    assert max(paper.width, paper.height) == SIDE
    for point in points:
        x, y = paper.at(point.latitude, point.longitude)
        assert 0 <= x <= paper.width
        assert 0 <= y <= paper.height


@given(AROUND, AROUND)
def test_distances_are_true_and_north_is_up(one: Point, other: Point) -> None:
    paper = Paper.around(CORNERS)
    x, y = paper.at(one.latitude, one.longitude)
    to_x, to_y = paper.at(other.latitude, other.longitude)
    drawn = hypot(to_x - x, to_y - y) / paper.units_per_m
    assert abs(drawn - distance_m(one, other)) <= 0.005 * drawn + 30
    if other.latitude > one.latitude + 0.001:
        assert to_y < y


def test_paths_keep_their_ends_and_leave_out_what_nobody_sees() -> None:
    paper = Paper.around(CORNERS)
    line = [(41.12 + n * 1e-6, -8.65) for n in range(50)]
    path = paper.path([line])
    places = re.findall(r"[-\d.]+ [-\d.]+", path)
    assert 2 <= len(places) < 6
    assert paper.path([line[:1]]) == ""
    ring = [(41.12, -8.65), (41.13, -8.65), (41.13, -8.64)]
    assert paper.path([ring], closed=True).endswith("Z")
    assert paper.shows(ring)
    assert not paper.shows([(48.0, 2.0), (48.1, 2.0)])


def test_how_full_something_is_has_steps() -> None:
    told = {
        None: Band.NONE,
        0.0: Band.FREE,
        0.25: Band.BEGUN,
        0.5: Band.FILLING,
        0.8: Band.TIGHT,
        1.2: Band.FULL,
    }
    assert {share: band_of(share) for share in told} == told
    assert band_of(0.999) is Band.TIGHT


def test_a_label_makes_way_for_the_node_that_stands_there() -> None:
    def zone(code: str, lat: float, lon: float) -> ServiceZone:
        ring = [[lat - 0.02, lon - 0.02], [lat + 0.02, lon - 0.02], [lat, lon + 0.02]]
        return ServiceZone(
            city_id="c", code=code, name=code, time_zone="UTC", latitude=lat, longitude=lon, area_m2=4_000_000,
            daily_orders=1, border=[ring],
        )  # fmt: skip

    node = FulfilmentNode(
        city_id="c", key="n", name="Centre", kind=NodeKind.STORE, latitude=41.15, longitude=-8.6,
        door_orders_per_h=1, driver_hours_per_week=1,
    )  # fmt: skip
    line = ((41.15, -8.61), (41.16, -8.61))
    city = CityMap(
        "UTC", None, [zone("POR-001", 41.15, -8.6), zone("POR-002", 41.25, -8.7)], [node], (line,), ()
    )
    sheet = city_sheet(city)
    (mark,), (under, free) = sheet.nodes, sheet.zones
    assert (mark.letter, under.short, free.short) == ("A", "001", "002")
    assert abs(under.y - mark.y) >= 30
    assert (free.x, free.y) == sheet.paper.at(41.25, -8.7)
    assert sheet.main.startswith("M")
    assert sheet.small == ""


@given(st.lists(st.tuples(st.floats(100, 900), st.floats(100, 900)), max_size=12))
def test_marks_that_would_cover_each_other_are_moved_apart(places: list[tuple[float, float]]) -> None:
    moved = apart(places, 20)
    assert len(moved) == len(places)
    assert moved == apart(places, 20)
    for n, (x, y) in enumerate(moved):
        for to_x, to_y in moved[:n]:
            assert hypot(x - to_x, y - to_y) > 16
    spread = [(100.0 * n, 300.0) for n in range(5)]
    assert apart(spread, 20) == spread
    assert len(set(apart([(5.0, 5.0)] * 9, 20))) == 9
