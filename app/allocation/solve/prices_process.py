"""The process that keeps prices fresh: problem and plan come in as two lines of JSON, then a line of changes
for each line of worths that goes out, until its input ends."""

from __future__ import annotations

import os
import sys

from app.allocation.problem import changes_from_json, plan_from_json, problem_from_json, worths_to_json
from app.allocation.solve.prices import Prices


def main() -> None:
    """Answer until there are no more questions; anything that goes wrong ends the process with an error."""
    questions = sys.stdin.buffer
    problem, plan = problem_from_json(questions.readline()), plan_from_json(questions.readline())
    # Solvers print greetings of their own to standard output: those go where complaints go.
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        prices = Prices(problem, plan)
        for line in questions:
            out.write(worths_to_json(prices.refresh(changes_from_json(line))) + b"\n")
            out.flush()


if __name__ == "__main__":
    main()
