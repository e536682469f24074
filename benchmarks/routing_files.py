"""Our door beside bare PyVRP on files in the public formats, read from a folder as a user's would be.

The instances are made here with fixed seeds and written as Solomon's, Gehring and Homberger's and VRPLIB
files with PyVRP's fields; the best known costs are the best of a long run of bare PyVRP and of all others.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from pyvrp import solve
from pyvrp.stop import MaxRuntime

from benchmarks.instances import Instance, bare, read_folder
from benchmarks.page import Section, Table
from benchmarks.routing import AIM_POINTS, SECONDS, Pair, compared, table_of_pairs

NAME = "formats"
TITLE = "Tours of instances in the public formats"
LONG_S = float(os.environ.get("ROUTING_LONG", "120"))
_CAPACITY, _SERVICE, _HORIZON, _CLOSES = 200, 10, 240, 340


@dataclass(frozen=True, slots=True)
class Told:
    """What a file says: a row (x, y, demand, opens, closes, service) per place, the depot first."""

    name: str
    vehicles: int
    rows: tuple[tuple[int, int, int, int, int, int], ...]


def drawn(name: str, customers: int, *, seed: int, clustered: bool, window: int) -> Told:
    """An instance on a square of 100, half a day of 240 ticks."""
    chance = random.Random(seed)
    middles = [(chance.uniform(15, 85), chance.uniform(15, 85)) for _ in range(customers // 12)]
    rows = [(50, 50, 0, 0, _CLOSES, 0)]
    for _ in range(customers):
        x, y = chance.uniform(0, 100), chance.uniform(0, 100)
        if clustered:
            middle = chance.choice(middles)
            x, y = chance.gauss(middle[0], 4.5), chance.gauss(middle[1], 4.5)
        away = round(((x - 50) ** 2 + (y - 50) ** 2) ** 0.5)
        opens = chance.randrange(away + 1, max(away + 2, _HORIZON - window // 2))
        rows.append((round(x), round(y), chance.randrange(5, 30), opens, opens + window, _SERVICE))
    return Told(name, customers // 4, tuple(rows))


def solomon(told: Told) -> str:
    """As Solomon and as Gehring and Homberger write it."""
    head = "CUST NO.  XCOORD.   YCOORD.    DEMAND   READY TIME  DUE DATE   SERVICE   TIME"
    rows = [f"{place:5}" + "".join(f"{one:11}" for one in row) for place, row in enumerate(told.rows)]
    fleet = f"{told.vehicles:4}{_CAPACITY:12}"
    lines = [told.name, "", "VEHICLE", "NUMBER     CAPACITY", fleet, "", "CUSTOMER", head, "", *rows]
    return "\n".join(lines) + "\n"


def vrplib(told: Told) -> str:
    """As PyVRP's instances are written."""
    columns: dict[str, Sequence[Sequence[int]]] = {
        "NODE_COORD_SECTION": [row[:2] for row in told.rows],
        "DEMAND_SECTION": [row[2:3] for row in told.rows],
        "TIME_WINDOW_SECTION": [row[3:5] for row in told.rows],
        "SERVICE_TIME_SECTION": [row[5:] for row in told.rows],
    }
    lines = [
        f"NAME : {told.name}", "TYPE : VRPTW", f"DIMENSION : {len(told.rows)}", f"VEHICLES : {told.vehicles}",
        "EDGE_WEIGHT_TYPE : EUC_2D", f"CAPACITY : {_CAPACITY}",
    ]  # fmt: skip
    for section, rows in columns.items():
        lines.append(section)
        lines += [" ".join(map(str, (place, *row))) for place, row in enumerate(rows, start=1)]
    return "\n".join([*lines, "DEPOT_SECTION", "1", "-1", "EOF"]) + "\n"


MADE = (
    ("solomon.txt", drawn("r-100", 100, seed=1, clustered=False, window=24)),
    ("homberger.txt", drawn("c-200", 200, seed=2, clustered=True, window=48)),
    ("pyvrp.vrp", drawn("r-200", 200, seed=3, clustered=False, window=48)),
    ("large.txt", drawn("c-400", 400, seed=4, clustered=True, window=24)),
)


def write(folder: Path, made: Sequence[tuple[str, Told]] = MADE) -> None:
    """Put these files into a folder."""
    for file, told in made:
        text = vrplib(told) if file.endswith(".vrp") else solomon(told)
        (folder / file).write_text(text, encoding="utf-8")


def run() -> Section:
    """Write the files, find the best costs, read them again, and compare."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write(folder)
        best = {one.name: longest(one) / 10 for one in read_folder(folder)}
        (folder / "best.json").write_text(json.dumps(best), encoding="utf-8")
        pairs = [pair for one in read_folder(folder) for pair in compared(one, SECONDS)]
    return section(pairs)


def longest(instance: Instance, seconds: float = LONG_S) -> float:
    """The cost that bare PyVRP finds in a long run, of another seed."""
    return float(solve(bare(instance), MaxRuntime(seconds), seed=2, collect_stats=False).cost())


def section(pairs: Sequence[Pair]) -> Section:
    """The page's part."""
    least = {
        p.name: min(one for q in pairs if q.name == p.name for one in (q.ours, q.bare, q.best)) for p in pairs
    }
    table: Table = table_of_pairs([replace(pair, best=least[pair.name]) for pair in pairs])
    text = f"""
Files in Solomon's, Gehring and Homberger's and PyVRP's formats, made with fixed seeds (100 to 400 customers) and read
from a folder like a user's. They are nobody's benchmark: the gap is to the best of bare PyVRP in {LONG_S:g} s with another
seed and of all runs here. Ours and bare PyVRP search one after the other for the same seconds of wall, one seed; the
aim is at most {AIM_POINTS} points worse. Our tours passed the independent check.

{table}
"""
    return Section(NAME, TITLE, text)
