"""Many evenings under several loads and policies, each with the very same shoppers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from math import exp
from multiprocessing import get_context
from random import Random

from app.simulation.evening import Outcome, play
from app.simulation.policies import POLICIES
from app.simulation.town import Town, default_town, shoppers

# The fee at which loads are told: demand at this fee over what the evening can take.
LOAD_FEE_MINOR = 400
# Evenings differ: so much, as a share of the expected number of shoppers.
DAY_SPREAD = 0.08


@dataclass(frozen=True, slots=True)
class Season:
    """What is played: evenings at these loads from this seed on, with so many vehicles of each class.

    `effort` is the share of the usual search for tours.
    """

    evenings: int = 8
    loads: tuple[float, ...] = (0.8, 1.2, 1.7, 2.2)
    seed: int = 1
    vehicles: int = 5
    processes: int = 2
    effort: float = 1.0


type Progress = Callable[[int, int, Outcome], None]


def play_season(season: Season, progress: Progress) -> list[Outcome]:
    """The outcome of every evening, load and policy, in that order; `progress` hears of each as it ends.

    The same season gives the same outcomes on any machine. Raises ValueError for a season without evenings,
    with a load that is not positive, or with hardly any effort or far too much.
    """
    if min(season.evenings, season.vehicles, season.processes) < 1:
        raise ValueError("a season has at least one evening, one vehicle and one process")
    if not 0.01 <= season.effort <= 10:
        raise ValueError("the search of a season is a hundredth to ten times the usual one")
    if not season.loads or min(season.loads) <= 0:
        raise ValueError("a load is demand over capacity: above nothing")
    tasks = list(_tasks(season))
    found: dict[int, Outcome] = {}
    if season.processes == 1:
        for number, task in enumerate(tasks):
            found[number] = _evening(*task)
            progress(len(found), len(tasks), found[number])
    else:
        with ProcessPoolExecutor(season.processes, mp_context=get_context("spawn")) as pool:
            running = {pool.submit(_evening, *task): number for number, task in enumerate(tasks)}
            for future in as_completed(running):
                found[running[future]] = future.result()
                progress(len(found), len(tasks), future.result())
    return [found[number] for number in range(len(tasks))]


def _tasks(season: Season) -> Iterator[tuple[int, float, int, int, float]]:
    for load in season.loads:
        for evening in range(season.evenings):
            for policy in range(len(POLICIES)):
                yield season.vehicles, load, season.seed * 1_000 + evening, policy, season.effort


def _evening(vehicles: int, load: float, evening: int, policy: int, effort: float) -> Outcome:
    """One task, at module level so that another process can run it."""
    town = default_town(vehicles)
    expected = expected_shoppers(town, load)
    count = max(1, round(expected * Random(evening).gauss(1, DAY_SPREAD)))
    seen = shoppers(town, count=count, seed=evening)
    return play(town, POLICIES[policy], seen, expected=expected, load=load, evening=evening, effort=effort)


def expected_shoppers(town: Town, load: float) -> float:
    """How many look in, so that at the usual fee `load` times as many want to order as can be served."""
    return load * town.orders / share_buying(town, LOAD_FEE_MINOR)


def share_buying(town: Town, fee_minor: int) -> float:
    """The share of shoppers who order when every window is open at this fee."""
    share = 0.0
    for kind in town.kinds:
        sum_v = sum(exp(a - kind.price_weight * fee_minor / 100) for a in kind.attraction)
        share += kind.share * sum_v / (1 + sum_v)
    return share


def policies_of(outcomes: Sequence[Outcome]) -> list[str]:
    """The policies in the order in which they are compared."""
    played = {outcome.policy for outcome in outcomes}
    return [policy.name for policy in POLICIES if policy.name in played]
