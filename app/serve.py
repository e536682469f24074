"""Serve the application from this process, with a worker beside it where one is wanted."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from app.logs import set_up_logs
from app.main import build_app
from app.settings import Settings

# How long a worker may take to finish what it has begun.
_PATIENCE_S = 20


class PortInUse(Exception):
    """The wanted port cannot be listened on; the message says why and names the fix."""


def check_port(host: str, port: int) -> None:
    """Find out before anything is done whether we could listen there; raises PortInUse."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as why:
            taken = why.errno == errno.EADDRINUSE
            what = "is in use" if taken else f"cannot be listened on ({why.strerror})"
            fix = port + 1 if taken and port < 65535 else 8000
            raise PortInUse(f"Port {port} of {host} {what}; choose another one: PORT={fix}") from why


def serve_until_stopped(settings: Settings, *, log_level: str) -> None:
    """Answer requests until SIGTERM or Ctrl-C; those begun by then are finished first."""
    set_up_logs(log_level)
    uvicorn.run(
        build_app(settings), host=settings.host, port=settings.port, log_config=None, access_log=False
    )


@contextmanager
def worker_beside() -> Iterator[None]:
    """A worker for as long as this process lives: the pipe to it closes however this process ends."""
    command = [sys.executable, "-m", "app.cli", "work", "--until-stdin-ends"]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, "LASTLAP_DEMO": "1"})
    try:
        yield
    finally:
        if worker.stdin:
            worker.stdin.close()
        try:
            worker.wait(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            worker.kill()  # its job is leased and will be taken up again
            worker.wait()
