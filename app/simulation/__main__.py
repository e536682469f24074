"""The simulation's process: a season comes in as a line of JSON, progress and results go out."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import orjson

from app.simulation.evening import Outcome
from app.simulation.plots import draw
from app.simulation.report import HEAD, as_json, cells, lines, table
from app.simulation.season import Season, play_season


def main() -> None:
    """Play, and write `season.json`, `season.md` and the pictures into the folder that is named."""
    asked = orjson.loads(sys.stdin.buffer.readline())
    folder = Path(asked.pop("folder"))
    season = Season(**{**asked, "loads": tuple(asked["loads"])})
    # Solvers print greetings of their own to standard output: those go where complaints go.
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)

        def tell(fact: dict[str, object]) -> None:
            out.write(orjson.dumps(fact) + b"\n")
            out.flush()

        def progress(done: int, all_of: int, last: Outcome) -> None:
            tell({"done": done, "of": all_of, "policy": last.policy, "load": last.load})

        outcomes = play_season(season, progress)
        found = lines(outcomes)
        (folder / "season.json").write_bytes(
            orjson.dumps(as_json(found, outcomes), option=orjson.OPT_INDENT_2)
        )
        (folder / "season.md").write_text(table(found), encoding="utf-8")
        draw(found, folder)
        tell({"head": list(HEAD), "rows": [cells(line) for line in found]})


if __name__ == "__main__":
    main()
