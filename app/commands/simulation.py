"""Play a season of shoppers against ways of selling windows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.commands.terminal import complaints, console

COMMAND = (sys.executable, "-m", "app.simulation")
DEFAULT_LOADS = "0.8,1.2,1.7,2.2"
# Columns of a terminal below which a table of a season is cut to pieces.
_WIDE = 160


def simulate(
    evenings: Annotated[int, typer.Option(min=1, max=365, help="Evenings of the season, at each load.")] = 8,
    loads: Annotated[str, typer.Option(help="Demand at 4 EUR over capacity.")] = DEFAULT_LOADS,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same season.")] = 1,
    vehicles: Annotated[int, typer.Option(min=1, max=20, help="Of each class.")] = 5,
    processes: Annotated[int, typer.Option(min=1, max=64, help="Beside each other.")] = 2,
    effort: Annotated[
        float, typer.Option(min=0.01, max=10, help="Share of the usual search: 0.1 for a quick look.")
    ] = 1.0,
    out: Annotated[Path, typer.Option(help="Where figures and pictures go.")] = Path("var/simulation"),
) -> None:
    """Play a season of shoppers against counters, insertion, re-optimised tours and bid prices."""
    try:
        wanted = [float(load) for load in loads.split(",")]
    except ValueError:
        wanted = []
    if not wanted or not all(0 < load <= 10 for load in wanted):
        complaints.print(
            f"Loads are numbers above 0, up to 10, like {DEFAULT_LOADS}; not {loads}.", markup=False
        )
        raise typer.Exit(2)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as why:
        complaints.print(f"{out} cannot be written to: {why.strerror}. Name another folder by --out.")
        raise typer.Exit(2) from why
    season = {"evenings": evenings, "loads": wanted, "seed": seed, "vehicles": vehicles, "effort": effort}
    found = _play({**season, "processes": processes, "folder": str(out.resolve())})
    _show(found["head"], found["rows"])
    console.print(f"[green]✓[/green] Figures and pictures are in {out}: season.md, season.json, *.svg")


def _show(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table where there is room for one, else each policy with its figures under it."""
    shown = Table()
    for name in head:
        shown.add_column(name)
    for row in rows:
        shown.add_row(*row)
    if console.width >= _WIDE:
        console.print(shown)
        return
    for load, policy, *figures in rows:
        console.print(f"[bold]{head[0]} {load}, {policy}[/bold]")
        said = ", ".join(f"{name} {figure}" for name, figure in zip(head[2:], figures, strict=True))
        console.print(Padding(said, (0, 0, 0, 2)), highlight=False)


def _play(season: dict[str, object]) -> dict[str, Any]:
    """Let another process play it, with a progress display; it ends with this one."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[said]}"),
    )
    result: dict[str, Any] | None = None
    pipe = subprocess.PIPE
    with subprocess.Popen(COMMAND, stdin=pipe, stdout=pipe, start_new_session=True) as child:
        if child.stdin is None or child.stdout is None:
            raise OSError("the simulation has no pipes")
        try:
            child.stdin.write(orjson.dumps(season) + b"\n")
            child.stdin.close()
            with Progress(*columns, console=console) as display:
                bar = display.add_task("Playing", total=None, said="")
                for line in child.stdout:
                    told = orjson.loads(line)
                    if "rows" in told:
                        result = told
                    else:
                        said = f"load {told['load']:g}, {told['policy']}"
                        display.update(bar, total=told["of"], completed=told["done"], said=said)
        finally:
            # Ctrl-C here is not theirs: a session of their own.
            if result is None and child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
    if result is None:
        complaints.print(f"The simulation ended with code {child.returncode} and no result; see above.")
        raise typer.Exit(1)
    return result
