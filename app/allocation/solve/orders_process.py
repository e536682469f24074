"""The process that allocates orders: limits and problem come in as two lines of JSON, the answer goes out."""

from __future__ import annotations

import os
import sys

from app.allocation.orders import order_limits_from_json, order_plan_to_json, orders_from_json
from app.allocation.solve.orders import solve_orders


def main() -> None:
    """Read, solve, write; anything that goes wrong ends the process with an error."""
    limits = order_limits_from_json(sys.stdin.buffer.readline())
    problem = orders_from_json(sys.stdin.buffer.readline())
    # Solvers print greetings of their own to standard output: those go where complaints go.
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        plan = solve_orders(problem, limits)
        out.write(b'{"plan": ' + order_plan_to_json(plan) + b"}\n")


if __name__ == "__main__":
    main()
