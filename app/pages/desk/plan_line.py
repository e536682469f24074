"""What every page of the plan says first: which plan sells, how good it is, whether a newer one failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from app.allocation.plan_history import runs_since
from app.allocation.queries import newest_run, run_of
from app.allocation.rules import RunStatus
from app.allocation.tables import AllocationRun
from app.pages.desk.pools import zone_of_city


@dataclass(frozen=True, slots=True)
class PlanLine:
    """The plan that sells (None before the first), the runs after it newest first, and the city's clock.

    Without a plan `later` are all runs there were.
    """

    run: AllocationRun | None
    later: Sequence[AllocationRun]
    time_zone: str

    @property
    def failed(self) -> AllocationRun | None:
        """The newest run that ended without a plan after the one that sells."""
        return next((run for run in self.later if run.status in (RunStatus.FAILED, RunStatus.REFUSED)), None)

    @property
    def solving(self) -> AllocationRun | None:
        """A run that is at work now."""
        return next((run for run in self.later if run.status is RunStatus.SOLVING), None)


def plan_line(conn: Connection) -> PlanLine:
    """The plan that sells."""
    run = run_of(conn)
    if run is None:
        newest = newest_run(conn)
        return PlanLine(None, [newest] if newest else [], zone_of_city(conn))
    return PlanLine(run, runs_since(conn, run), zone_of_city(conn))
