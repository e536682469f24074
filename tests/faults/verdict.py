"""The verdict over a run: everything that was promised and is not so."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tests.faults import invariants
from tests.faults.load import revive
from tests.faults.processes import Running
from tests.faults.shopper import Shopper
from tests.faults.town import Town, opened

# How long workers may be at it without one thing less being undone: a busy machine is slow, not wrong.
DRAIN_S = 300


def settled(town: Town, workers: Sequence[Running]) -> list[str]:
    """What I4 finds wrong once the workers have had their time."""
    for one in workers:
        if not one.alive:
            revive(one)
    engine = opened(town.url)
    fewest, until = None, 0.0
    try:
        while True:
            with engine.connect() as conn:
                wrong = invariants.messages(conn)
            if fewest is None or len(wrong) < fewest:
                fewest, until = len(wrong), time.monotonic() + DRAIN_S
            if not wrong or time.monotonic() > until:
                return wrong
            time.sleep(0.5 + len(wrong) / 500)
    finally:
        engine.dispose()


def found(town: Town, shoppers: Sequence[Shopper], *, stepped: bool = False) -> list[str]:
    """What I1, I2, I3, I5 and the sweep of I8 find wrong.

    Where the clock was `stepped` back, an answer given once more may show a promotion as it became: which of
    two changes came first is told by their instants.
    """
    engine = opened(town.url)
    try:
        with engine.connect() as conn:
            wrong = [
                *invariants.capacity(conn),
                *invariants.acknowledged(conn, shoppers, stepped=stepped),
                *([] if stepped else invariants.answers(shoppers)),
                *invariants.promotions(conn),
            ]
            if engine.dialect.name == "sqlite":
                state = conn.exec_driver_sql("PRAGMA integrity_check").scalar_one()
                wrong += [] if state == "ok" else [f"the file is damaged: {state}"]
    finally:
        engine.dispose()
    return wrong + invariants.sweep(town.url)
