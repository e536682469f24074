"""The tours of a node and day with what stands at each stop: as they are driven, or tentative before that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from operator import add

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.rules import OCCUPYING
from app.booking.tables import DeliveryBooking, SlotHold
from app.database.rows import by_id, one_or_none, rows, table_of
from app.places.tables import FulfilmentNode
from app.slots.queries import slots_by_id
from app.tours import seen
from app.tours.published import SeenTour, tour_lines, tours_of
from app.tours.rules import TourStep
from app.tours.run_status import TourRunStatus
from app.tours.tables import Tour, TourRun, TourSheet
from app.values.load import Load
from app.values.point import Point
from app.values.window import Window

type Lines = Mapping[int, Sequence[Sequence[float]]]

# The question of a search is large and only a replay wants it.
_RUN = [column for column in table_of(TourRun).columns if column.name != "problem"]


@dataclass(frozen=True, slots=True)
class MapStop:
    """A stop: `arrival` is when the handover is to begin; tentative ones have the earliest and the `latest`.

    `claim` is the booking, or the hold that it still is; None for one that ended meanwhile. `number` counts
    the stops of a tour from 1; 0 is one that no tour takes.
    """

    number: int
    trip: int
    point: Point
    window: Window | None
    arrival: datetime | None
    latest: datetime | None
    claim: DeliveryBooking | SlotHold | None
    # It is at a locker.
    locker_id: str | None = None

    @property
    def state(self) -> str:
        """What has become of it: a booking's status, or HELD."""
        if isinstance(self.claim, DeliveryBooking):
            return self.claim.status.value
        return "HELD" if self.claim and self.claim.status in OCCUPYING else "ENDED"

    @property
    def code(self) -> str | None:
        """The booking's code, for people."""
        return self.claim.code if isinstance(self.claim, DeliveryBooking) else None


@dataclass(frozen=True, slots=True)
class MapTour:
    """What one vehicle does in its shift; `lines` are its trips along the streets where these gave times.

    A tentative tour has no vehicle of its own yet, only a class, and leaves and returns at no known time.
    """

    key: str
    vehicle: str
    vehicle_class: str
    shift: Window
    leaves_at: datetime | None
    returns_at: datetime | None
    overtime_s: int
    distance_m: int
    trips: int
    stops: tuple[MapStop, ...]
    lines: Lines
    streets: str

    @property
    def load(self) -> Load:
        """What it carries on all its trips."""
        return reduce(add, (stop.claim.load for stop in self.stops if stop.claim), Load())

    @property
    def done(self) -> int:
        """The stops that have come to an end, good or bad."""
        over = {"DELIVERED", "PARTLY_DELIVERED", "FAILED", "RETURNED", "CANCELLED"}
        return sum(stop.state in over for stop in self.stops)


@dataclass(frozen=True, slots=True)
class TentativeFacts:
    """What is to be known of tentative tours: how old they are, and how much slack every way is given."""

    changed_at: datetime
    improved_at: datetime | None
    margin_bp: int
    streets: str


@dataclass(frozen=True, slots=True)
class NodeTours:
    """The tours of a node and day. `run` found those that are driven, `failed` is a newer one without tours.

    `missing` are stops that no tour brings. `tentative` says that nothing is final.
    """

    node: FulfilmentNode
    day: date
    tours: tuple[MapTour, ...]
    missing: tuple[MapStop, ...]
    run: TourRun | None
    failed: TourRun | None
    tentative: TentativeFacts | None
    has_published: bool

    @property
    def streets(self) -> list[str]:
        """Who gave the times of the ways, each source once."""
        return list(dict.fromkeys(tour.streets for tour in self.tours))


def node_tours(conn: Connection, *, node_id: str, day: date, tentative: bool = False) -> NodeTours | None:
    """The published tours; tentative ones where there are none yet or they are asked for. None: no node."""
    node = by_id(conn, FulfilmentNode, node_id)
    if node is None:
        return None
    driven = tours_of(conn, day=day, node_id=node_id)
    run, failed = _runs(conn, node_id, day)
    sheet = None
    if tentative or not (driven or run):
        sheet = seen.seen_tours(conn, node_id=node_id, day=day)
    if sheet is not None:
        return _tentative(conn, node, sheet, failed=failed, has_published=bool(driven))
    claims = _bookings(conn, [stop.booking_id for tour in driven for stop in tour.stops])
    windows = _windows(conn, driven)
    lines = tour_lines(conn, [tour.row.id for tour in driven])
    left = _bookings(conn, list(run.left_out)) if run else {}
    return NodeTours(
        node=node,
        day=day,
        tours=tuple(_driven(tour, claims, windows, lines.get(tour.row.id, {})) for tour in driven),
        missing=tuple(_missing(claim) for claim in left.values()),
        run=run,
        failed=failed,
        tentative=None,
        has_published=bool(driven),
    )


def nodes_with_tours(conn: Connection, day: date) -> dict[str, int]:
    """How many tours each node has on a day, by its id; 0 where there are tentative ones only."""
    tour, sheet = table_of(Tour), table_of(TourSheet)
    planned = conn.execute(sa.select(sheet.c.node_id).where(sheet.c.day == day)).scalars()
    found = dict.fromkeys(planned, 0)
    query = sa.select(tour.c.node_id, sa.func.count().label("tours")).where(tour.c.day == day)
    return found | {row.node_id: row.tours for row in conn.execute(query.group_by(tour.c.node_id))}


def _driven(
    tour: SeenTour, claims: Mapping[str, DeliveryBooking], windows: Mapping[str, Window], lines: Lines
) -> MapTour:
    row = tour.row
    return MapTour(
        key=row.id,
        vehicle=tour.vehicle.name,
        vehicle_class=tour.kind.name,
        shift=Window(row.shift_starts_at, row.shift_ends_at),
        leaves_at=row.leaves_at,
        returns_at=row.returns_at,
        overtime_s=row.overtime_s,
        distance_m=row.distance_m,
        trips=row.trips,
        stops=tuple(
            MapStop(
                number=stop.position,
                trip=stop.trip,
                point=Point(stop.latitude, stop.longitude),
                window=windows.get(stop.slot_id),
                arrival=stop.starts_at,
                latest=None,
                claim=claims.get(stop.booking_id),
                locker_id=stop.locker_id,
            )
            for stop in tour.stops
        ),
        lines=lines,
        streets=row.streets,
    )


def _missing(claim: DeliveryBooking) -> MapStop:
    return MapStop(0, 0, claim.point, claim.window, None, None, claim)


def _tentative(
    conn: Connection,
    node: FulfilmentNode,
    sheet: seen.SeenSheet,
    *,
    failed: TourRun | None,
    has_published: bool,
) -> NodeTours:
    claims = _claims(
        conn, [s.reference for s in (*sheet.unplaced, *_steps(sheet)) if s.reference is not None]
    )
    return NodeTours(
        node=node,
        day=sheet.day,
        tours=tuple(
            _drafted(number, tour, claims, sheet) for number, tour in enumerate(sheet.tours, start=1)
        ),
        missing=tuple(_step(stop, 0, 0, claims) for stop in sheet.unplaced),
        run=None,
        failed=failed,
        tentative=TentativeFacts(sheet.changed_at, sheet.improved_at, sheet.margin_bp, sheet.streets),
        has_published=has_published,
    )


def _steps(sheet: seen.SeenSheet) -> list[seen.SeenStop]:
    return [step for tour in sheet.tours for step in tour.steps]


def _drafted(
    number: int,
    tour: seen.SeenTour,
    claims: Mapping[str, DeliveryBooking | SlotHold],
    sheet: seen.SeenSheet,
) -> MapTour:
    stops: list[MapStop] = []
    trip = 1
    for step in tour.steps:
        if step.what is TourStep.RELOAD:
            trip += 1
        elif step.what is TourStep.STOP:
            stops.append(_step(step, len(stops) + 1, trip, claims))
    return MapTour(
        key=str(number),
        vehicle=f"{tour.vehicle_class} {number}",
        vehicle_class=tour.vehicle_class,
        shift=tour.shift.window,
        leaves_at=None,
        returns_at=None,
        overtime_s=0,
        distance_m=tour.distance_m,
        trips=trip if stops else 0,
        stops=tuple(stops),
        lines={},
        streets=sheet.streets,
    )


def _step(
    step: seen.SeenStop, number: int, trip: int, claims: Mapping[str, DeliveryBooking | SlotHold]
) -> MapStop:
    return MapStop(
        number=number,
        trip=trip,
        point=step.point,
        window=step.window.window if step.window else None,
        arrival=step.earliest,
        latest=step.latest,
        claim=claims.get(step.reference or ""),
    )


def _runs(conn: Connection, node_id: str, day: date) -> tuple[TourRun | None, TourRun | None]:
    """The newest search that was published, and the newest of all if that one got no tours."""
    run = table_of(TourRun)
    query = (
        sa.select(*_RUN)
        .where(run.c.node_id == node_id, run.c.day == day, run.c.status != TourRunStatus.SOLVING)
        .order_by(run.c.started_at.desc(), run.c.id.desc())
        .limit(1)
    )
    published = one_or_none(conn, TourRun, query.where(run.c.status == TourRunStatus.PUBLISHED))
    newest = one_or_none(conn, TourRun, query)
    return published, newest if newest and newest.status is not TourRunStatus.PUBLISHED else None


def _windows(conn: Connection, tours: Sequence[SeenTour]) -> dict[str, Window]:
    """The windows that stops are planned in, by slot."""
    ids = sorted({stop.slot_id for tour in tours for stop in tour.stops})
    return {slot.id: slot.window for slot in slots_by_id(conn, ids)} if ids else {}


def _bookings(conn: Connection, booking_ids: Sequence[str]) -> dict[str, DeliveryBooking]:
    booking = table_of(DeliveryBooking)
    query = (
        sa.select(booking).where(booking.c.id.in_(booking_ids)).order_by(booking.c.starts_at, booking.c.id)
    )
    return {one.id: one for one in rows(conn, DeliveryBooking, query)} if booking_ids else {}


def _claims(conn: Connection, hold_ids: Sequence[str]) -> dict[str, DeliveryBooking | SlotHold]:
    """The bookings that these holds became, or the holds, by hold."""
    if not hold_ids:
        return {}
    booking, hold = table_of(DeliveryBooking), table_of(SlotHold)
    held = rows(conn, SlotHold, sa.select(hold).where(hold.c.id.in_(hold_ids)))
    booked = rows(conn, DeliveryBooking, sa.select(booking).where(booking.c.hold_id.in_(hold_ids)))
    found: dict[str, DeliveryBooking | SlotHold] = {one.id: one for one in held}
    return found | {one.hold_id: one for one in booked}
