"""The product's commands as real child processes, ended by their id whatever a test does."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

ROOT = Path(__file__).parents[1]
SECRET = "0123456789abcdef0123456789abcdef"


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(*arguments: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """`lastlap` with these arguments and settings, killed at the end; what it says is on its stdout."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, "LASTLAP_SECRET": SECRET, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def answer(process: subprocess.Popen[str], url: str) -> httpx2.Response:
    """What a server that is starting answers as soon as it does."""
    for _ in range(2_400):
        assert process.poll() is None, process.communicate()[0]
        try:
            return httpx2.get(url)
        except httpx2.TransportError:
            time.sleep(0.05)
    raise AssertionError("the server does not answer")
