"""Servers and workers as processes of their own, that can be killed and come back."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from tests.forked import Forked

ROOT = Path(__file__).parents[2]
LASTLAP = str(Path(sys.executable).with_name("lastlap"))
FULL = os.environ.get("LASTLAP_FAULTS") == "full"
LEASE_S = 2
READY_S = 60


class DidNotStart(RuntimeError):
    """A process ended, or never answered; the message is the end of its log."""


class Running:
    """A process of the product that can be killed and started again; its log survives it.

    The full form starts the command itself, as a deployment does; the short form forks a process that has the
    product loaded, where the command is one of Python's.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        url: str,
        folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name, self.command, self.folder = name, command, folder
        self.log = folder / f"{name}.log"
        self.kills = 0
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("LASTLAP_") and k != "DATABASE_URL"},
            "PYTHONPATH": str(ROOT),
            "LASTLAP_DATABASE_URL": url,
            "LASTLAP_SECRET": "only the fault tests know this secret, so it is safe",
            "LASTLAP_LOG_LEVEL": "WARNING",
            "LASTLAP_JOB_LEASE_S": str(LEASE_S),
            **(environment or {}),
        }
        self.process: subprocess.Popen[bytes] | Forked | None = None

    def start(self) -> None:
        """Begin; the process is not ready yet."""
        program, *arguments = self.command
        if program in (LASTLAP, sys.executable) and not FULL:
            self.process = Forked(arguments, log=self.log, folder=self.folder, environment=self.environment)
            return
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it in the middle of whatever it does: signal 9."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.kills += 1

    def end(self) -> None:
        """Ask it to end, and make it end."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def said(self) -> str:
        """Its whole log."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Server(Running):
    """`lastlap serve`, or another way of serving the real application, on a port of its own."""

    def __init__(
        self,
        name: str,
        *,
        url: str,
        folder: Path,
        command: Sequence[str] = (LASTLAP, "serve"),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        super().__init__(
            name,
            command,
            url=url,
            folder=folder,
            environment={"LASTLAP_PORT": str(self.port), **(environment or {})},
        )

    def wait(self) -> None:
        """Until it answers; raises DidNotStart."""
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            if not self.alive:
                break
            try:
                connection = HTTPConnection("127.0.0.1", self.port, timeout=2)
                connection.request("GET", "/healthz")
                if connection.getresponse().status == 200:
                    return
            except (OSError, HTTPException):
                time.sleep(0.05)
            finally:
                connection.close()
        raise DidNotStart(f"{self.name}: {self.said()[-3000:]}")


def worker(name: str, *, url: str, folder: Path) -> Running:
    """`lastlap work`."""
    return Running(name, (LASTLAP, "work"), url=url, folder=folder)
