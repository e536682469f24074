"""Better tours are searched for beside the bookings, and lose nothing that was booked meanwhile."""

from collections.abc import Sequence
from typing import Any

import pytest

from app.booking.tables import SlotHold
from app.database.runner import Database
from app.places.rules import Place
from app.slots.tables import DeliverySlot
from app.tours.as_problem import as_they_are, better, way_minor
from app.tours.problem import Itinerary, Routes, RoutingLimits, RoutingProblem
from app.tours.sheet import Sheet
from app.tours.write import write_sheet
from app.values.point import Point
from app.worker.improve import improve
from app.worker.router import Router
from tests.api import worked, world_on
from tests.booking.tours_world import DAY, bike, lay, sheet_of, tours_hold
from tests.booking.world import Evening, open_evening, wide_slot

QUICK = RoutingLimits(seconds=5, iterations=60)


@pytest.fixture
def crooked(db: Database) -> tuple[Evening, list[SlotHold]]:
    """Four holds on one tour that zigzags through the town."""
    world = open_evening(db)
    lay(db, world.shop, [bike(world.shop, handover_bp=10_000)] * 2)
    wide = wide_slot(world)
    holds = [held_at(world, wide, number) for number in range(4)]
    order = [holds[number].id for number in (0, 3, 1, 2)]
    written(db, world, lambda sheet: sheet.rearranged([order, []]))
    return world, holds


def held_at(world: Evening, slot: DeliverySlot, number: int) -> SlotHold:
    point = Point(world.shop.point.latitude, world.shop.point.longitude + number * 0.0004)
    place = Place(f"Rua das Flores {number}, Porto", point)
    return world.hold(slot, customer=f"c{number}", place=place)


def written(db: Database, world: Evening, change: Any) -> None:
    known = sheet_of(db, world.shop)
    after = change(known.sheet)
    assert db.write_now(lambda c, n: write_sheet(c, now=n, before=known, sheet=after))


def order_of(db: Database, world: Evening) -> list[str | None]:
    tours = as_they_are(sheet_of(db, world.shop).sheet)
    (order,) = [tour for tour in tours.values() if tour]
    return order


def test_a_crooked_tour_is_straightened(db: Database, crooked: tuple[Evening, list[SlotHold]]) -> None:
    world, holds = crooked
    before = sheet_of(db, world.shop).sheet
    assert before.keeps_all
    with Router() as router:
        assert improve(db, router, node_id=world.shop.node_id, day=DAY, limits=QUICK)
        after = sheet_of(db, world.shop).sheet
        assert way_minor(after) < way_minor(before) - 10
        straight = [held.id for held in holds]
        assert order_of(db, world) in (straight, straight[::-1])
        assert tours_hold(db, world.shop) == 4
        # There is nothing better: the sheet is left alone.
        stamp = sheet_of(db, world.shop).stamp
        assert not improve(db, router, node_id=world.shop.node_id, day=DAY, limits=QUICK)
        assert sheet_of(db, world.shop).stamp == stamp


class Interrupted(Router):
    """Somebody books while it searches, the first time."""

    def __init__(self, book: Any) -> None:
        super().__init__()
        self.book = book
        self.searched = 0

    def route(
        self,
        problem: RoutingProblem,
        limits: RoutingLimits,
        start: Sequence[Itinerary] = (),
        *,
        wall_s: float = 300,
    ) -> Routes:
        self.searched += 1
        if self.searched == 1:
            self.book()
        return super().route(problem, limits, start, wall_s=wall_s)


def test_who_books_while_it_searches_keeps_their_place(
    db: Database, crooked: tuple[Evening, list[SlotHold]]
) -> None:
    world, _ = crooked
    with Interrupted(lambda: world.hold(customer="eva")) as router:
        assert improve(db, router, node_id=world.shop.node_id, day=DAY, limits=QUICK)
        assert router.searched == 2
    assert tours_hold(db, world.shop) == 5


def test_what_is_out_of_step_is_mended_first(db: Database, crooked: tuple[Evening, list[SlotHold]]) -> None:
    world, holds = crooked

    def meddled(sheet: Sheet) -> Sheet:
        return sheet.without([holds[0].id, holds[1].id])

    written(db, world, meddled)
    with Router() as router:
        improve(db, router, node_id=world.shop.node_id, day=DAY, limits=QUICK)
    assert tours_hold(db, world.shop) == 4


def test_the_job_of_a_plan_looks_for_better_tours(
    db: Database, crooked: tuple[Evening, list[SlotHold]]
) -> None:
    world, _ = crooked
    before = sheet_of(db, world.shop).sheet
    lay(db, world.shop, before.frame.vehicles, run_id="again")
    worked(world_on(db))
    after = sheet_of(db, world.shop).sheet
    assert better(before, after)
    assert tours_hold(db, world.shop) == 4
