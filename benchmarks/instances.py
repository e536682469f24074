"""Public routing instances: read from files in the usual formats, made with a fixed seed, and laid out twice.

Solomon's and Gehring and Homberger's text format, and VRPLIB with the fields that PyVRP's instances use.
Distances are rounded as the best known costs of each format are.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import vrplib
from pyvrp import Client, Depot, Location, ProblemData, VehicleType

from app.tours.problem import Drop, Grid, Kind, RoutingProblem, Travel, Vehicle, Way
from app.values.load import Load

_NEVER = 1_000_000_000
_KNOWN = {
    "name", "comment", "type", "dimension", "vehicles", "scale", "capacity", "edge_weight_type", "edge_weight_format",
    "node_coord", "edge_weight", "demand", "depot", "time_window", "service_time", "vehicles_depot",
    "vehicles_fixed_cost", "vehicles_unit_distance_cost", "vehicles_max_distance", "vehicles_allowed_clients",
}  # fmt: skip


class NotUnderstood(ValueError):
    """The file asks for something that is not read here; the message names it."""


@dataclass(frozen=True, slots=True)
class Van:
    """A vehicle of an instance: from which depot, what it carries, costs and reaches, and whom it may serve."""

    depot: int
    capacity: int
    fixed: int = 0
    per_distance: int = 1
    most: int = _NEVER
    allowed: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """Places (depots first), whole distances that are durations too, windows, and the best known cost."""

    name: str
    distances: np.ndarray[Any, np.dtype[np.int64]]
    demands: tuple[int, ...]
    windows: tuple[tuple[int, int], ...]
    services: tuple[int, ...]
    depots: int
    vans: tuple[Van, ...]
    best: int | None = None


def read_folder(folder: Path) -> list[Instance]:
    """Every instance of a folder and of those below it, by name; what is not understood is told and left out."""
    known = {name: best for file in sorted(folder.rglob("*.json")) for name, best in _best_of(file).items()}
    found = []
    for file in sorted([*folder.rglob("*.txt"), *folder.rglob("*.vrp")]):
        try:
            one = read_instance(file)
        except (NotUnderstood, KeyError, ValueError, IndexError) as why:
            print(f"{file.name} is left out: {why}", flush=True)
            continue
        found.append(replace(one, best=one.best or known.get(one.name.lower())))
    return found


def _best_of(file: Path) -> dict[str, int]:
    """Best known distances of a JSON file {name: distance}; those of windowed instances in tenths."""
    told = json.loads(file.read_text(encoding="utf-8"))
    return {
        str(name).lower(): int(10 * float(best))
        for name, best in told.items()
        if isinstance(best, int | float)
    }


def read_instance(file: Path) -> Instance:
    """One instance, with the best known cost of the .sol beside it; raises NotUnderstood."""
    if file.suffix == ".txt":
        told: dict[str, Any] = vrplib.read_instance(file, instance_format="solomon")
    else:
        told = vrplib.read_instance(file)
    strange = {name for name in told if name not in _KNOWN}
    if strange:
        raise NotUnderstood(f"it has {', '.join(sorted(strange))}")
    scale, cut, best = _scale(file.with_suffix(".sol"), windowed="time_window" in told)
    if told.get("edge_weight_type", "EUC_2D") in ("EUC_2D", "FLOOR_2D"):
        # Rounded once, in the units of the solution: what is floored before it is scaled is lost.
        points = np.asarray(told["node_coord"], dtype=float)
        apart = points[:, None, :] - points[None, :, :]
        weights = scale * np.sqrt((apart**2).sum(axis=2))
    else:
        weights = scale * np.asarray(told["edge_weight"], dtype=float)
    distances = (weights if cut else np.round(weights)).astype(np.int64)
    depots = [int(depot) for depot in np.atleast_1d(told.get("depot", [0]))]
    if depots != list(range(len(depots))):
        raise NotUnderstood("its depots are not the first places")
    size = len(distances)
    windows = np.asarray(told.get("time_window", [(0, _NEVER // scale)] * size), dtype=float) * scale
    services = np.broadcast_to(np.asarray(told.get("service_time", 0), dtype=float) * scale, (size,))
    return Instance(
        name=str(told.get("name", file.stem)),
        distances=distances,
        demands=tuple(int(one) for one in np.asarray(told["demand"]).reshape(size, -1)[:, 0]),
        windows=tuple((int(a), int(b)) for a, b in windows),
        services=tuple(int(one) for one in services),
        depots=len(depots),
        vans=_vans(told, size, len(depots), scale),
        best=best,
    )


def _scale(solution: Path, *, windowed: bool) -> tuple[int, bool, int | None]:
    """In which units an instance is counted, whether distances are cut off, and its best known cost in them.

    Its solution tells: a windowed one with a point is in tenths, cut off (DIMACS); a whole one in thousandths,
    rounded; without windows a whole one is in whole distances, one with a point in thousandths.
    """
    if not solution.exists():
        return (10, True, None) if windowed else (1, False, None)
    cost: int | float = vrplib.read_solution(solution)["cost"]
    if isinstance(cost, int):
        return 1_000 if windowed else 1, False, cost
    return (10, True, round(10 * cost)) if windowed else (1_000, False, round(1_000 * cost))


def _vans(told: dict[str, Any], size: int, depots: int, scale: int) -> tuple[Van, ...]:
    count = int(told.get("vehicles", size - depots))

    def each(name: str, usual: float) -> list[float]:
        return [
            float(one) for one in np.broadcast_to(np.asarray(told.get(name, usual), dtype=float), (count,))
        ]

    at = [int(one) - 1 for one in np.broadcast_to(np.asarray(told.get("vehicles_depot", 1)), (count,))]
    allowed = told.get("vehicles_allowed_clients")
    return tuple(
        Van(
            depot=at[n],
            capacity=int(each("capacity", _NEVER)[n]),
            fixed=int(each("vehicles_fixed_cost", 0)[n] * scale),
            per_distance=int(each("vehicles_unit_distance_cost", 1)[n]),
            most=min(_NEVER, int(each("vehicles_max_distance", _NEVER / scale)[n] * scale)),
            allowed=None if allowed is None else frozenset(int(one) - 1 for one in np.atleast_1d(allowed[n])),
        )
        for n in range(count)
    )


def made(customers: int, *, seed: int, clustered: bool, window: int) -> Instance:
    """An instance of our own: half a day of 2,400 ticks over a square of 1,000, vans for ten to fifteen drops."""
    chance = random.Random(seed)
    middles = [(chance.uniform(150, 850), chance.uniform(150, 850)) for _ in range(customers // 12)]

    def point() -> tuple[float, float]:
        if not clustered:
            return chance.uniform(0, 1_000), chance.uniform(0, 1_000)
        x, y = chance.choice(middles)
        return chance.gauss(x, 45), chance.gauss(y, 45)

    points = np.array([(500.0, 500.0), *(point() for _ in range(customers))])
    apart = points[:, None, :] - points[None, :, :]
    distances = np.sqrt((apart**2).sum(axis=2)).astype(np.int64)
    windows = [(0, 3_400)]
    for place in range(1, customers + 1):
        opens = chance.randrange(int(distances[0, place]), 2_400 - window // 2)
        windows.append((opens, opens + window))
    return Instance(
        name=f"{'C' if clustered else 'R'}{customers}-{window}-{seed}",
        distances=distances,
        demands=(0, *(chance.randrange(5, 30) for _ in range(customers))),
        windows=tuple(windows),
        services=(0, *([90] * customers)),
        depots=1,
        vans=(Van(0, 200),) * (customers // 4),
    )


def bare(instance: Instance) -> ProblemData:
    """The instance as PyVRP's data, with nothing of ours between."""
    if any(van.allowed is not None for van in instance.vans):
        raise NotUnderstood("bare PyVRP is run without allowed clients only")
    kinds = list(dict.fromkeys(instance.vans))
    opens = instance.windows
    return ProblemData(
        [Location(0, 0) for _ in instance.distances],
        [
            Client(
                place,
                delivery=[instance.demands[place]],
                service_duration=instance.services[place],
                tw_early=opens[place][0],
                tw_late=opens[place][1],
            )
            for place in range(instance.depots, len(instance.distances))
        ],
        [Depot(place, tw_early=opens[place][0], tw_late=opens[place][1]) for place in range(instance.depots)],
        [
            VehicleType(
                instance.vans.count(van),
                capacity=[van.capacity],
                start_depot=van.depot,
                end_depot=van.depot,
                fixed_cost=van.fixed,
                unit_distance_cost=van.per_distance,
                tw_early=opens[van.depot][0],
                tw_late=opens[van.depot][1],
                max_distance=van.most,
            )
            for van in kinds
        ],
        [instance.distances],
        [instance.distances],
    )


def ours(instance: Instance) -> RoutingProblem:
    """The instance as our routing problem; a unit of its cost is a thousandth of a minor unit, or one with
    fixed costs."""
    grid = Grid(len(instance.distances), instance.distances.astype("<i4").tobytes())
    per_km = 1_000 if any(van.fixed for van in instance.vans) else 1
    groups = list(dict.fromkeys(van.allowed for van in instance.vans))
    return RoutingProblem(
        begins_at=datetime(2026, 1, 1, tzinfo=UTC),
        currency="EUR",
        places=len(instance.distances),
        travels=(Travel("van", "the instance", grid, grid),),
        kinds=tuple(Kind(str(n), "van", 0) for n in range(len(groups))),
        vehicles=tuple(
            Vehicle(
                id=f"v{number}",
                kind=groups.index(van.allowed),
                start=van.depot,
                end=van.depot,
                starts_s=instance.windows[van.depot][0],
                ends_s=instance.windows[van.depot][1],
                capacity=Load(0, 0, 0, van.capacity),
                range_m=van.most,
                cost_minor_per_km=van.per_distance * per_km,
                fixed_minor=van.fixed,
            )
            for number, van in enumerate(instance.vans)
        ),
        drops=tuple(
            Drop(
                id=str(place),
                load=Load(0, 0, 0, instance.demands[place]),
                ways=(
                    Way(
                        place,
                        *instance.windows[place],
                        (instance.services[place],) * len(groups),
                        (0,) * len(groups),
                    ),
                ),
                kinds=_may(groups, place),
            )
            for place in range(instance.depots, len(instance.distances))
        ),
    )


def _may(groups: Sequence[frozenset[int] | None], place: int) -> tuple[int, ...]:
    kinds = tuple(n for n, allowed in enumerate(groups) if allowed is None or place in allowed)
    return () if len(kinds) == len(groups) else kinds


def cost_in_units(instance: Instance, cost_minor: float) -> float:
    """Our cost in the instance's own units."""
    return cost_minor if any(van.fixed for van in instance.vans) else cost_minor * 1_000
