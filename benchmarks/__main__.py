"""make bench [ARGS="NAME ..."]: run every benchmark or those named, and write benchmarks/README.md."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks import availability, claims, orders, plan
from benchmarks.page import PAGE, written

ALL = (plan, orders, availability, claims)


def main(names: Sequence[str]) -> None:
    """Run and write; exits with 2 for a name that no benchmark has."""
    unknown = set(names) - {benchmark.NAME for benchmark in ALL}
    if unknown:
        known = ", ".join(benchmark.NAME for benchmark in ALL)
        print(f"There is no benchmark {', '.join(sorted(unknown))}; there are {known}.", file=sys.stderr)
        raise SystemExit(2)
    for benchmark in ALL:
        if not names or benchmark.NAME in names:
            before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
            text = written(before, [benchmark.run()], [one.TITLE for one in ALL])
            PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
