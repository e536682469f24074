"""Layer C: a menu of fourteen days against full tentative tours, and a season of bookings driven on other streets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

from app.fleet.rules import pace_of_lines
from app.tours.drive import drive, steps_of
from app.tours.queries import KnownSheet, SheetKey
from app.tours.room import Asked, TourRoom
from app.tours.rules import TRAVEL_MARGIN_BP, Frame, TourStop, TourVehicle, ZoneHours
from app.tours.sheet import Sheet, empty_sheet
from app.values.ids import new_id
from app.values.load import Load
from app.values.point import Point
from app.values.window import Window
from benchmarks.page import Section, Table

NAME = "insertion"
TITLE = "Exact insertion: menus a second, and promises kept"
DAYS, VEHICLES, STOPS = 14, 60, 800
MENUS, SEASON_DAYS, ASKERS = 2_000, 30, 400
# Streets really take up to so much longer than estimated, drawn for each way.
STREETS_BP = 1_500
MARGINS_BP = (0, 500, 1_000, TRAVEL_MARGIN_BP)
_NODE_ID = "node"
_NODE = Point(41.149, -8.607)
_MIDNIGHT = datetime(2026, 11, 25, tzinfo=UTC)
_ZONES = 20
_ROOM = {
    "van": Load(0, 0, 4_000_000, 1_200_000, 1_500_000, 700_000),
    "bike": Load(0, 0, 400_000, 150_000, 150_000, 60_000),
}


@dataclass(frozen=True, slots=True)
class Speed:
    """Microseconds of CPU of each menu, on how many tours and stops, and how many windows were open to a class.

    `nearest_us` are those of menus that are also told by how much shut windows are missed, `asked_us` those of
    menus that are asked as offers ask, each window and class by itself.
    """

    tours: int
    stops: int
    menus_us: Sequence[float]
    nearest_us: Sequence[float]
    asked_us: Sequence[float]
    open_share: float


@dataclass(frozen=True, slots=True)
class Season:
    """What was asked and accepted under a margin, and how many of the accepted came late on other streets."""

    margin_bp: int
    asked: int
    accepted: int
    late: int


def run() -> Section:
    """Both parts at their full size."""
    speed = menus(DAYS, VEHICLES, STOPS, MENUS)
    return section(speed, [season(SEASON_DAYS, ASKERS, margin) for margin in MARGINS_BP])


def menus(days: int, vehicles: int, stops: int, count: int) -> Speed:
    """Answer so many addresses, each for twelve windows of every day, on tours that are as full as asked."""
    rnd = Random(1)
    sheets = [filled(rnd, day, vehicles, stops) for day in range(days)]
    asked = [
        [sheet.windows(f"z{zone}", windows(day)) for day, sheet in enumerate(sheets)]
        for zone in range(_ZONES)
    ]
    for sheet in sheets:
        assert sheet.keeps_all
    known = {_key(sheet): _known(sheet) for sheet in sheets}
    wanted = [(sheet.frame.day, window) for day, sheet in enumerate(sheets) for window in windows(day)]
    taken: dict[str, list[float]] = {"menus": [], "nearest": [], "asked": []}
    open_pairs = 0
    for _ in range(count):
        one = drawn(rnd, 0)
        zone = asked[int(one.zone_id[1:])]
        goods = (one.load.volume_ml, one.load.weight_g, one.load.chilled_ml, one.load.frozen_ml)
        told = list(zip(sheets, zone, strict=True))
        drop = Asked.of(one.load, one.at_door_s)
        room = TourRoom(known, one.zone_id, one.point)
        started = time.process_time()
        for sheet, some in told:
            sheet.fit(one.point, one.at_door_s, goods, some)
        menu = time.process_time()
        for sheet, some in told:
            sheet.fit(one.point, one.at_door_s, goods, some, short=True)
        nearest = time.process_time()
        room.expect(wanted)
        open_pairs += sum(
            room.takes((_NODE_ID, day), kind, window, drop) for day, window in wanted for kind in _ROOM
        )
        done = time.process_time()
        taken["menus"].append((menu - started) * 1e6)
        taken["nearest"].append((nearest - menu) * 1e6)
        taken["asked"].append((done - nearest) * 1e6)
    print(NAME, "menus", sorted(taken["menus"])[count // 2], flush=True)
    return Speed(
        tours=days * vehicles,
        stops=sum(len(sheet.placed) for sheet in sheets),
        menus_us=taken["menus"],
        nearest_us=taken["nearest"],
        asked_us=taken["asked"],
        open_share=open_pairs / (count * len(wanted) * len(_ROOM)),
    )


def _key(sheet: Sheet) -> SheetKey:
    return _NODE_ID, sheet.frame.day


def _known(sheet: Sheet) -> KnownSheet:
    return KnownSheet(_NODE_ID, sheet.frame.day, 1, new_id(), new_id(), 0, sheet)


def season(days: int, askers: int, margin_bp: int, seed: int = 1) -> Season:
    """Days of shoppers who take the first of two windows that is open, some of whom cancel; then the streets."""
    accepted = late = 0
    for number in range(days):
        rnd = Random(f"{seed} {number}")
        sheet, known = played(rnd, number, askers, margin_bp)
        faults = drive(sheet.frame, steps_of(sheet, known), streets=streets(seed + number, margin_bp))
        accepted += len(known)
        late += sum(fault.what == "late" for fault in faults)
    print(NAME, "season", margin_bp, accepted, late, flush=True)
    return Season(margin_bp, days * askers, accepted, late)


def played(rnd: Random, day: int, askers: int, margin_bp: int) -> tuple[Sheet, dict[str, TourStop]]:
    """A day's tours after all of its shoppers, and what was promised."""
    sheet = empty_sheet(frame(day, 8, margin_bp))
    known: dict[str, TourStop] = {}
    for _ in range(askers):
        first = drawn(rnd, day)
        second = replace(first, window=rnd.choice(windows(day)))
        for stop in (first, second):
            more = sheet.inserted(stop)
            if more is not None:
                sheet, known[stop.reference] = more, stop
                break
        if known and rnd.random() < 0.08:
            gone = rnd.choice(sorted(known))
            sheet = sheet.without([gone])
            del known[gone]
    return sheet, known


def streets(seed: int, margin_bp: int) -> Callable[[Point, Point], float]:
    """Ways that take up to STREETS_BP longer than estimated, the same way always the same."""

    def really(a: Point, b: Point) -> float:
        drawn = Random(f"{seed} {a} {b}").uniform(0, STREETS_BP)
        return (10_000 + drawn) / (10_000 + margin_bp)

    return really


def filled(rnd: Random, day: int, vehicles: int, stops: int) -> Sheet:
    """Tours with so many stops, or as many as there is time for."""
    sheet = empty_sheet(frame(day, vehicles, TRAVEL_MARGIN_BP))
    for _ in range(2 * stops):
        sheet = sheet.inserted(drawn(rnd, day)) or sheet
        if len(sheet.records) >= stops:
            break
    return sheet


def frame(day: int, vehicles: int, margin_bp: int) -> Frame:
    """A city of twenty zones, half of the vehicles bikes, early and late shifts."""
    midnight = _MIDNIGHT + timedelta(days=day)
    return Frame(
        node=_NODE,
        day=midnight.date(),
        midnight=midnight,
        time_zone="UTC",
        margin_bp=margin_bp,
        vehicles=tuple(_vehicle(midnight, number) for number in range(vehicles)),
        zones={
            f"z{zone}": ZoneHours(
                tuple(60 + 20 * (zone % 5) + (60 if hour in (8, 9, 18, 19) else 0) for hour in range(24)),
                tuple(10_000 + 200 * zone + (2_500 if hour in (8, 9, 18, 19) else 0) for hour in range(24)),
            )
            for zone in range(_ZONES)
        },
    )


def _vehicle(midnight: datetime, number: int) -> TourVehicle:
    kind = "bike" if number % 2 else "van"
    start = 8 if number % 4 < 2 else 14
    return TourVehicle(
        class_id=kind,
        shift=Window(midnight + timedelta(hours=start), midnight + timedelta(hours=start + 8)),
        pace=pace_of_lines(speed_kmh=14 if kind == "bike" else 25, circuity_bp=13_000),
        handover_bp=10_000,
        parking_bp=2_000 if kind == "bike" else 10_000,
        stops_per_trip=10 if kind == "bike" else 60,
        reload_s=600,
        range_m=60_000 if kind == "bike" else 250_000,
        room=_ROOM[kind],
    )


def windows(day: int) -> list[Window]:
    """Twelve windows of one, two and four hours."""
    hours = (
        [(h, h + 2) for h in range(8, 18, 2)]
        + [(h, h + 1) for h in range(18, 22)]
        + [(18, 20), (20, 22), (18, 22)]
    )
    midnight = _MIDNIGHT + timedelta(days=day)
    return [Window(midnight + timedelta(hours=a), midnight + timedelta(hours=b)) for a, b in hours]


def drawn(rnd: Random, day: int) -> TourStop:
    """A household: nearer to the middle more often."""
    volume_ml = rnd.randint(10_000, 80_000)
    return TourStop(
        reference=new_id(),
        class_id=rnd.choice(("bike", "van")),
        zone_id=f"z{rnd.randrange(_ZONES)}",
        point=Point(_NODE.latitude + rnd.gauss(0, 0.012), _NODE.longitude + rnd.gauss(0, 0.016)),
        window=rnd.choice(windows(day)),
        at_door_s=rnd.choice((120, 180, 240, 300)),
        load=Load(0, 0, volume_ml, volume_ml // 4, volume_ml // 4, volume_ml // 20),
    )


def section(speed: Speed, seasons: Sequence[Season]) -> Section:
    """The figures and the table."""
    speeds = [
        _speed_row("which windows are open", speed.menus_us),
        _speed_row("and by how much the others are missed", speed.nearest_us),
        _speed_row("as offers ask: by window and class", speed.asked_us),
    ]
    rows = [
        (
            f"{one.margin_bp / 100:g} %",
            f"{one.asked:,}",
            f"{one.accepted:,}",
            f"{one.late:,}",
            f"{100 * one.late / max(1, one.accepted):.2f} %",
        )
        for one in seasons
    ]
    head = ("margin", "asked", "accepted", "come late", "share")
    text = f"""
One process, CPU time. A menu is one address and basket against {speed.tours:,} tours with {speed.stops:,} stops: {DAYS} days, twelve
windows of 1, 2 and 4 hours each, exact in every gap of every tour. {len(speed.menus_us):,} menus on the same tours, the
three in turn; {speed.open_share:.0%} of the windows are open to a class:

{Table(("a menu says", "mean", "median", "99th percentile", "a second"), speeds)}

Aim: 99th percentile below 1,000 us, 3,000 a second, for the first.

A season: shoppers who take a first or a second window where a tour has time, one in twelve of whom someone cancels after.
Then every tour is driven by other code (`app/tours/drive.py`) on slow streets: every way takes up to {STREETS_BP / 100:g} %
longer than estimated, by its own draw. With the default margin of {TRAVEL_MARGIN_BP / 100:g} % nobody is late, whatever is drawn: no way
takes longer than the tours reckoned with. The lower margins are the control.

{Table(head, rows)}
"""
    return Section(NAME, TITLE, text)


def _speed_row(what: str, menus_us: Sequence[float]) -> tuple[str, ...]:
    ranked = sorted(menus_us)
    mean = sum(ranked) / len(ranked)
    found = (mean, ranked[len(ranked) // 2], ranked[int(len(ranked) * 0.99)])
    return what, *(f"{one:.0f} us" for one in found), f"{1e6 / mean:,.0f}"
