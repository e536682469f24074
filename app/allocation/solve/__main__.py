"""The solver's process: limits and problem come in as two lines of JSON, progress and plan go out."""

from __future__ import annotations

import os
import sys

import orjson

from app.allocation.problem import limits_from_json, plan_to_json, problem_from_json
from app.allocation.solve.fortnight import solve


def main() -> None:
    """Read, solve, write; anything else that goes wrong ends the process with an error."""
    limits = limits_from_json(sys.stdin.buffer.readline())
    problem = problem_from_json(sys.stdin.buffer.readline())

    # Solvers print greetings of their own to standard output: those go where complaints go.
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)

        def tell(fact: dict[str, object]) -> None:
            out.write(orjson.dumps({"progress": fact}) + b"\n")
            out.flush()

        plan = solve(problem, limits, tell)
        out.write(b'{"plan": ' + plan_to_json(plan) + b"}\n")


if __name__ == "__main__":
    main()
