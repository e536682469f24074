"""What every client does with an answer that says so: repeat the request in a moment."""

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
