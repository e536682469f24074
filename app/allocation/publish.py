"""Make a checked plan the one that sells: pools, reach, shifts and the certificate, in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from math import ceil, floor

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.openings import publish_openings
from app.allocation.outline import outlined, packed_outline
from app.allocation.problem import Arc, DayProblem, DaySolution, Fleet, Plan, Problem, packed_plan
from app.allocation.refit_tours import frozen_at, unknown_to
from app.allocation.rules import RunStatus
from app.allocation.tables import AllocationRun, BindingLimit, DayPlan
from app.allocation.tour_frames import tour_frames
from app.allocation.travel import average_m
from app.booking.stops import stops_between
from app.capacity.leave_word import may_have_opened
from app.capacity.resize import resize
from app.capacity.rules import PoolPlan, ReachPlan
from app.capacity.zone_costs import write_zone_costs
from app.database.rows import add, table_of
from app.events import record
from app.fleet.outages import outages_within
from app.fleet.rules import VehicleKind
from app.fleet.tables import Shift
from app.places.tables import ServiceZone
from app.tours.lay_out import lay_out
from app.values.load import Load
from app.values.money import round_half_up
from app.values.window import Window

# Below this a zone is not really served: dust of the solver.
_SERVED = 1e-3


def publish(conn: Connection, *, now: datetime, run_id: str, problem: Problem, plan: Plan) -> None:
    """Sell by this plan from now on; what is held or booked keeps its place whatever the plan says."""
    first, last = problem.days[0].day, problem.days[-1].day
    pools = [
        pool
        for day, solution in zip(problem.days, plan.days, strict=True)
        for pool in day_pools(problem, day, solution)
        if pool.window.start > now
    ]
    resize(
        conn,
        now=now,
        actor="planner",
        reason="a new capacity plan",
        run_id=run_id,
        first=first,
        last=last,
        pools=pools,
        knew_at=frozen_at(conn, run_id),
    )
    span = Window(now, now + timedelta(days=(last - now.date()).days + 2))
    fresh = unknown_to(conn, outages_within(conn, span), run_id)
    days = [day.day for day in problem.days]
    write_zone_costs(conn, now=now, days=days, at_door_s=problem.at_door_s)
    publish_openings(conn, run_id=run_id, problem=problem, plan=plan)
    may_have_opened(conn, now=now, first=first, last=last)
    _shifts(conn, run_id, problem, plan, first, last)
    lay_out(
        conn,
        now=now,
        run_id=run_id,
        frames=tour_frames(conn, problem=problem, plan=plan, outages=fresh),
        stops=stops_between(conn, first=first, last=last),
    )
    _certificate(conn, now, run_id, problem, plan, packed_outline(outlined(problem, plan, pools)))
    facts = {"run_id": run_id, "first": first.isoformat(), "last": last.isoformat()}
    record(conn, now=now, topic="allocation", kind="allocation.published", payload=facts)


def day_pools(problem: Problem, day: DayProblem, solution: DaySolution) -> list[PoolPlan]:
    """What each fleet with vehicles on the road can sell in each bucket, and to which zones.

    The pools of one node and bucket together sell no more orders than its door lets through.
    """
    out: dict[tuple[int, int], int] = defaultdict(int)
    for shift, count in zip(day.shifts, solution.vehicles, strict=True):
        for bucket in shift.covers:
            out[shift.fleet, bucket] += count
    reach: dict[tuple[int, int], list[ReachPlan]] = defaultdict(list)
    planned: dict[tuple[int, int], float] = defaultdict(float)
    elsewhere: dict[tuple[int, int], float] = defaultdict(float)
    trips = solution.empty_trips or [0.0] * len(day.arcs)
    for arc, amount, empty in zip(day.arcs, solution.served, trips, strict=True):
        if amount > _SERVED or empty > _SERVED:
            planned[arc.fleet, arc.bucket] += amount
            reach[arc.fleet, arc.bucket].append(_reach(problem, arc, amount))
            if arc.reload_node is not None:
                elsewhere[arc.reload_node, arc.bucket] += amount
    natural = {
        key: _orders(problem, day, key, vehicles, reach[key]) for key, vehicles in out.items() if vehicles
    }
    most = _through_doors(problem, day, natural, planned, elsewhere)
    worth = {(fleet, bucket): minor for fleet, bucket, minor in solution.minute_worth}
    return [
        _pool(problem, day, key, out[key], most[key], worth.get(key, 0.0), reach[key])
        for key in sorted(natural)
    ]


def _reach(problem: Problem, arc: Arc, drops: float) -> ReachPlan:
    """What each of so many drops takes, the way between them shared evenly."""
    between, fleet = average_m(arc, drops), problem.fleets[arc.fleet]
    return ReachPlan(
        zone_id=problem.zones[arc.zone],
        work_s=arc.travel_s + round(arc.s_per_m * between),
        handover_bp=arc.handover_bp,
        distance_m=arc.distance_m + round(between),
        cost_minor=round_half_up(arc.cost_minor + fleet.minor_per_m * between),
        grams=arc.grams + round(fleet.grams_per_m * between),
    )


def _orders(
    problem: Problem, day: DayProblem, key: tuple[int, int], vehicles: int, reach: list[ReachPlan]
) -> int:
    """How many drops the usable time allows at the quickest of the zones served."""
    if not reach:
        return 0
    quickest_s = min(r.work_s + problem.at_door_s * r.handover_bp // 10_000 for r in reach)
    usable_s = vehicles * day.bucket_s(key[1]) * problem.usable_bp / 10_000
    return floor(usable_s / max(1, quickest_s))


def _through_doors(
    problem: Problem,
    day: DayProblem,
    natural: dict[tuple[int, int], int],
    planned: dict[tuple[int, int], float],
    elsewhere: dict[tuple[int, int], float],
) -> dict[tuple[int, int], int]:
    """Each pool's drops, cut in proportion to the plan where the node's door is the narrower limit.

    What vehicles of other nodes load there (`elsewhere`) passes the door too.
    """
    most = dict(natural)
    by_door: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for fleet, bucket in natural:
        by_door[problem.fleets[fleet].node, bucket].append((fleet, bucket))
    for (node, bucket), keys in by_door.items():
        through = problem.nodes[node].door_orders_per_h * day.bucket_s(bucket) / 3600
        door = floor(max(0.0, through - elsewhere[node, bucket]))
        total = sum(natural[key] for key in keys)
        if total <= door:
            continue
        wish = sum(planned[key] for key in keys) or 1.0
        for key in keys:
            most[key] = min(natural[key], floor(door * planned[key] / wish))
    return most


def _pool(
    problem: Problem,
    day: DayProblem,
    key: tuple[int, int],
    vehicles: int,
    orders: int,
    worth: float,
    reach: list[ReachPlan],
) -> PoolPlan:
    fleet, bucket = problem.fleets[key[0]], key[1]
    seconds = vehicles * day.bucket_s(bucket)
    usable_s = seconds * problem.usable_bp // 10_000
    room = _room(fleet, vehicles, orders)
    return PoolPlan(
        node_id=problem.nodes[fleet.node].id,
        vehicle_class_id=fleet.class_id,
        day=day.day,
        window=day.buckets[bucket],
        vehicles=vehicles,
        cap=Load(max(orders, 1), seconds, *room),
        sell=Load(orders, usable_s, *room),
        minute_worth_micro=round(worth * 1_000_000),
        reach=tuple(sorted(reach, key=lambda r: r.zone_id)),
    )


def _room(fleet: Fleet, vehicles: int, orders: int) -> tuple[int, int, int, int]:
    """Volume, weight, chilled and frozen room: as many trips as the drops need, reloading in between."""
    trips = vehicles * max(1, ceil(orders / max(1, vehicles) / fleet.stops_per_trip))
    return (
        trips * fleet.volume_ml,
        trips * fleet.weight_g,
        trips * fleet.chilled_ml,
        trips * fleet.frozen_ml,
    )


def _shifts(conn: Connection, run_id: str, problem: Problem, plan: Plan, first: date, last: date) -> None:
    table = table_of(Shift)
    conn.execute(sa.delete(table).where(table.c.day.between(first, last)))
    rostered = [
        Shift(
            node_id=problem.nodes[problem.fleets[shift.fleet].node].id,
            vehicle_class_id=problem.fleets[shift.fleet].class_id,
            pattern_id=shift.pattern_id,
            day=day.day,
            starts_at=shift.window.start,
            ends_at=shift.window.end,
            vehicles=count,
            cost_minor=shift.cost_minor * count,
            run_id=run_id,
        )
        for day, solution in zip(problem.days, plan.days, strict=True)
        for shift, count in zip(day.shifts, solution.vehicles, strict=True)
        if count
    ]
    add(conn, *rostered)


def _certificate(
    conn: Connection, now: datetime, run_id: str, problem: Problem, plan: Plan, outline: bytes
) -> None:
    add(
        conn,
        *(
            DayPlan(
                run_id=run_id,
                day=s.day,
                objective_minor=round_half_up(s.objective),
                bound_minor=round_half_up(s.bound),
                chord_bound_minor=None if s.chord_bound is None else round_half_up(s.chord_bound),
                gap=(s.bound - s.objective) / max(abs(s.objective), 1.0),
                solver_s=round(s.solver_s, 3),
                columns=s.columns,
                vehicles=sum(s.vehicles),
                planned_orders=round(sum(s.served), 1),
            )
            for s in plan.days
        ),
    )
    zone = table_of(ServiceZone)
    names = {row.id: row.name for row in conn.execute(sa.select(zone.c.id, zone.c.name))}
    add(conn, *binding_limits(run_id, problem, plan, names))
    run = table_of(AllocationRun)
    conn.execute(
        sa.update(run)
        .where(run.c.id == run_id)
        .values(
            status=RunStatus.PUBLISHED,
            finished_at=now,
            objective_minor=round_half_up(plan.objective),
            bound_minor=round_half_up(plan.bound),
            chord_bound_minor=None if plan.chord_bound is None else round_half_up(plan.chord_bound),
            gap=plan.gap,
            solver_s=round(plan.solver_s, 3),
            build_s=round(plan.build_s, 3),
            columns=plan.columns,
            plan=packed_plan(plan),
            outline=outline,
            message=None,
        )
    )


def binding_limits(
    run_id: str, problem: Problem, plan: Plan, zone_names: Mapping[str, str], most: int = 6
) -> list[BindingLimit]:
    """What limited the plan, the dearest first; at most `most` of each kind, whose units do not compare."""
    found = [*_hours_that_bind(run_id, problem, plan), *_days_that_bind(run_id, problem, plan, zone_names)]
    kept: dict[str, list[BindingLimit]] = defaultdict(list)
    for limit in sorted(found, key=lambda b: -b.worth_minor):
        if len(kept[limit.limit_name]) < most:
            kept[limit.limit_name].append(limit)
    return sorted((limit for kind in kept.values() for limit in kind), key=lambda b: -b.worth_minor)


def _hours_that_bind(run_id: str, problem: Problem, plan: Plan) -> list[BindingLimit]:
    """The weeks in which a node has too few driver hours, from their first window to their last."""
    weeks: dict[int, list[Window]] = defaultdict(list)
    for day in problem.days:
        weeks[day.week] += day.buckets
    return [
        BindingLimit(
            run_id=run_id,
            limit_name="driver hours of the week",
            node_name=node.name,
            starts_at=min((w.start for w in weeks[week]), default=None),
            ends_at=max((w.end for w in weeks[week]), default=None),
            worth_minor=round_half_up(price),
            currency=problem.currency,
            unit="hour",
        )
        for node, prices in zip(problem.nodes, plan.hour_price, strict=True)
        for week, price in enumerate(prices)
        if price > 1
    ]


def _days_that_bind(
    run_id: str, problem: Problem, plan: Plan, zone_names: Mapping[str, str]
) -> list[BindingLimit]:
    found = []
    for day, solution in zip(problem.days, plan.days, strict=True):
        for binding in solution.bindings:
            fleet = problem.fleets[binding.fleet] if binding.fleet is not None else None
            node = fleet.node if fleet else binding.node
            window = day.buckets[binding.bucket] if binding.bucket is not None else _whole(day)
            zone = problem.zones[binding.zone] if binding.zone is not None else None
            found.append(
                BindingLimit(
                    run_id=run_id,
                    limit_name=binding.limit,
                    node_name=problem.nodes[node].name if node is not None else None,
                    zone_name=zone_names.get(zone) if zone else None,
                    vehicle_kind=VehicleKind(fleet.kind) if fleet else None,
                    starts_at=window.start,
                    ends_at=window.end,
                    worth_minor=round_half_up(binding.worth_minor),
                    currency=problem.currency,
                    unit=binding.unit,
                )
            )
    return found


def _whole(day: DayProblem) -> Window:
    """From the first bucket of a day to its last: what binds without an hour binds on that day."""
    return Window(min(window.start for window in day.buckets), max(window.end for window in day.buckets))
