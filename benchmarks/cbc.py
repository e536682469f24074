"""CBC, the second solver: a sheet written as MPS and given to the executable that the development wheel brings."""

from __future__ import annotations

import re
import resource
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cbcbox

from app.allocation.solve.sheet import Sheet

_NUMBER = r"(-?[0-9.]+(?:e[+-]?[0-9]+)?)"
_FOUND = re.compile(rf"^Objective value:\s+{_NUMBER}", re.MULTILINE)
_BOUND = re.compile(rf"^Lower bound:\s+{_NUMBER}", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What CBC found and proved; None for what it did not, and its CPU seconds."""

    objective: float | None
    bound: float | None
    cpu_s: float


def cbc(sheet: Sheet, whole: Collection[int], *, seconds: float, gap: float) -> Answer:
    """Solve a sheet that is maximised, with these columns integer, for so many CPU seconds on one thread."""
    for place, variable in enumerate(sheet.prob.variables()):
        variable.cat = "Integer" if place in whole else "Continuous"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "sheet.mps"
        sheet.prob.writeMPS(str(file), rename=True)
        asked = [str(cbcbox.cbc_bin_path()), str(file), "-threads", "0", "-sec", str(seconds)]
        asked += ["-timeMode", "cpu", "-ratio", str(gap), "-solve", "-quit"]
        said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return read(said, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def read(said: str, cpu_s: float) -> Answer:
    """What a log of CBC says; PuLP writes a maximum as the least of its opposite."""
    found, bound = _FOUND.search(said), _BOUND.search(said)
    objective = -float(found[1]) if found else None
    proved = -float(bound[1]) if bound else objective if "Optimal solution found" in said else None
    return Answer(objective, proved, cpu_s)
