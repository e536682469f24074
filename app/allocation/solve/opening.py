"""Which buckets of a zone are opened at all: binary, with a link of its own for every group of customers.

One link per group and bucket makes the relaxation tight; a single one per zone and bucket (the sum of all
groups) leaves gaps of more than the plan is worth.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from app.allocation.problem import SHORT_PRICE
from app.allocation.solve.sheet import Terms, Variable

if TYPE_CHECKING:
    from app.allocation.solve.model import DayModel

type Cell = tuple[int, int]


class Opened(NamedTuple):
    """A solution's open (zone, bucket), missing trips by arc, and orders and windows short by rule."""

    opened: tuple[Cell, ...]
    empty_trips: tuple[float, ...]
    short: tuple[tuple[float, float], ...]


class Opening:
    """The columns of the zones with opening rules: `o` per cell (zone, bucket) that a vehicle may reach,
    `y` per arc there, `short` orders and windows per rule. `columns` are those of `o`."""

    def __init__(self, model: DayModel) -> None:
        self.model, add, tag = model, model.sheet.column, model.tag
        ruled = {rule.zone for rule in model.day.openings}
        barred = set(model.barred)
        self.arcs = [a for a, arc in enumerate(model.day.arcs) if arc.zone in ruled and a not in barred]
        self.cells = sorted({(model.day.arcs[a].zone, model.day.arcs[a].bucket) for a in self.arcs})
        before = model.sheet.columns
        self.o: dict[Cell, Variable] = {cell: add(f"o{tag}_{cell[0]}_{cell[1]}", 1) for cell in self.cells}
        self.columns = range(before, model.sheet.columns)
        self.trips = range(model.sheet.columns, model.sheet.columns + len(self.arcs))
        self.y: dict[int, Variable] = {a: add(f"y{tag}_{a}") for a in self.arcs}
        before = model.sheet.columns
        self.short = [(add(f"so{tag}_{r}"), add(f"sw{tag}_{r}")) for r in range(len(model.day.openings))]
        self.shorts = range(before, model.sheet.columns)

    def objective(self) -> Terms:
        """What openings, empty trips and shortages cost."""
        day, fleets = self.model.day, self.model.problem.fleets
        costs = {rule.zone: float(rule.cost_minor) for rule in day.openings}
        terms = [(o, -costs[zone]) for (zone, _), o in self.o.items()]
        terms += [(y, -fleets[day.arcs[a].fleet].minor_per_m * day.arcs[a].stem_m) for a, y in self.y.items()]
        return terms + [(one, -SHORT_PRICE) for both in self.short for one in both]

    def rows(self) -> None:
        """Only what is open is sold and what is open is visited; from the least to the most windows."""
        day = self.model.day
        for g, group in enumerate(day.groups):
            for i, (bucket, _) in enumerate(group.accepts):
                o = self.o.get((group.zone, bucket))
                if o is not None:
                    link: Terms = [(self.model.u[g][i], 1.0), (o, -group.orders)]
                    self.model.row(("link", g, i), link, "<=", 0.0)
        visits: dict[Cell, Terms] = defaultdict(list)
        for a in self.arcs:
            arc = day.arcs[a]
            stops = self.model.problem.fleets[arc.fleet].stops_per_trip
            visits[arc.zone, arc.bucket] += [(self.model.x[a], -1.0 / stops), (self.y[a], -1.0)]
        for cell in self.cells:
            self.model.row(("visit", *cell), [(self.o[cell], 1.0), *visits[cell]], "<=", 0.0)
        for r, rule in enumerate(day.openings):
            here = [(o, 1.0) for (zone, _), o in self.o.items() if zone == rule.zone]
            orders, windows = self.short[r]
            if here:
                self.model.row(("most", rule.zone, 0), here, "<=", float(rule.most))
            missing = [(o, -1.0) for o, _ in here] + [(windows, -1.0)]
            self.model.row(("least", rule.zone, 0), missing, "<=", -float(min(rule.least, len(here))))
            self._service(rule.zone, rule.service_bp, orders)

    def _service(self, zone: int, service_bp: int, short: Variable) -> None:
        mine = [(g, group) for g, group in enumerate(self.model.day.groups) if group.zone == zone]
        wanted = service_bp / 10_000 * sum(group.orders for _, group in mine)
        steered = [(u, -1.0) for g, _ in mine for u in self.model.u[g]]
        self.model.row(("service", zone, 0), [*steered, (short, -1.0)], "<=", -wanted)

    def read(self, values: Sequence[float]) -> Opened:
        """The day's openings in a solution of the sheet."""
        opened = zip(self.cells, (values[c] for c in self.columns), strict=True)
        trips = [0.0] * len(self.model.day.arcs)
        for a, column in zip(self.arcs, self.trips, strict=True):
            trips[a] = max(0.0, values[column])
        short = [max(0.0, values[c]) for c in self.shorts]
        return Opened(
            opened=tuple(cell for cell, open_ in opened if open_ > 0.5),
            empty_trips=tuple(trips),
            short=tuple(zip(short[::2], short[1::2], strict=True)),
        )
