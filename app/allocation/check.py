"""Verify a plan against its problem, in own arithmetic, without knowing how it was made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from itertools import combinations

from app.allocation.problem import DayProblem, DaySolution, Plan, Problem, contribution, hours_used
from app.allocation.travel import between_m

# Solvers keep rows within about 1e-6 of their size; a tenth of an order or a second is no harm.
_ORDERS = 1e-3
_SECONDS = 1.0
_SHARE = 1e-4


def check(problem: Problem, plan: Plan) -> list[str]:
    """What is wrong with the plan, a sentence each; an empty list says that it may be published."""
    if [d.day for d in plan.days] != [d.day for d in problem.days]:
        return ["The plan is not for the days of the problem."]
    found: list[str] = []
    for day, solution in zip(problem.days, plan.days, strict=True):
        shape = _shape(day, solution)
        found += [f"{day.day}: {what}" for what in (shape or _day(problem, day, solution))]
    if found:
        return found
    return list(_whole(problem, plan))


def _shape(day: DayProblem, s: DaySolution) -> list[str]:
    lengths: tuple[tuple[int, int, str], ...] = (
        (len(s.vehicles), len(day.shifts), "shifts"),
        (len(s.served), len(day.arcs), "served amounts"),
        (len(s.steered), len(day.groups), "groups"),
        (len(s.overflow_s), len(day.taken), "overflows"),
    )
    if day.openings:
        lengths += (
            (len(s.empty_trips), len(day.arcs), "empty trips"),
            (len(s.short), len(day.openings), "shortages"),
        )
    wrong = [f"{given} {what} instead of {wanted}." for given, wanted, what in lengths if given != wanted]
    short = (x for both in s.short for x in both)
    steered = (x for group in s.steered for x in group)
    numbers = [*s.served, *s.overflow_s, *steered, *s.vehicles, *s.empty_trips, *short]
    if any(not x >= 0 or x == float("inf") for x in numbers):
        wrong.append("an amount is negative or not a number.")
    return wrong


def _day(problem: Problem, day: DayProblem, s: DaySolution) -> Iterator[str]:
    yield from _demand(day, s)
    yield from _time(problem, day, s)
    yield from _fleet(problem, day, s)
    yield from _range(problem, day, s)
    yield from _door(problem, day, s)
    yield from _small(problem, day, s)
    yield from _skills(problem, day, s)
    yield from _waves(problem, day, s)
    yield from _streets(problem, day, s)
    yield from _openings(problem, day, s)


def _demand(day: DayProblem, s: DaySolution) -> Iterator[str]:
    balance: dict[tuple[int, int], float] = defaultdict(float)
    for group, amounts in zip(day.groups, s.steered, strict=True):
        if sum(amounts) > group.orders + _ORDERS:
            yield f"zone {group.zone} is steered {sum(amounts):.2f} orders of {group.orders:.2f}."
        for (bucket, _), amount in zip(group.accepts, amounts, strict=True):
            balance[group.zone, bucket] -= amount
    for arc, amount in zip(day.arcs, s.served, strict=True):
        balance[arc.zone, arc.bucket] += amount
    for (zone, bucket), difference in balance.items():
        if abs(difference) > _ORDERS:
            yield f"zone {zone} in bucket {bucket} is served {difference:+.2f} orders beside its demand."


def _time(problem: Problem, day: DayProblem, s: DaySolution) -> Iterator[str]:
    room: dict[tuple[int, int], float] = defaultdict(float)
    for shift, count in zip(day.shifts, s.vehicles, strict=True):
        for bucket in shift.covers:
            room[shift.fleet, bucket] += count * day.bucket_s(bucket) * problem.usable_bp / 10_000
    work: dict[tuple[int, int], float] = defaultdict(float)
    for arc, amount in zip(day.arcs, s.served, strict=True):
        work[arc.fleet, arc.bucket] += arc.work_s * amount + arc.s_per_m * between_m(arc, amount)
    for arc, trips in zip(day.arcs, s.empty_trips, strict=False):
        work[arc.fleet, arc.bucket] += arc.s_per_m * arc.stem_m * trips
    for taken, over in zip(day.taken, s.overflow_s, strict=True):
        work[taken.fleet, taken.bucket] += taken.work_s - over
    for key, seconds in work.items():
        if seconds > room[key] + _SECONDS + _SHARE * seconds:
            yield f"fleet {key[0]} works {seconds:.0f} s in bucket {key[1]} and has {room[key]:.0f} s."


def _fleet(problem: Problem, day: DayProblem, s: DaySolution) -> Iterator[str]:
    out: dict[tuple[int, int], int] = defaultdict(int)
    for shift, count in zip(day.shifts, s.vehicles, strict=True):
        for bucket in shift.covers:
            out[shift.fleet, bucket] += count
    for (fleet, bucket), count in out.items():
        gone = sum(n for f, b, n in day.out if f == fleet and b == bucket)
        most = max(0, problem.fleets[fleet].vehicles - gone)
        if count > most:
            yield f"fleet {fleet} has {count} vehicles out in bucket {bucket} of {most}."


def _range(problem: Problem, day: DayProblem, s: DaySolution) -> Iterator[str]:
    metres: dict[int, float] = defaultdict(float)
    for arc, amount in zip(day.arcs, s.served, strict=True):
        metres[arc.fleet] += arc.distance_m * amount + between_m(arc, amount)
    for arc, trips in zip(day.arcs, s.empty_trips, strict=False):
        metres[arc.fleet] += arc.stem_m * trips
    for shift, count in zip(day.shifts, s.vehicles, strict=True):
        metres[shift.fleet] -= problem.fleets[shift.fleet].range_m * count
    for fleet, over in metres.items():
        if over > 10 + _SHARE * problem.fleets[fleet].range_m:
            yield f"fleet {fleet} drives {over:.0f} m beyond its range."


def _door(problem: Problem, day: DayProblem, s: DaySolution) -> Iterator[str]:
    through: dict[tuple[int, int], float] = defaultdict(float)
    for arc, amount in zip(day.arcs, s.served, strict=True):
        through[problem.fleets[arc.fleet].node, arc.bucket] += amount
        if arc.reload_node is not None:
            through[arc.reload_node, arc.bucket] += amount
    promised: dict[tuple[int, int], int] = defaultdict(int)
    for taken in day.taken:
        promised[problem.fleets[taken.fleet].node, taken.bucket] += taken.orders
    for (node, bucket), orders in through.items():
        most = problem.nodes[node].door_orders_per_h * day.bucket_s(bucket) / 3600
        if orders > max(0.0, most - promised[node, bucket]) + _ORDERS:
            yield f"node {node} sends {orders:.1f} orders through its door in bucket {bucket}."


def _small(problem: Problem, day: DayProblem, s: DaySolution) -> Iterator[str]:
    share = problem.small_orders_bp / 10_000
    small: dict[tuple[int, int], float] = defaultdict(float)
    everything: dict[tuple[int, int], float] = defaultdict(float)
    for arc, amount in zip(day.arcs, s.served, strict=True):
        everything[arc.zone, arc.bucket] += amount
        if problem.fleets[arc.fleet].small_orders_only:
            small[arc.zone, arc.bucket] += amount
    for (zone, bucket), amount in small.items():
        if amount > share * everything[zone, bucket] + _ORDERS:
            yield f"small vehicles serve {amount:.2f} orders of zone {zone} in bucket {bucket}."


def _skills(problem: Problem, day: DayProblem, s: DaySolution) -> Iterator[str]:
    """Whoever lacks what some orders need serves the others: those served there and those nobody serves."""
    needed = [set(skills) for skills, _ in problem.needs]
    picked = [c for size in (1, 2, len(needed)) for c in combinations(range(len(needed)), size)]
    turned: dict[tuple[int, int], float] = defaultdict(float)
    for some in dict.fromkeys(picked):
        left = 1 - sum(problem.needs[n][1] for n in some) / 10_000
        unable = [not any(needed[n] <= set(fleet.skills) for n in some) for fleet in problem.fleets]
        theirs: dict[tuple[int, int], float] = defaultdict(float)
        everything: dict[tuple[int, int], float] = defaultdict(float)
        for arc, amount in zip(day.arcs, s.served, strict=True):
            everything[arc.zone, arc.bucket] += amount
            theirs[arc.zone, arc.bucket] += amount if unable[arc.fleet] else 0.0
        for cell, amount in theirs.items():
            if amount > _ORDERS and left <= 0:
                yield f"zone {cell[0]} is served {amount:.2f} orders by vehicles that can bring none of them."
            elif amount > _ORDERS:
                turned[cell] = max(turned[cell], (amount - _ORDERS) / left - everything[cell])
    spare: dict[int, float] = defaultdict(float)
    for group, amounts in zip(day.groups, s.steered, strict=True):
        spare[group.zone] += group.orders - sum(amounts)
    for zone in sorted({zone for zone, _ in turned}):
        short = sum(orders for (z, _), orders in turned.items() if z == zone) - spare[zone]
        if short > _ORDERS * 10:
            yield f"zone {zone} has {short:.2f} orders brought by vehicles that cannot."


def _waves(problem: Problem, day: DayProblem, s: DaySolution) -> Iterator[str]:
    for wave in day.waves:
        picked = sum(
            amount
            for arc, amount in zip(day.arcs, s.served, strict=True)
            if problem.fleets[arc.fleet].node == wave.node and arc.bucket in wave.buckets
        )
        if picked > max(0.0, wave.orders - wave.taken) + _ORDERS:
            most = f"{wave.taken} of {wave.orders}"
            yield f"node {wave.node} picks {picked:.1f} orders in one wave beside {most}."


def _streets(problem: Problem, day: DayProblem, s: DaySolution) -> Iterator[str]:
    forbidden = set(day.low_emission)
    for arc, amount in zip(day.arcs, s.served, strict=True):
        burns = problem.fleets[arc.fleet].combustion
        if burns and amount > _ORDERS and (arc.zone, arc.bucket) in forbidden:
            yield f"fleet {arc.fleet} burns fuel in zone {arc.zone} in bucket {arc.bucket}, where none may."


def _openings(problem: Problem, day: DayProblem, s: DaySolution) -> Iterator[str]:
    ruled, opened = {rule.zone for rule in day.openings}, set(s.opened)
    if {zone for zone, _ in opened} - ruled:
        yield "windows are opened where no rule asks for it."
    served: dict[tuple[int, int], float] = defaultdict(float)
    visits: dict[tuple[int, int], float] = defaultdict(float)
    for arc, amount, trips in zip(day.arcs, s.served, s.empty_trips, strict=False):
        if arc.zone in ruled:
            served[arc.zone, arc.bucket] += amount
            visits[arc.zone, arc.bucket] += trips + amount / problem.fleets[arc.fleet].stops_per_trip
    for cell, amount in served.items():
        if amount > _ORDERS and cell not in opened:
            yield f"zone {cell[0]} is served {amount:.2f} orders in bucket {cell[1]}, which is not open."
    for cell in opened:
        if visits[cell] < 1 - _SHARE:
            yield f"zone {cell[0]} is open in bucket {cell[1]} without a visit."
    if day.openings:
        yield from _least_and_most(day, s, served.keys())


def _least_and_most(day: DayProblem, s: DaySolution, reached: Collection[tuple[int, int]]) -> Iterator[str]:
    steered: dict[int, float] = defaultdict(float)
    wanted: dict[int, float] = defaultdict(float)
    for group, amounts in zip(day.groups, s.steered, strict=True):
        steered[group.zone] += sum(amounts)
        wanted[group.zone] += group.orders
    for rule, (orders, windows) in zip(day.openings, s.short, strict=True):
        count = sum(zone == rule.zone for zone, _ in set(s.opened))
        possible = sum(zone == rule.zone for zone, _ in reached)
        if count > rule.most or count + windows < min(rule.least, possible) - _SHARE:
            yield f"zone {rule.zone} has {count} open windows of {rule.least} to {rule.most}."
        if steered[rule.zone] + orders < rule.service_bp / 10_000 * wanted[rule.zone] - _ORDERS:
            yield f"zone {rule.zone} is served {steered[rule.zone]:.1f} orders, fewer than its least."


def _whole(problem: Problem, plan: Plan) -> Iterator[str]:
    for week in sorted({day.week for day in problem.days}):
        used = [0.0] * len(problem.nodes)
        for day, solution in zip(problem.days, plan.days, strict=True):
            if day.week == week:
                spent = hours_used(day, solution.vehicles, len(problem.nodes), problem.fleets)
                used = [a + b for a, b in zip(used, spent, strict=True)]
        for node, hours in zip(problem.nodes, used, strict=True):
            if hours > node.hours[week] + 1e-6:
                yield f"{node.name} works {hours:.1f} driver hours of {node.hours[week]:.1f} in week {week}."
    earned = sum(contribution(problem, d, s) for d, s in zip(problem.days, plan.days, strict=True))
    if abs(earned - plan.objective) > 1 + _SHARE * abs(earned):
        yield f"The plan claims {plan.objective:.0f} and earns {earned:.0f}."
    if plan.bound < plan.objective - 1 - _SHARE * abs(earned):
        yield f"The bound {plan.bound:.0f} lies below the plan's {plan.objective:.0f}."
    if plan.chord_bound is not None and plan.chord_bound < plan.objective - 1 - _SHARE * abs(earned):
        yield f"The chord bound {plan.chord_bound:.0f} lies below the plan's {plan.objective:.0f}."
