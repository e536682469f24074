"""The router as a child process that stays for further problems: this process never imports it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from app.tours.problem import (
    Itinerary,
    Routes,
    RoutingLimits,
    RoutingProblem,
    routes_from_json,
    routing_limits_to_json,
    routing_to_json,
    start_to_json,
)
from app.worker.solver import SolverFailed
from app.world.child import Child, ChildFailed

COMMAND = (sys.executable, "-m", "app.allocation.solve.routes")


class Router:
    """A routing process begun at the first problem and ended by `close`; use it from one thread at a time."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._child = Child("router", command)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def route(
        self,
        problem: RoutingProblem,
        limits: RoutingLimits,
        start: Sequence[Itinerary] = (),
        *,
        wall_s: float = 300,
    ) -> Routes:
        """The routes found within the limits; the process is killed after `wall_s` seconds.

        Raises SolverFailed when it runs out of time, crashes, or answers anything but routes; the next
        problem then has a new process.
        """
        asked = (routing_limits_to_json(limits), routing_to_json(problem), start_to_json(start))
        try:
            return routes_from_json(self._child.ask(*asked, wall_s=wall_s))
        except ChildFailed as why:
            raise SolverFailed(str(why)) from why
        except ValueError as why:
            self.close()
            raise SolverFailed("The router answered something that is no routes.") from why

    def close(self) -> None:
        """End the process, if there is one."""
        self._child.close()
