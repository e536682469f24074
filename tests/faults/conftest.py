"""How large a run is, and a report of what was done and found.

`make test` runs the short form; `make fault-test` sets LASTLAP_FAULTS=full.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.faults.load import Load
from tests.faults.processes import FULL
from tests.postgres import Cluster, NoPostgres, cluster


@dataclass(frozen=True)
class Size:
    """How much of everything. `bookings` is the sum over all scenarios."""

    full: bool
    bookings: int
    limit_s: float

    def share(self, part: float) -> int:
        """A scenario's part of the bookings; never so few that its faults find nobody at work."""
        return max(30, int(self.bookings * part))


LONG = Size(True, int(os.environ.get("BOOKINGS", "20000")), 7_200)
SHORT = Size(False, 30, 60)

# A busy machine starts processes slowly, and nothing here is about how fast it is.
PATIENT = pytest.mark.timeout(10_000 if FULL else 900)

type Report = Callable[..., None]


@pytest.fixture(scope="session")
def size() -> Size:
    """What `make` asked for."""
    return LONG if FULL else SHORT


@pytest.fixture(scope="package")
def server() -> Iterator[Cluster]:
    """A PostgreSQL that keeps what it acknowledged, as a deployment's does."""
    try:
        with cluster(durable=True) as running:
            yield running
    except NoPostgres as why:
        pytest.skip(f"NO POSTGRESQL ON THIS MACHINE: {why}")


@pytest.fixture
def report(record_property: Callable[[str, object], None]) -> Report:
    """Note what a scenario did, to be printed at the end."""

    def note(load: Load | None = None, **figures: object) -> None:
        told: dict[str, object] = dict(figures)
        if load is not None:
            told |= {
                "bookings": load.booked,
                "calls": sum(len(s.client.calls) for s in load.shoppers),
                "replays": sum(len(c.replays) for s in load.shoppers for c in s.client.calls),
                "seconds": round(load.took_s, 1),
                **load.done,
                "met": dict(load.met.most_common()),
            }
        record_property("faults", "  ".join(f"{name}={value}" for name, value in told.items()))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was done to the house, scenario by scenario."""
    said = [
        (found.nodeid.rsplit("::", 1)[-1], value)
        for found in terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
        for name, value in getattr(found, "user_properties", [])
        if name == "faults" and found.when == "call"
    ]
    if said:
        terminalreporter.section("faults")
    for test, figures in said:
        terminalreporter.write_line(f"{test}\n    {figures}")
