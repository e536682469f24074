"""A server in a process of its own on a free port of loopback, ended by its process id, and asked by few at a time."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[1]
STARTS_IN_S = 60
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    port: int
    pid: int

    def cpu_s(self) -> float:
        """CPU seconds the process has used, all its threads together, to the kernel's tick."""
        # Fields 14 and 15 of stat(5), counted after the name in brackets, which may hold anything.
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    def connect(self) -> http.client.HTTPConnection:
        """A connection that is kept for many requests."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent again and again."""

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] | None = None

    def sent(self, connection: http.client.HTTPConnection) -> bytes:
        """The body of the answer; anything but 200 ends the benchmark."""
        connection.request(self.method, self.path, body=self.body, headers=dict(self.headers or {}))
        answer = connection.getresponse()
        found = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{self.path} answered {answer.status}: {found[:300].decode(errors='replace')}")
        return found


@contextmanager
def serving(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Start `python COMMAND` with PORT in its environment, wait until it answers, and end it."""
    port = _free_port()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, *command],
            env={**os.environ, **(environment or {}), "PORT": str(port)},
            cwd=ROOT,
            stdout=said,
            stderr=said,
        )
        try:
            _wait(process, port, said)
            yield Server(port, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[bytes], port: int, said: IO[bytes]) -> None:
    until = time.monotonic() + STARTS_IN_S
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    said.seek(0)
    raise SystemExit(f"the server did not start:\n{said.read().decode(errors='replace')[-2000:]}")


def requests_per_cpu_s(server: Server, request: Request, *, count: int, callers: int) -> float:
    """Send `count` requests from `callers` connections, and divide by the CPU seconds of the server."""

    def call(share: int) -> None:
        connection = server.connect()
        try:
            for _ in range(share):
                request.sent(connection)
        finally:
            connection.close()

    shares = [count // callers + (n < count % callers) for n in range(callers)]
    before = server.cpu_s()
    with ThreadPoolExecutor(callers) as threads:
        for done in [threads.submit(call, share) for share in shares]:
            done.result()
    return count / max(server.cpu_s() - before, 1 / TICKS_PER_S)
