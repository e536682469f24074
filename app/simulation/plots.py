"""Pictures of a season: what each policy earns, costs and breaks at each load."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from app.simulation.report import Estimate, Line

# Told apart by colour-blind people, and by their marks without colours (Okabe and Ito).
_COLOURS = ("#999999", "#E69F00", "#56B4E9", "#0072B2", "#009E73", "#CC79A7", "#D55E00")
_MARKS = "osD^vPX"


def draw(lines: Sequence[Line], folder: Path) -> list[Path]:
    """Write `profit.svg`, `cost.svg` and `promises.svg` into a folder that exists; returns their paths."""
    # Without this each picture would differ from the last one of the same season.
    with mpl.rc_context({"svg.hashsalt": "lastlap", "font.size": 10}):
        return [
            _picture(lines, folder / "profit.svg", "Profit an evening, EUR", lambda line: line.profit),
            _picture(lines, folder / "cost.svg", "Cost per drop, EUR", lambda line: line.cost_per_drop),
            _picture(
                lines,
                folder / "promises.svg",
                "Broken promises, % of orders",
                lambda line: Estimate(100 * line.broken_share, 0.0),
            ),
        ]


def _picture(lines: Sequence[Line], path: Path, title: str, figure_of: Callable[[Line], Estimate]) -> Path:
    figure = Figure(figsize=(8, 4.8), layout="constrained")
    axes: Axes = figure.subplots()
    names = list(dict.fromkeys(line.policy for line in lines))
    for number, name in enumerate(names):
        mine = [line for line in lines if line.policy == name]
        found = [figure_of(line) for line in mine]
        # A little beside each other, so that intervals do not cover one another.
        beside = 0.012 * (number - len(names) / 2)
        axes.errorbar(
            [line.load + beside for line in mine],
            [one.mean for one in found],
            yerr=[one.half or 0.0 for one in found],
            label=name,
            color=_COLOURS[number % len(_COLOURS)],
            marker=_MARKS[number % len(_MARKS)],
            capsize=3,
        )
    axes.set_title(f"{title} (mean and 95 % interval)")
    axes.set_xlabel("demand at 4 EUR over capacity")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    return path
