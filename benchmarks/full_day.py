"""A day sold to its last window through the doors, and what the published tours make of it on the streets."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

from sqlalchemy import Connection

from app.allocation.problem import Limits
from app.booking.confirm import confirm
from app.booking.hold import hold
from app.booking.offer import offer
from app.booking.stops import stops_between
from app.customers.rules import CustomerFacts
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.demo.load import load
from app.demo.seed import read_seed
from app.fleet.rules import Mover
from app.fleet.tables import VehicleClass
from app.migrate import upgrade
from app.places.city import CityData
from app.places.rules import Place
from app.places.tables import FulfilmentNode
from app.storefronts.queries import average_basket, storefront_by_key
from app.tours.drive import Fault, Step, drive, steps_of
from app.tours.problem import RoutingLimits
from app.tours.queries import read_sheets
from app.tours.rules import Frame, seconds_per_leg, seconds_per_metre
from app.values.actor import Actor, Role
from app.values.ids import new_id
from app.values.point import Point, distance_m
from app.worker.plan import plan
from app.worker.tours import TourPlanner, booked_days
from app.world.streets import Streets

# So many addresses in a row without any window: the day is sold out.
REFUSED = 12
ZONES, ORDERS = 20, 800


@dataclass(frozen=True, slots=True)
class Sold:
    """A day's bookings, the stops that come late if the tentative tours are driven as they stand, and what
    the published tours leave out and need of overtime."""

    booked: int
    late: int
    worst_s: float
    left_out: int
    overtime_s: int


def sell_out(db: Database, places: Sequence[tuple[str, Point]], day: date) -> int:
    """Book the day at random addresses, whatever window is open, until there is none; how many were booked."""
    rng, booked, refused = Random(4), 0, 0
    shop = db.read_now(lambda c, _: storefront_by_key(c, None))
    actor, basket = Actor(shop.id, Role.STOREFRONT, "checkout"), average_basket(shop)
    while refused < REFUSED:
        place = Place(*rng.choice(places))
        who = CustomerFacts(reference=new_id())

        def one(conn: Connection, now: datetime, place: Place = place, who: CustomerFacts = who) -> bool:
            found = offer(conn, now=now, actor=actor, place=place, basket=basket, first=day, last=day)
            open_now = [one for day in found.days for one in day.offers if one.available]
            if not open_now:
                return False
            slot_id = rng.choice(open_now).slot.id
            held = hold(
                conn,
                now=now,
                actor=actor,
                slot_id=slot_id,
                place=place,
                basket=basket,
                customer=who,
                key=new_id(),
            )
            confirm(conn, now=now, actor=actor, hold_id=held.id, order_reference=who.reference, key=new_id())
            return True

        sold = db.write_now(one)
        booked, refused = booked + sold, 0 if sold else refused + 1
    return booked


def brought(city: CityData, streets: Streets, *, by_streets: bool, seconds: float = 10) -> Sold:
    """A new database with this city and the demo's fleet, tomorrow sold out and its tours published.

    `by_streets` says whether plan and offers go at the streets' pace; published tours always do.
    """
    seed = read_seed()
    smaller = seed.city.model_copy(update={"zones": ZONES, "daily_orders": ORDERS})
    seed = seed.model_copy(update={"city": smaller})
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'day.db'}"
        upgrade(url)
        db = Database(url)
        try:
            db.write_now(lambda c, n: load(c, now=n, seed=seed, city=city))
            known = streets if by_streets else None
            run = plan(db, trigger="benchmark", streets=known, days=2, limits=Limits(day_s=10, gap=0.01))
            if run.message:
                raise RuntimeError(run.message)
            day = db.read_now(lambda _, now: (now + timedelta(days=1)).date())
            booked = sell_out(db, [(f"{a.street} {a.house_number}", a.point) for a in city.addresses], day)
            faults = _as_they_stand(db, streets, day)
            due = db.read_now(partial(booked_days, ahead=timedelta(days=2)))
            planner = TourPlanner(db, streets, RoutingLimits(seconds=seconds))
            runs = planner.plan(due, trigger="benchmark")
        finally:
            db.close()
    return Sold(
        booked,
        len(faults),
        max((one.by for one in faults), default=0.0),
        sum(len(one.left_out) for one in runs),
        sum(one.overtime_s for one in runs),
    )


def _as_they_stand(db: Database, streets: Streets, day: date) -> list[Fault]:
    """Who comes late if nobody searches for better tours; streets are as slow by the hour as tours reckon."""

    def look(
        conn: Connection, _now: datetime
    ) -> tuple[list[tuple[Frame, list[list[Step]]]], list[VehicleClass]]:
        nodes = [one.id for one in rows(conn, FulfilmentNode, table_of(FulfilmentNode).select())]
        told = stops_between(conn, first=day, last=day)
        known = {one.reference: one for stops in told.values() for one in stops}
        sheets = [one.sheet for one in read_sheets(conn, node_ids=nodes, first=day, last=day).values()]
        kinds = rows(conn, VehicleClass, table_of(VehicleClass).select())
        return [(sheet.frame, steps_of(sheet, known)) for sheet in sheets], kinds

    sheets, kinds = db.read_now(look)
    movers = {kind.id: Mover(kind.kind, kind.key, kind.speed_kmh) for kind in kinds}
    found: list[Fault] = []
    for frame, tours in sheets:
        for vehicle, tour in zip(frame.vehicles, tours, strict=True):
            alone = replace(frame, vehicles=(vehicle,))
            takes = _taking(streets, movers[vehicle.class_id], alone, tour)
            found += [one for one in drive(alone, [tour], streets=takes) if one.what == "late"]
    return found


def _taking(
    streets: Streets, mover: Mover, frame: Frame, tour: Sequence[Step]
) -> Callable[[Point, Point], float]:
    """How many times as long as reckoned the ways of one tour take."""
    places = list(dict.fromkeys([frame.node, *(step.point for step in tour if step is not None)]))
    travel = streets.travel(mover, places, circuity_bp=13_000)
    number = {place: at for at, place in enumerate(places)}
    (vehicle,) = frame.vehicles
    per_m = seconds_per_metre(vehicle.pace, frame.margin_bp)
    per_leg = seconds_per_leg(vehicle.pace, frame.margin_bp)

    def takes(a: Point, b: Point) -> float:
        return travel.seconds.at(number[a], number[b]) / max(1.0, distance_m(a, b) * per_m + per_leg)

    return takes
