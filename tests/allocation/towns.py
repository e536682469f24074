"""Small random towns: every rule of the capacity plan at once, the same for the same seed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

from app.allocation.problem import (
    Arc,
    DayProblem,
    Fleet,
    Group,
    Node,
    OpeningRule,
    Problem,
    ShiftOption,
    Taken,
    Wave,
)
from app.values.window import Window

DAY = date(2026, 11, 28)
BUCKETS = 3


def town(
    seed: int, *, days: int = 1, concave: bool = True, opening: bool = True, skills: bool = False
) -> Problem:
    """Two to four zones, a depot with vans and a centre with bikes; hours that may or may not suffice.

    With skills, vans alone take what is large, some orders need two people, and bikes may check ages or not.
    """
    rng = Random(seed)
    zones = rng.randint(2, 4)
    fleets = (
        _fleet(0, "van", rng.randint(1, 4), stops=20, combustion=True),
        _fleet(1, "bike", rng.randint(1, 4), stops=5, small=rng.random() < 0.5),
    )
    hours = tuple(rng.uniform(6, 20) for _ in range(2))
    needs: tuple[tuple[tuple[str, ...], int], ...] = ()
    if skills:
        apart = Random(-seed - 1)
        bike = (("AGE_CHECK",), (), ("TWO_PEOPLE",))[apart.randrange(3)]
        fleets = (replace(fleets[0], skills=("AGE_CHECK", "LARGE_ITEMS")), replace(fleets[1], skills=bike))
        wanted = (("AGE_CHECK",), ("AGE_CHECK", "LARGE_ITEMS"), ("LARGE_ITEMS",), ("TWO_PEOPLE",))
        needs = tuple((one, apart.choice((200, 1_000, 2_400))) for one in wanted if apart.random() < 0.7)
    return Problem(
        currency="EUR",
        margin_minor=950,
        usable_bp=9_200,
        small_orders_bp=rng.choice((3_000, 6_000, 10_000)),
        at_door_s=240,
        zones=tuple(f"zone-{z}" for z in range(zones)),
        nodes=(
            Node("depot", "Depot", rng.randint(8, 40), (hours[0],)),
            Node("centre", "Centre", rng.randint(4, 30), (hours[1],)),
        ),
        fleets=fleets,
        days=tuple(
            _day(rng, DAY + timedelta(days=n), zones, fleets, concave=concave, opening=opening)
            for n in range(days)
        ),
        needs=needs,
    )


def _fleet(
    node: int, kind: str, vehicles: int, *, stops: int, small: bool = False, combustion: bool = False
) -> Fleet:
    made = Fleet(node, kind, kind, "VAN", vehicles, 60_000, small, stops, 1, 1, 1, 1)
    return replace(made, combustion=combustion, minor_per_m=0.02 if combustion else 0.006)


def _day(
    rng: Random, day: date, zones: int, fleets: tuple[Fleet, ...], *, concave: bool, opening: bool
) -> DayProblem:
    buckets = tuple(_bucket(day, 18 + b, 19 + b) for b in range(BUCKETS))
    return DayProblem(
        day=day,
        week=0,
        buckets=buckets,
        groups=tuple(group for z in range(zones) for group in _groups(rng, z)),
        arcs=tuple(
            _arc(rng, f, z, b, concave)
            for f in range(len(fleets))
            for z in range(zones)
            for b in range(BUCKETS)
        ),
        shifts=tuple(
            ShiftOption(f, f"p{f}{first}", _bucket(day, 18 + first, 21), 3.0 - first, cost, covers)
            for f in range(len(fleets))
            for first, cost, covers in ((0, 6_200, (0, 1, 2)), (1, 4_300, (1, 2)))
        ),
        taken=tuple(
            Taken(f, rng.randrange(BUCKETS), rng.choice((0, 900, 4_000)), rng.randint(0, 3)) for f in (0, 1)
        ),
        waves=(Wave(1, (0, 1), rng.randint(2, 12), rng.randint(0, 3)),),
        low_emission=tuple((0, b) for b in range(rng.randint(0, BUCKETS))),
        openings=tuple(
            OpeningRule(z, 1, rng.randint(1, 2), rng.choice((0, 300)), rng.choice((0, 5_000)))
            for z in range(0, zones, 2)
        )
        if opening
        else (),
    )


def _bucket(day: date, start: int, end: int) -> Window:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return Window(midnight + timedelta(hours=start), midnight + timedelta(hours=end))


def _groups(rng: Random, zone: int) -> list[Group]:
    accepts = (((0, 0),), ((1, 0), (2, 50)), ((0, 100), (1, 100), (2, 0)))
    return [Group(zone, round(rng.uniform(0.5, 9.0), 3), which) for which in accepts]


def _arc(rng: Random, fleet: int, zone: int, bucket: int, concave: bool) -> Arc:
    stem_m = rng.randint(800, 9_000)
    return Arc(
        fleet=fleet,
        zone=zone,
        bucket=bucket,
        work_s=rng.randint(300, 700),
        travel_s=rng.randint(60, 300),
        handover_bp=10_000,
        distance_m=stem_m // 10,
        cost_minor=rng.uniform(20, 120),
        grams=5,
        spread_m=rng.choice((600, 1_400, 3_200)) if concave else 0,
        s_per_m=0.2,
        placed=rng.choice((0, 0, 3)),
        stem_m=stem_m,
        reload_node=1 if fleet == 0 and rng.random() < 0.3 else None,
    )
