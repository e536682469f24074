"""The router as a child process that stays for further problems: this process never imports it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
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

COMMAND = (sys.executable, "-m", "app.allocation.solve.routes")


class Router:
    """A routing process begun at the first problem and ended by `close`; use it from one thread at a time."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = tuple(command)
        self._child: subprocess.Popen[bytes] | None = None
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115  closed by `close`

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
        late = threading.Event()

        def overrun() -> None:
            late.set()
            self._kill()

        timer = threading.Timer(wall_s, overrun)
        timer.start()
        try:
            return self._asked(problem, limits, start)
        except (OSError, ValueError) as why:
            said = self._said()
            self._end()
            if late.is_set():
                raise SolverFailed(f"The router was stopped after {wall_s:g} s without routes.") from why
            raise SolverFailed(f"The router gave no routes{said}.") from why
        finally:
            timer.cancel()

    def _asked(self, problem: RoutingProblem, limits: RoutingLimits, start: Sequence[Itinerary]) -> Routes:
        if self._child is None or self._child.poll() is not None:
            self._end()
            self._child = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                start_new_session=True,
            )
        child = self._child
        if child.stdin is None or child.stdout is None:
            raise OSError("the router has no pipes")
        child.stdin.write(routing_limits_to_json(limits) + b"\n")
        child.stdin.write(routing_to_json(problem) + b"\n" + start_to_json(start) + b"\n")
        child.stdin.flush()
        return routes_from_json(child.stdout.readline())

    def close(self) -> None:
        """End the process, if there is one."""
        self._end()
        self._complaints.close()

    def _end(self) -> None:
        self._kill()
        child, self._child = self._child, None
        if child is None:
            return
        child.wait()
        for pipe in (child.stdin, child.stdout):
            # What was not sent to it need not be.
            with suppress(BrokenPipeError):
                if pipe:
                    pipe.close()

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            if self._child:
                os.killpg(self._child.pid, signal.SIGKILL)

    def _said(self) -> str:
        """The last line that the process complained with."""
        self._complaints.seek(0, os.SEEK_END)
        self._complaints.seek(max(0, self._complaints.tell() - 2_000))
        lines = self._complaints.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""
