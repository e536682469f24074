"""Child processes that begin with the product loaded: forked from one that did nothing else.

A test that starts and kills many of them would spend three seconds of CPU on each to load the same modules.
They are processes like any other: a signal 9 ends them, and nothing but the loaded code is shared. That the
commands start from nothing is shown by test_cli, test_logs and test_killed, and by the long fault tests.
"""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import chdir
from functools import cache
from multiprocessing import get_context
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from threading import Lock

from app.cli import app

ROOT = Path(__file__).parents[1]


_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.loaded"])
# Threads of a test may start and end processes; multiprocessing reads the end of one only once.
_ONE_AT_A_TIME = Lock()


@cache
def _server_runs() -> None:
    """Start the process that others are forked from, where it finds what it is to load."""
    with chdir(ROOT):
        ensure_running()


class Forked:
    """A process as `subprocess.Popen` shows one.

    `arguments` are those of `lastlap`, or `-m`, a module, and the module's own. Both outputs go to the end of
    the file `log`.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        log: Path,
        folder: Path = ROOT,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.args = tuple(arguments)
        told = (self.args, dict(environment or os.environ), str(folder), str(log))
        self._process = _CONTEXT.Process(target=_run, args=told)
        with _ONE_AT_A_TIME:
            _server_runs()
            self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        """Its exit code, negative for a signal, or None while it runs."""
        with _ONE_AT_A_TIME:
            return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code once it has ended; raises TimeoutExpired."""
        until = time.monotonic() + timeout if timeout else None
        while (code := self.poll()) is None:
            if until and time.monotonic() > until:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            time.sleep(0.005)
        return code

    def send_signal(self, number: int) -> None:
        """Signal it, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


def _run(arguments: Sequence[str], environment: Mapping[str, str], folder: str, log: str) -> None:
    """In the new process: become what `arguments` say."""
    os.setsid()
    said = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for stream in (1, 2):
        os.dup2(said, stream)
    os.close(said)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    if arguments[0] == "-m":
        sys.argv = [*arguments[1:]]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        app(arguments, prog_name="lastlap")
