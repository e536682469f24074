"""Run asynchronous work from a test, whatever else this thread is doing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio


def in_a_loop[T](work: Callable[..., Awaitable[T]], *told: Any) -> T:
    """What the work answers, from a loop in a thread of its own: a browser may keep one in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: anyio.run(work, *told)).result()
