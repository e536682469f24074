"""benchmarks/README.md: one section per benchmark, each with the command and the machine that wrote it."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Protocol

PAGE = Path(__file__).with_name("README.md")

HEAD = """# Benchmarks

Written by `make bench`; `make bench ARGS=NAME` runs one and replaces its section. Ratios come from interleaved
rounds (A B A B ...), as median [least - most]: they hold on a busy machine, bare times do not. CPU seconds are
those of the process named, never wall time unless a figure says so. All data are made by our own code with fixed
seeds.
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table; cells are text already."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __str__(self) -> str:
        lines = [self.head, ["---"] * len(self.head), *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@dataclass(frozen=True, slots=True)
class Section:
    """What one benchmark found: `name` is what one asks `make bench` for."""

    name: str
    title: str
    text: str
    command: str = "bench"

    def __str__(self) -> str:
        asked = f"`make {self.command} ARGS={self.name}` on {machine()}."
        return f"## {self.title}\n\n{asked}\n\n{self.text.strip()}\n"


def machine() -> str:
    """What it ran on: cores, architecture and versions, and how busy it was."""
    libraries = (
        "pulp",
        "highspy",
        "strawberry-graphql",
        "graphql-core",
        "sqlalchemy",
        "starlette",
        "uvicorn",
    )
    known = ", ".join(f"{name} {version(name)}" for name in libraries)
    busy = f"load {os.getloadavg()[0]:.1f}"
    return f"{os.cpu_count()} cores, {platform.machine()}, {busy}, Python {sys.version.split()[0]}, {known}"


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """The median with the least and the most: '0.79 [0.55 - 0.89]'."""
    return f"{median(values):{form}} [{min(values):{form}} - {max(values):{form}}]"


class Benchmark(Protocol):
    """A module that measures one thing."""

    NAME: str
    TITLE: str

    def run(self) -> Section:
        """Measure."""


def measure(
    names: Sequence[str], benchmarks: Sequence[Benchmark], page: Path, head: str, command: str
) -> None:
    """Run those named (or all) and write each into the page; exits with 2 for a name that none has."""
    unknown = set(names) - {benchmark.NAME for benchmark in benchmarks}
    if unknown:
        known = ", ".join(benchmark.NAME for benchmark in benchmarks)
        print(f"There is no benchmark {', '.join(sorted(unknown))}; there are {known}.", file=sys.stderr)
        raise SystemExit(2)
    for benchmark in benchmarks:
        if not names or benchmark.NAME in names:
            found = replace(benchmark.run(), command=command)
            before = page.read_text(encoding="utf-8") if page.exists() else ""
            text = written(before, [found], [one.TITLE for one in benchmarks], head)
            page.write_text(text, encoding="utf-8")


def written(before: str, sections: Sequence[Section], order: Sequence[str], head: str = HEAD) -> str:
    """The page with these sections in place of older ones of the same title, in the order of the titles."""
    parts = [part for part in f"\n{before}".split("\n## ")[1:] if part.strip()]
    known = {part.splitlines()[0]: f"## {part.strip()}\n" for part in parts}
    known |= {section.title: str(section) for section in sections}
    return "\n".join([head, *(known[title] for title in order if title in known)])
