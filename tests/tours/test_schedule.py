"""When a vehicle that follows an order is where."""

from dataclasses import replace

from app.tours.check import check
from app.tours.problem import Break, Itinerary, Routes, RoutingProblem, cost_of
from app.tours.schedule import schedule
from tests.tours.towns import HOUR, drop, town, van, way

POINTS = [(0, 0), (6_000, 0), (12_000, 0)]
ORDER = Itinerary(0, (((0, 0), (1, 0)),))


def checked(problem: RoutingProblem, order: Itinerary) -> None:
    """The schedule of an order passes the independent check."""
    tour = schedule(problem, order)
    assert tour is not None
    left = tuple(set(range(len(problem.drops))) - {d for trip in order.trips for d, _ in trip})
    assert check(problem, Routes((tour,), left, cost_of(problem, (tour,), left), 0, 0)) == []


def test_the_vehicle_leaves_just_in_time_and_waits_where_it_must() -> None:
    problem = town(POINTS, [van()], [drop("a", way(1, 9, 10)), drop("b", way(2, 11, 12))])
    tour = schedule(problem, ORDER)
    assert tour is not None
    first, second = tour.trips[0].stops
    assert tour.trips[0].leaves_s == 9 * HOUR - 600
    assert (first.arrives_s, first.starts_s, first.leaves_s) == (9 * HOUR, 9 * HOUR, 9 * HOUR + 300)
    assert (second.arrives_s, second.starts_s) == (9 * HOUR + 900, 11 * HOUR)
    assert (tour.returns_s, tour.distance_m, tour.overtime_s) == (11 * HOUR + 1_500, 24_000, 0)
    checked(problem, ORDER)


def test_an_order_that_misses_a_window_has_no_schedule() -> None:
    problem = town(POINTS, [van()], [drop("a", way(1, 11, 12)), drop("b", way(2, 9, 10))])
    assert schedule(problem, ORDER) is None


def test_parking_comes_before_the_handover_and_only_once_at_a_place() -> None:
    at = way(1, 9, 10, parking_s=(200,))
    problem = town(POINTS, [van()], [drop("a", at), drop("b", at)])
    tour = schedule(problem, ORDER)
    assert tour is not None
    first, second = tour.trips[0].stops
    assert first.arrives_s == 9 * HOUR - 200
    assert second.starts_s == first.leaves_s
    checked(problem, ORDER)


def test_slow_hours_lengthen_the_way_and_waiting_for_faster_ones_may_shorten_it() -> None:
    problem = town(POINTS, [van()], [drop("a", way(1, 8, 9)), drop("b", way(2, 8, 10))])
    slow = replace(problem.travels[0], slower_bp=((10_000,) * 3, (60_000,) * 3, (10_000,) * 3))
    bands = (0, 8 * HOUR + 900, 9 * HOUR)
    problem = replace(problem, travels=(slow,), bands_s=bands)
    tour = schedule(problem, ORDER)
    assert tour is not None
    # Free at 8:15, one hour at a sixth of the speed: leaving at 9:00 is back on the road just in time.
    assert [stop.arrives_s for stop in tour.trips[0].stops] == [8 * HOUR + 600, 9 * HOUR + 600]
    checked(problem, ORDER)


def test_a_break_is_taken_where_it_delays_least_and_not_at_all_when_the_vehicle_is_back() -> None:
    pause = Break(10 * HOUR, 11 * HOUR, 1_800)
    drops = [drop("a", way(1, 9, 10)), drop("b", way(2, 11.5, 12))]
    problem = town(POINTS, [van(breaks=(pause,))], drops)
    tour = schedule(problem, ORDER)
    assert tour is not None
    assert [(one.starts_s, one.ends_s) for one in tour.breaks] == [(10 * HOUR, 10 * HOUR + 1_800)]
    assert tour.trips[0].stops[1].starts_s == 11.5 * HOUR
    checked(problem, ORDER)
    early = town(POINTS, [van(breaks=(pause,))], [drop("a", way(1, 8, 9))])
    home = schedule(early, Itinerary(0, (((0, 0),),)))
    assert home is not None
    assert home.breaks == ()


def test_a_break_that_fits_nowhere_leaves_no_schedule() -> None:
    pause = Break(9 * HOUR, 9 * HOUR, 3_000)
    drops = [drop("a", way(1, 9, 9.1)), drop("b", way(2, 9.3, 9.4))]
    assert schedule(town(POINTS, [van(breaks=(pause,))], drops), ORDER) is None


def test_reloading_takes_its_time_at_the_node_and_goods_are_waited_for() -> None:
    drops = [drop("a", way(1, 8, 9)), drop("b", way(2, 8, 16), ready_s=10 * HOUR)]
    problem = town(POINTS, [van(reloads=1, reload_s=900)], drops)
    order = Itinerary(0, (((0, 0),), ((1, 0),)))
    tour = schedule(problem, order)
    assert tour is not None
    assert [trip.leaves_s for trip in tour.trips] == [8 * HOUR, 10 * HOUR]
    assert tour.trips[1].stops[0].starts_s == 10 * HOUR + 1_200
    checked(problem, order)


def test_overtime_is_what_the_vehicle_comes_back_late_and_has_an_end() -> None:
    drops = [drop("a", way(1, 15.8, 16)), drop("b", way(2, 15.8, 16.5))]
    problem = town(POINTS, [van(overtime_s=3_600, overtime_minor_per_h=2_000)], drops)
    tour = schedule(problem, ORDER)
    assert tour is not None
    assert tour.overtime_s == tour.returns_s - 16 * HOUR > 0
    checked(problem, ORDER)
    assert schedule(town(POINTS, [van(overtime_s=600)], drops), ORDER) is None
