"""The solver as a child process that can be told to stop: this process never imports it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import orjson

from app.allocation.orders import (
    OrderLimits,
    OrderPlan,
    OrderProblem,
    order_limits_to_json,
    order_plan_from_json,
    orders_to_json,
)
from app.allocation.problem import (
    Limits,
    Plan,
    Problem,
    limits_to_json,
    plan_from_json,
    problem_to_json,
)

type Progress = Callable[[Mapping[str, Any]], None]

COMMAND = (sys.executable, "-m", "app.allocation.solve")
ORDERS_COMMAND = (sys.executable, "-m", "app.allocation.solve.orders_process")


class SolverFailed(Exception):
    """The solver's process gave no plan; the message says why in a sentence, `cause` in a word."""

    def __init__(self, message: str, cause: str = "crash") -> None:
        super().__init__(message)
        self.cause = cause


def run_solver(
    problem: Problem,
    limits: Limits,
    *,
    wall_s: float,
    progress: Progress | None = None,
    command: Sequence[str] = COMMAND,
) -> Plan:
    """Plan capacity in a child process with its own process group, killed after `wall_s` seconds.

    Raises SolverFailed when it runs out of time, crashes, or answers anything but a plan.
    """
    asked = limits_to_json(limits) + b"\n" + problem_to_json(problem) + b"\n"
    return _answered(command, asked, plan_from_json, wall_s, progress)


def run_orders(
    problem: OrderProblem,
    limits: OrderLimits,
    *,
    wall_s: float,
    command: Sequence[str] = ORDERS_COMMAND,
) -> OrderPlan:
    """Allocate orders in a child process of the same kind; raises SolverFailed as `run_solver` does."""
    asked = order_limits_to_json(limits) + b"\n" + orders_to_json(problem) + b"\n"
    return _answered(command, asked, order_plan_from_json, wall_s, None)


def _answered[T](
    command: Sequence[str],
    asked: bytes,
    read: Callable[[bytes], T],
    wall_s: float,
    progress: Progress | None,
) -> T:
    """What a child says to what it is asked; it is gone when this returns."""
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    late = threading.Event()

    def overrun() -> None:
        late.set()
        _kill(child)

    timer = threading.Timer(wall_s, overrun)
    timer.start()
    errors = _Collected(child.stderr)
    try:
        return _conversation(child, asked, read, progress)
    except (OSError, ValueError) as why:
        # A child that has just closed its pipe may still be on its way out.
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=2)
        ended = child.poll()
        _kill(child)
        child.wait()
        if late.is_set():
            raise SolverFailed(f"The solver was stopped after {wall_s:g} s without a plan.", "time") from why
        said = errors.text().strip().splitlines()
        last = f": {said[-1]}" if said else ""
        raise SolverFailed(f"The solver gave no plan and ended with code {ended}{last}.") from why
    finally:
        timer.cancel()
        _kill(child)
        child.wait()
        errors.join()
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe:
                # What a child that is gone was still to be told cannot be written any more.
                with suppress(BrokenPipeError):
                    pipe.close()


def _conversation[T](
    child: subprocess.Popen[bytes], asked: bytes, read: Callable[[bytes], T], progress: Progress | None
) -> T:
    if child.stdin is None or child.stdout is None:
        raise OSError("the solver has no pipes")
    child.stdin.write(asked)
    child.stdin.flush()
    child.stdin.close()
    for line in child.stdout:
        if line.startswith(b'{"plan": '):
            return read(line[len(b'{"plan": ') : -2])
        told = orjson.loads(line)
        if progress and isinstance(told, dict) and "progress" in told:
            progress(told["progress"])
    raise ValueError("it said nothing")


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End the child and the day processes it started."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


class _Collected(threading.Thread):
    """Reads what the child complains about, so that it never blocks on a full pipe."""

    def __init__(self, pipe: Any) -> None:
        super().__init__(daemon=True)
        self._pipe = pipe
        self._said = b""
        self.start()

    def run(self) -> None:
        for line in self._pipe:
            self._said = (self._said + line)[-10_000:]

    def text(self) -> str:
        self.join(timeout=5)
        return self._said.decode(errors="replace")
