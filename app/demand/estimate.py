"""Estimate the coming days from a history: the only file that knows statsmodels, run in a process of its own.

What is estimated, with D the orders of a day as they would have been had nothing sold out:

    shares    s[z] = (sum a[d] n[d,z] + K p[z]) / (sum a[d] n[d] + K), windows likewise by kind of day;
              a[d] halves every 56 days, p is the prior's share, K the orders that the prior is worth
    unseen    n[d,z,w] = E[N | N >= seen], N of Poisson(D[d] s[z] v[w]), where the window was sold out, else
              what was seen; D[d] is their sum, at most twice what was seen; repeated until it stands
              (expectation maximisation). Who met FULL and took another window is counted there as well
    level     r = (sum b[d] D[d] + 7 m) / (sum b[d] P[d] + 7 m), b halving every 14 days, m a mean day of the
              prior P
    history   log D by exponential smoothing with a week's season once there are three weeks: ETS(A,N,A), and
              from eight weeks on ETS(A,A,A) where the corrected Akaike criterion prefers a trend (Hyndman,
              Koehler, Ord and Snyder 2008); its variance widened by n / (n - 13)
    blend     log f = w log ETS + (1 - w) log(r P), w = p2 / (p2 + q2): q2 = h2 - s2 + s2 13 / n is how far
              ETS may be off the mean of a day (h2 its stated variance, s2 that of a day around its mean),
              p2 = e2 - s2, at least s2 13 / n, how far the prior is: e2 the mean square by which log(r P)
              missed the last four weeks (as if 7 days had missed by 0.25)

Holidays and days on which nothing was offered are left out and filled with what they would have been; a day
further than 3.5 robust deviations from its neighbours is brought in to that distance.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

from app.demand.rules import (
    DayKind,
    DayOutlook,
    History,
    Outlook,
    day_kind,
    history_from_json,
    outlook_to_json,
)

type Floats = NDArray[np.float64]

ZONES_WORTH, WINDOWS_WORTH = 500.0, 300.0
SHARES_HALVE, LEVEL_HALVES = 56, 14
LEVEL_DAYS = 7.0
MOST_UNSEEN = 2.0
LEAST_DAYS, FULL_DAYS = 21, 56
PRIOR_SPREAD, PRIOR_SPREAD_DAYS = 0.25, 7
LEAST_SPREAD = 0.05
PARAMETERS = 13
OUTLIER = 3.5
HOLIDAYS_WORTH = 4
FOUR_WEEKS, WEEK = 28, 7
# Four days of five: from the tenth to the ninetieth of a hundred.
LOW, HIGH = 0.1, 0.9
_KINDS = tuple(DayKind)


@dataclass(frozen=True)
class Shared:
    """Each day's orders had nothing sold out, the shares of zones and windows, and what was really seen."""

    orders: Floats
    seen: Floats
    zones: Floats
    windows: Floats


def estimate(history: History) -> Outlook:
    """The forecast of the days ahead, never without an answer: a city without a history has its prior."""
    shared = share_out(history)
    days = [one.day for one in history.past]
    usual = np.array([one.offered and not one.holiday for one in history.past], dtype=bool)
    prior = np.array([max(history.prior.orders(day), 1e-6) for day in days])
    level = _level(history, shared.orders, prior, usual)
    told = np.log(np.array([max(history.prior.orders(one.day), 1e-6) for one in history.ahead]) * level)
    filled, outliers = _filled(np.log(np.maximum(shared.orders, 1.0)), np.log(prior * level), usual)
    missed = _missed(filled[usual][-FOUR_WEEKS:] - np.log(prior * level)[usual][-FOUR_WEEKS:])
    middle, variance, weight, growth = told, np.full(told.shape, missed), 0.0, 0.0
    if usual.sum() >= LEAST_DAYS and told.size:
        learned, stated, noise = _smoothed(filled, told.size)
        unsure = noise * PARAMETERS / filled.size
        off = max(missed - noise, unsure)
        weights = off / (off + np.maximum(stated - noise, 0.0) + unsure)
        middle = weights * learned + (1 - weights) * told
        variance = weights * stated + (1 - weights) * missed
        weight = float(weights[0])
        growth = float(np.mean(learned[WEEK : 2 * WEEK] - learned[:WEEK])) if told.size >= 2 * WEEK else 0.0
        growth = growth if abs(growth) > 1e-9 else 0.0
    holiday = _holiday(history, shared.orders, filled)
    middle = middle + np.log(holiday) * np.array([one.holiday for one in history.ahead], dtype=float)
    recent = slice(max(0, len(days) - FOUR_WEEKS), len(days))
    return Outlook(
        model=_words(weight, growth, len(days)),
        history_days=int(usual.sum()),
        history_weight=weight,
        level=level,
        spread=float(np.sqrt(variance[0])) if variance.size else float(np.sqrt(missed)),
        week_growth=float(np.expm1(growth)),
        holiday=holiday,
        outliers=tuple(days[i] for i in outliers),
        unseen=round(float((shared.orders - shared.seen)[recent].sum()), 1),
        weekday=_weekdays(history, filled, usual),
        windows={kind: tuple(map(float, shared.windows[k])) for k, kind in enumerate(_KINDS)},
        days=tuple(
            _day(one.day, float(np.exp(m)), float(np.sqrt(v)), shared.zones)
            for one, m, v in zip(history.ahead, middle, variance, strict=True)
        ),
    )


def _words(weight: float, growth: float, days: int) -> str:
    if weight:
        return f"ETS({'A,A,A' if growth else 'A,N,A'}) with the prior"
    return "prior at the city's level" if days else "prior"


def share_out(history: History) -> Shared:
    """What each day's orders would have been had nothing sold out, and how they spread."""
    days, prior = len(history.past), history.prior
    told = [(c.day, c.zone, c.window, c.orders, c.sold_out) for c in history.cells]
    cells = np.array(told, dtype=np.float64).reshape(-1, 5)
    d, z, w = (cells[:, i].astype(np.int64) for i in range(3))
    seen, out = cells[:, 3], cells[:, 4] > 0
    kinds = np.array([_KINDS.index(day_kind(one.day)) for one in history.past], dtype=np.int64)
    usual = np.array([one.offered and not one.holiday for one in history.past], dtype=float)
    age = np.arange(days, 0, -1)
    counted = 0.5 ** (age / SHARES_HALVE) * usual
    first_zones = np.array(prior.zone_share())
    first_windows = np.array([prior.window_share(kind) for kind in _KINDS])
    zones, windows, held = first_zones, first_windows, seen
    observed = np.bincount(d, seen, minlength=days)
    orders = observed
    for _ in range(40 if out.any() else 1):
        expected = orders[d] * zones[z] * windows[kinds[d], w]
        held = np.where(out, _at_least(seen, expected), seen)
        more = np.bincount(d, held - seen, minlength=days)
        most = np.maximum(observed * (MOST_UNSEEN - 1), 0.0)
        held = seen + (held - seen) * np.where(more > most, most / np.maximum(more, 1e-9), 1.0)[d]
        orders = np.bincount(d, held, minlength=days)
        weight = held * counted[d]
        zones = np.bincount(z, weight, minlength=first_zones.size) + ZONES_WORTH * first_zones
        zones = zones / zones.sum()
        placed = np.bincount(kinds[d] * first_windows.shape[1] + w, weight, minlength=first_windows.size)
        windows = placed.reshape(first_windows.shape) + WINDOWS_WORTH * first_windows
        windows = windows / windows.sum(axis=1, keepdims=True)
    return Shared(orders, observed, zones, windows)


def _at_least(seen: Floats, expected: Floats) -> Floats:
    """What is to be expected of a Poisson number of this mean that is known to be at least `seen`."""
    beyond = stats.poisson.sf(seen - 1, expected)
    likely = expected * stats.poisson.sf(seen - 2, expected) / np.maximum(beyond, 1e-12)
    return np.where(beyond > 1e-9, np.maximum(likely, seen), seen)


def _level(history: History, orders: Floats, prior: Floats, usual: NDArray[np.bool_]) -> float:
    """How many times the prior's orders the city has of late."""
    recent = 0.5 ** (np.arange(len(orders), 0, -1) / LEVEL_HALVES) * usual
    held = LEVEL_DAYS * max(sum(history.prior.zone_orders), 1e-6)
    return float(((recent * orders).sum() + held) / ((recent * prior).sum() + held))


def _missed(errors: Floats) -> float:
    """The variance of the prior's logarithm, by how far it was off."""
    known = PRIOR_SPREAD_DAYS * PRIOR_SPREAD**2 + float((errors**2).sum())
    return max(known / (PRIOR_SPREAD_DAYS + errors.size), LEAST_SPREAD**2)


def _filled(logs: Floats, expected: Floats, usual: NDArray[np.bool_]) -> tuple[Floats, list[int]]:
    """The logarithms with unusual days replaced by what they would have been, and outliers brought in."""
    if not usual.any():
        return expected, []
    # What is left beside the prior's week is smooth: its neighbours tell what a day would have been.
    rest = pd.Series(np.where(usual, logs - expected, np.nan))
    median = rest.rolling(29, center=True, min_periods=1).median()
    local = median.interpolate(limit_direction="both").to_numpy()
    weekday = np.arange(len(logs)) % WEEK
    left = rest.to_numpy() - local
    season = np.array([_median(left[(weekday == k) & usual]) for k in range(WEEK)])
    fitted = expected + local + season[weekday]
    off = np.where(usual, logs - fitted, 0.0)
    limit = OUTLIER * max(1.4826 * _median(np.abs(off[usual])), LEAST_SPREAD / 2)
    outliers = np.flatnonzero(np.abs(off) > limit)
    return fitted + np.clip(off, -limit, limit), outliers.tolist()


def _median(values: Floats) -> float:
    return float(np.median(values)) if values.size else 0.0


def _smoothed(logs: Floats, ahead: int) -> tuple[Floats, Floats, float]:
    """The logarithms of the days ahead by exponential smoothing, their variances, and a day's own."""
    with warnings.catch_warnings():
        # One that has not converged to the last digit is still the best there is.
        warnings.simplefilter("ignore")
        fitted = min((_fitted(logs, trend) for trend in _trends(logs)), key=lambda one: one.aicc)
        told = fitted.get_prediction(start=logs.size, end=logs.size + ahead - 1).summary_frame(alpha=2 * LOW)
    middle = told["mean"].to_numpy()
    widened = logs.size / max(logs.size - PARAMETERS, 1)
    deviation = (told["pi_upper"].to_numpy() - middle) / stats.norm.ppf(HIGH)
    variance = np.maximum(deviation**2 * widened, LEAST_SPREAD**2 / 4)
    return middle, variance, min(float(np.mean(fitted.resid**2)) * widened, float(variance[0]))


def _trends(logs: Floats) -> tuple[str | None, ...]:
    """The trends that a history is long enough to be asked about."""
    return (None, "add") if logs.size >= FULL_DAYS else (None,)


def _fitted(logs: Floats, trend: str | None) -> Any:
    model = ETSModel(
        pd.Series(logs),
        error="add",
        trend=trend,
        seasonal="add",
        seasonal_periods=WEEK,
        initialization_method="estimated" if logs.size >= FULL_DAYS else "heuristic",
    )
    return model.fit(disp=False, maxiter=500)


def _holiday(history: History, orders: Floats, filled: Floats) -> float:
    """What a public holiday makes of a day: the mean of the past ones, four of which nobody saw are 1."""
    past = [i for i, one in enumerate(history.past) if one.offered and one.holiday]
    told = sum(float(np.log(max(orders[i], 1.0)) - filled[i]) for i in past)
    return float(np.exp(told / (len(past) + HOLIDAYS_WORTH)))


def _weekdays(history: History, filled: Floats, usual: NDArray[np.bool_]) -> tuple[float, ...]:
    """What each weekday is of an average day over the last eight weeks, Monday first."""
    known: list[list[float]] = [[] for _ in range(WEEK)]
    for i in np.flatnonzero(usual)[-2 * FOUR_WEEKS :]:
        known[history.past[int(i)].day.weekday()].append(float(np.exp(filled[i])))
    if not all(known):
        mean = sum(history.prior.weekday_bp) / WEEK
        return tuple(bp / mean for bp in history.prior.weekday_bp)
    means = [sum(one) / len(one) for one in known]
    return tuple(mean / (sum(means) / WEEK) for mean in means)


def _day(day: date, orders: float, spread: float, shares: Floats) -> DayOutlook:
    reach = float(stats.norm.ppf(HIGH)) * spread
    middles = orders * shares
    # Orders of a zone scatter by themselves and with the city: negative binomial, variance m + (m spread)^2.
    heaped = 1 / max(spread, 1e-6) ** 2
    chance = heaped / (heaped + middles)
    lows, highs = (stats.nbinom.ppf(q, heaped, chance) for q in (LOW, HIGH))
    return DayOutlook(
        day=day,
        orders=orders,
        low=orders * float(np.exp(-reach)),
        high=orders * float(np.exp(reach)),
        zones=tuple(
            (float(m), float(min(low, m)), float(max(high, m)))
            for m, low, high in zip(middles, lows, highs, strict=True)
        ),
    )


def main() -> None:
    """Read a history from standard input, write its forecast to standard output."""
    sys.stdout.buffer.write(outlook_to_json(estimate(history_from_json(sys.stdin.buffer.read()))) + b"\n")


if __name__ == "__main__":
    main()
