"""Patience: of clients with an answer that says so, and of tests with processes on a busy machine."""

from collections.abc import Callable

from app.errors import Busy

_TIMES = 40


def patiently[T](request: Callable[[], T]) -> T:
    """The answer of a request that is repeated while the database is busy with the same rows."""
    for _ in range(_TIMES):
        try:
            return request()
        except Busy:
            continue
    return request()


def given_s(script: str) -> float:
    """How long a child process with this script may take: soon given up where it hangs, slow to begin else."""
    return 2 if "sleep(" in script else 60
