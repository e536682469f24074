"""make bench [ARGS="NAME ..."]: run every benchmark or those named, and write benchmarks/README.md."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks import availability, claims, hot, past, plan
from benchmarks.page import HEAD, PAGE, Benchmark, measure

ALL: Sequence[Benchmark] = (plan, availability, claims, hot, past)


def main(names: Sequence[str]) -> None:
    """Run and write; exits with 2 for a name that no benchmark has."""
    measure(names, ALL, PAGE, HEAD, "bench")


if __name__ == "__main__":
    main(sys.argv[1:])
