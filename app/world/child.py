"""A child process that answers one question after the other, line by line, and can be stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import IO


class ChildFailed(Exception):
    """The process gave no answer; the message says why in a sentence."""


class Child:
    """Begun at the first question and ended by `close`; use it from one thread at a time."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self._name = name
        self._command = tuple(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._complaints: IO[bytes] | None = None

    def ask(self, *lines: bytes, wall_s: float) -> bytes:
        """The line it answers to these; the process is killed after `wall_s` seconds.

        Raises ChildFailed when it runs out of time, crashes or says nothing; the next question then has a new
        process.
        """
        late = threading.Event()

        def overrun() -> None:
            late.set()
            self._kill()

        timer = threading.Timer(wall_s, overrun)
        timer.start()
        cause: OSError | None = None
        try:
            answer = self._asked(lines)
        except OSError as why:
            answer, cause = b"", why
        finally:
            timer.cancel()
        if not answer.endswith(b"\n"):
            said = self._said()
            self._end()
            if late.is_set():
                raise ChildFailed(f"The {self._name} was stopped after {wall_s:g} s.") from cause
            raise ChildFailed(f"The {self._name} ended without an answer{said}.") from cause
        return answer

    def _asked(self, lines: Sequence[bytes]) -> bytes:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._complaints = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                start_new_session=True,
            )
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise OSError("no pipes")
        process.stdin.write(b"".join(line + b"\n" for line in lines))
        process.stdin.flush()
        return process.stdout.readline()

    def close(self) -> None:
        """End the process, if there is one."""
        self._end()

    def _end(self) -> None:
        self._kill()
        process, self._process = self._process, None
        if process is None:
            return
        process.wait()
        for pipe in (process.stdin, process.stdout, self._complaints):
            # What was not sent to it need not be.
            with suppress(BrokenPipeError):
                if pipe:
                    pipe.close()

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            if self._process:
                os.killpg(self._process.pid, signal.SIGKILL)

    def _said(self) -> str:
        """The last line that the process complained with."""
        if self._complaints is None:
            return ""
        self._complaints.seek(0, os.SEEK_END)
        self._complaints.seek(max(0, self._complaints.tell() - 2_000))
        lines = self._complaints.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""
