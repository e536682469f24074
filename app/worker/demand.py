"""Forecast the demand of the coming days: observe what is over, estimate in another process, keep."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from datetime import date, datetime
from functools import partial

from sqlalchemy import Connection

from app.allocation.prior import read_prior
from app.allocation.snapshot import plan_days
from app.database.runner import Database
from app.demand.forecast import forecast as keep_forecast
from app.demand.observe import observe
from app.demand.queries import days_to_observe, read_history
from app.demand.rules import History, Outlook, history_to_json, outlook_from_json
from app.demand.tables import DemandForecast

COMMAND = (sys.executable, "-m", "app.demand.estimate")


class ForecastFailed(Exception):
    """The estimating process gave no forecast; the message says why in a sentence."""


def forecast(
    db: Database, *, days: int = 14, wall_s: float = 300, command: Sequence[str] = COMMAND
) -> DemandForecast:
    """Observe the days that are over and forecast `days` from today; the forecast is in use at once.

    Raises NothingToPlan without a city, ForecastFailed and BrokenForecast; the last forecast stays then.
    """
    for day in db.read_now(lambda conn, now: days_to_observe(conn, now=now)):
        db.write_now(partial(_observed, day=day))
    history = db.read_now(partial(_history, days=days))
    outlook = run_estimate(history, wall_s=wall_s, command=command)
    return db.write_now(lambda conn, now: keep_forecast(conn, now=now, history=history, outlook=outlook))


def run_estimate(history: History, *, wall_s: float, command: Sequence[str] = COMMAND) -> Outlook:
    """Estimate in a child process, killed after `wall_s` seconds; raises ForecastFailed."""
    told = history_to_json(history)
    try:
        done = subprocess.run(command, input=told, capture_output=True, timeout=wall_s, check=False)
    except subprocess.TimeoutExpired as why:
        raise ForecastFailed(f"The forecast was stopped after {wall_s:g} s.") from why
    except OSError as why:
        raise ForecastFailed(f"The forecast could not be begun: {why}.") from why
    try:
        return outlook_from_json(done.stdout)
    except ValueError as why:
        if done.returncode == 0:
            message = "What was estimated is no forecast; the orders observed of some day cannot be."
            raise ForecastFailed(message) from why
        said = done.stderr.decode(errors="replace").strip().splitlines()
        last = f": {said[-1]}" if said else ""
        raise ForecastFailed(f"There was no forecast, and code {done.returncode}{last}.") from why


def _observed(conn: Connection, now: datetime, *, day: date) -> None:
    observe(conn, now=now, day=day)


def _history(conn: Connection, now: datetime, *, days: int) -> History:
    return read_history(conn, prior=read_prior(conn), first=plan_days(conn, now=now), days=days)
