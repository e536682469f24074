"""Routing instances are read as they are meant, and our door answers them as bare PyVRP does."""

from pathlib import Path

import pytest
from pyvrp import solve
from pyvrp.stop import MaxIterations

from app.allocation.solve.routes import route
from app.tours.check import check
from app.tours.problem import RoutingLimits
from benchmarks import routing_files
from benchmarks.instances import NotUnderstood, bare, cost_in_units, made, ours, read_folder, read_instance
from benchmarks.routing import Pair, compared, day, section

SOLOMON = """H101

VEHICLE
NUMBER     CAPACITY
  3         20

CUSTOMER
CUST NO.  XCOORD.   YCOORD.    DEMAND   READY TIME  DUE DATE   SERVICE   TIME

    0      0         0          0          0       100          0
    1      3         4         10          0        50          5
    2      6         8         10          0        50          5
    3      0         5         10         20        40          5
"""
VRP = """NAME : hand
TYPE : CVRP
DIMENSION : 4
VEHICLES : 2
EDGE_WEIGHT_TYPE : EUC_2D
CAPACITY : 20
NODE_COORD_SECTION
1 0 0
2 3 4
3 6 8
4 0 5
DEMAND_SECTION
1 0
2 10
3 10
4 10
DEPOT_SECTION
1
-1
EOF
"""


def written(folder: Path) -> Path:
    (folder / "h101.txt").write_text(SOLOMON, encoding="utf-8")
    (folder / "hand.vrp").write_text(VRP, encoding="utf-8")
    (folder / "hand.sol").write_text("Route #1: 1 2\nRoute #2: 3\nCost 30\n", encoding="utf-8")
    (folder / "best.json").write_text('{"H101": 30.0, "note": "by hand"}', encoding="utf-8")
    return folder


def test_files_are_read_as_they_are_meant(tmp_path: Path) -> None:
    solomon, vrp = read_folder(written(tmp_path))
    assert (solomon.name, solomon.best, vrp.best) == ("H101", 300, 30)
    assert solomon.distances[0].tolist() == [0, 50, 100, 50]
    assert (solomon.windows[3], solomon.services[3], solomon.demands[3]) == ((200, 400), 50, 10)
    assert [van.capacity for van in solomon.vans] == [20] * 3
    assert vrp.distances[0].tolist() == [0, 5, 10, 5]
    assert len(vrp.vans) == 2


def test_what_is_not_understood_is_named_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strange = VRP.replace("DEPOT_SECTION", "BACKHAUL_SECTION\n1 0\n2 1\n3 0\n4 0\nDEPOT_SECTION")
    (tmp_path / "strange.vrp").write_text(strange, encoding="utf-8")
    with pytest.raises(NotUnderstood, match="backhaul"):
        read_instance(tmp_path / "strange.vrp")
    assert read_folder(tmp_path) == []
    assert "strange.vrp is left out" in capsys.readouterr().out


def test_our_door_and_bare_pyvrp_find_the_best_of_small_instances(tmp_path: Path) -> None:
    for instance in read_folder(written(tmp_path)):
        problem = ours(instance)
        routes = route(problem, RoutingLimits(seconds=20, iterations=200))
        assert check(problem, routes) == []
        assert cost_in_units(instance, routes.cost_minor) == pytest.approx(instance.best)
        result = solve(bare(instance), MaxIterations(200), seed=1, collect_stats=False)
        assert result.cost() == instance.best


def test_the_same_iterations_from_the_same_seed_cost_the_same_through_our_door() -> None:
    instance = made(30, seed=1, clustered=True, window=480)
    assert instance.distances.tolist() == made(30, seed=1, clustered=True, window=480).distances.tolist()
    routes = route(ours(instance), RoutingLimits(seconds=60, iterations=150))
    result = solve(bare(instance), MaxIterations(150), seed=1, collect_stats=False)
    assert cost_in_units(instance, routes.cost_minor) == pytest.approx(result.cost())


def test_the_page_tells_gaps_and_the_window_law() -> None:
    days = [day(12, side, hours, seed=side, seconds=0.2) for side, hours in ((2, 1), (3, 2), (4, 4), (3, 1))]
    text = section([Pair("one", 5, 102.0, 101.0, 100.0)], days).text
    assert "| one | 5 | 2.00 % | 1.00 % | +1.00 |" in text
    assert "Mean error" in text


def test_files_that_are_written_in_the_public_formats_are_read_again(tmp_path: Path) -> None:
    told = routing_files.drawn("little", 8, seed=5, clustered=False, window=48)
    routing_files.write(tmp_path, [("little.txt", told), ("little.vrp", told)])
    first, second = read_folder(tmp_path)
    assert (first.demands, first.windows, first.services) == (second.demands, second.windows, second.services)
    assert (first.distances == second.distances).all()
    assert first.windows[1] == (10 * told.rows[1][3], 10 * told.rows[1][4])
    (pair,) = compared(first, [0.3])
    text = routing_files.section([pair]).text
    assert "| little | 0.3 |" in text
    assert routing_files.longest(second, 0.3) > 0
