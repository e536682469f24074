"""One evening sold by one policy: shoppers come one by one, choose or leave, and get their goods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import exp, inf
from random import Random

import numpy as np

from app.allocation.sales import Demand, SalesProblem
from app.allocation.solve.sales import plan_sales
from app.simulation.fees import FEES, choice_fees, table_fee
from app.simulation.improve import improved
from app.simulation.policies import Fees, Policy
from app.simulation.town import AT_DOOR_S, BUCKETS, WINDOWS, ZONE, Kind, Shopper, Town
from app.tours.drive import drive, steps_of
from app.tours.records import STOP, reference_of
from app.tours.rules import TourStop
from app.tours.sheet import Sheet, empty_sheet
from app.values.point import Point

# Tours are searched anew after so many orders, so long, and once more after the last shopper: counts of
# iterations, of which an effort is a share.
IMPROVE_EVERY, IMPROVE_ITERATIONS, FINAL_ITERATIONS = 15, 400, 2_000
PRICE_EVERY = 20
# What a promise that is not kept costs beside its order: a refund, a voucher, a customer who thinks twice.
BROKEN_MINOR = 2_500
# Legs on the day: on the mean as estimated without the margin, and a quarter of that to and fro.
LEG_SPREAD = 0.25

WITHIN = tuple(tuple(b for b, bucket in enumerate(BUCKETS) if window.covers(bucket)) for window in WINDOWS)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an evening; money in minor units, `late` of the stops that were driven.

    `profit` is contribution and fees of what was brought, less kilometres and broken promises; wages are the
    same for every policy and only in `wages_minor`. `fluid_minor` is the reference of the shoppers who were
    expected, `fluid_came_minor` of as many as came.
    """

    policy: str
    load: float
    evening: int
    shoppers: int
    orders: int
    broken: int
    late: int
    margin_minor: int
    fees_minor: int
    distance_m: int
    distance_minor: float
    grams: float
    wages_minor: int
    fluid_minor: float
    fluid_came_minor: float

    @property
    def served(self) -> int:
        """Orders that were brought."""
        return self.orders - self.broken

    @property
    def profit_minor(self) -> float:
        """What the evening earned before wages."""
        return self.margin_minor + self.fees_minor - self.distance_minor - BROKEN_MINOR * self.broken

    @property
    def cost_per_drop_minor(self) -> float:
        """Wages, vehicles' kilometres and broken promises by drop."""
        spent = self.wages_minor + self.distance_minor + BROKEN_MINOR * self.broken
        return spent / max(1, self.served)


@dataclass(slots=True)
class Desk:
    """What the policy knows while it sells."""

    town: Town
    policy: Policy
    sheet: Sheet
    expected: float
    seed: int
    effort: float
    stops: dict[str, TourStop] = field(default_factory=dict)
    sales: dict[str, tuple[Shopper, int, int]] = field(default_factory=dict)
    left_s: list[float] = field(default_factory=list)
    second_worth: tuple[float, ...] = ()

    def sell(self, shopper: Shopper, elapsed: float) -> None:
        """Show windows, let the shopper choose, take the order; `elapsed` of the ordering time is over."""
        if self.policy.bids and len(self.sales) % PRICE_EVERY == 0:
            self.second_worth = self._bid_prices(elapsed)
        costs = self._open(shopper)
        fees = self._fees(costs)
        chosen = choose(self.town.kinds[shopper.kind], fees, shopper.taste)
        if chosen is not None:
            self._take(shopper, chosen, fees[chosen], costs[chosen][1])
            if self.policy.improves and len(self.sales) % IMPROVE_EVERY == 0:
                self.sheet = improved(
                    self.sheet, iterations=round(IMPROVE_ITERATIONS * self.effort), seed=self.seed
                )

    def _open(self, shopper: Shopper) -> dict[int, tuple[float, int]]:
        """The open windows with what the way there adds (minor units) and the class that would go."""
        if not self.policy.tours:
            return {
                window: (0.0, 0)
                for window, within in enumerate(WITHIN)
                if max(self.left_s[b] for b in within) >= self.town.work_s
            }
        asked = self.sheet.windows(ZONE, WINDOWS)
        load = shopper.load
        goods = (load.volume_ml, load.weight_g, load.chilled_ml, load.frozen_ml)
        extra_s = self.sheet.fit(shopper.point, AT_DOOR_S, goods, asked, least=True).extra
        minor = np.array([self._minor_per_s(g) for g in range(len(self.town.classes))])[:, None] * extra_s
        # Of the classes that could, the one whose kilometres and time are worth least.
        wages = np.array([one.wage_minor_per_h / 3_600 for one in self.town.classes])[:, None]
        best = (minor + wages * extra_s).argmin(axis=0)
        return {
            window: (float(minor[g, window]), int(g))
            for window, g in enumerate(best)
            if extra_s[g, window] < inf
        }

    def _minor_per_s(self, number: int) -> float:
        """What a second of travel of a class costs in kilometres."""
        one, frame = self.town.classes[number], self.sheet.frame
        slowest = max(frame.zones[ZONE].slowdown_bp) / 10_000
        km_per_s = 1 / one.vehicle.pace.s_per_km / slowest / (1 + frame.margin_bp / 10_000)
        return one.cost_minor_per_km * km_per_s

    def _fees(self, costs: dict[int, tuple[float, int]]) -> dict[int, int]:
        if self.policy.fees is Fees.FLAT:
            return dict.fromkeys(costs, self.policy.flat_minor)
        # The mean travel of an order in the time's worth, not the detour of this one (allocation study, 4.6).
        times = [min(self.second_worth[b] for b in within) * self.town.work_s for within in WITHIN]
        if self.policy.fees is Fees.TABLE:
            # As in the house: the same fee for everybody in the zone, so the mean way too.
            way = mean_way_minor(self.town)
            level = way + sum(times) / len(times)
            return {window: table_fee(window, way + times[window], level) for window in costs}
        whole = {window: way + times[window] for window, (way, _) in costs.items()}
        return choice_fees(whole, self.town.margin_minor, self.town.kinds)

    def _take(self, shopper: Shopper, window: int, fee_minor: int, group: int) -> None:
        class_id = self.town.classes[group].vehicle.class_id
        stop = TourStop(shopper.id, class_id, ZONE, shopper.point, WINDOWS[window], AT_DOOR_S, shopper.load)
        if self.policy.tours:
            sheet = self.sheet.inserted(stop)
            if sheet is None:
                raise ValueError("a window that was shown as open takes nobody")
            self.sheet = sheet
        else:
            roomiest = max(WITHIN[window], key=lambda b: self.left_s[b])
            self.left_s[roomiest] -= self.town.work_s
        self.stops[shopper.id] = stop
        self.sales[shopper.id] = (shopper, window, fee_minor)

    def _bid_prices(self, elapsed: float) -> tuple[float, ...]:
        """What a second of each bucket is worth for those still to come, given what the tours have taken."""
        left_s = [float(self.town.bucket_s)] * len(BUCKETS)
        for visit in self.sheet.visits():
            if int(visit.record["kind"]) == STOP:
                hour = int(visit.earliest_s // 3_600) - 18
                left_s[min(max(hour, 0), len(BUCKETS) - 1)] -= self.town.work_s
        return plan_sales(sales_problem(self.town, self.expected * (1 - elapsed), left_s)).second_worth


def choose(kind: Kind, fees: dict[int, int], taste: Sequence[float]) -> int | None:
    """The window with the highest utility, or None where leaving is better; fees in minor units."""
    utility = {
        window: kind.attraction[window] - kind.price_weight * fee / 100 + taste[window]
        for window, fee in fees.items()
    }
    best = max(utility, key=lambda window: utility[window], default=None)
    return best if best is not None and utility[best] > taste[-1] else None


def sales_problem(town: Town, arrivals: float, left_s: Sequence[float]) -> SalesProblem:
    """What so many seconds can still be sold for to so many shoppers."""
    way_minor = mean_way_minor(town)
    return SalesProblem(
        demand=tuple(
            Demand(
                arrivals * kind.share,
                tuple(
                    tuple(exp(kind.attraction[w] - kind.price_weight * fee / 100) for fee in FEES)
                    for w in range(len(WINDOWS))
                ),
            )
            for kind in town.kinds
        ),
        buckets=WITHIN,
        earns_minor=tuple(tuple(town.margin_minor + fee - way_minor for fee in FEES) for _ in WINDOWS),
        work_s=float(town.work_s),
        left_s=tuple(max(0.0, left) for left in left_s),
    )


def mean_way_minor(town: Town) -> float:
    """The kilometres of one order on the mean, in minor units: a kilometre by the mean of the classes."""
    return sum(one.cost_minor_per_km for one in town.classes) / len(town.classes)


def fluid_minor(town: Town, expected: float) -> float:
    """What the evening can earn on the mean where everything flows: the reference of all policies."""
    whole = [float(town.bucket_s)] * len(BUCKETS)
    return plan_sales(sales_problem(town, expected, whole)).objective_minor


def play(
    town: Town,
    policy: Policy,
    seen: Sequence[Shopper],
    *,
    expected: float,
    load: float,
    evening: int,
    effort: float = 1.0,
) -> Outcome:
    """Sell the evening to these shoppers, then drive it; nothing in it depends on a clock."""
    desk = Desk(town, policy, empty_sheet(town.frame), expected, evening, effort)
    desk.left_s = [float(town.bucket_s)] * len(BUCKETS)
    for number, shopper in enumerate(seen):
        desk.sell(shopper, number / len(seen))
    sheet = desk.sheet
    if not policy.tours:
        for stop in desk.stops.values():
            sheet = _settled(town, sheet, stop)
    sheet = improved(sheet, iterations=round(FINAL_ITERATIONS * effort), seed=evening)
    broken = _broken(sheet, desk.stops)
    served = [sale for reference, sale in desk.sales.items() if reference not in broken]
    by_class = dict.fromkeys((one.vehicle.class_id for one in town.classes), 0.0)
    for number, length_m in enumerate(sheet.laid.length):
        vehicle = sheet.frame.vehicles[number]
        by_class[vehicle.class_id] += vehicle.pace.street_m(float(length_m))
    hours = sum(one.vehicles * one.wage_minor_per_h for one in town.classes)
    shift_h = town.frame.vehicles[0].shift.duration.total_seconds() / 3_600
    return Outcome(
        policy=policy.name,
        load=load,
        evening=evening,
        shoppers=len(seen),
        orders=len(desk.sales),
        broken=len(broken),
        late=_late(sheet, desk.stops, evening),
        margin_minor=sum(shopper.margin_minor for shopper, _, _ in served),
        fees_minor=sum(fee for _, _, fee in served),
        distance_m=round(sum(by_class.values())),
        distance_minor=sum(
            by_class[one.vehicle.class_id] / 1_000 * one.cost_minor_per_km for one in town.classes
        ),
        grams=sum(by_class[one.vehicle.class_id] / 1_000 * one.grams_per_km for one in town.classes),
        wages_minor=round(hours * shift_h),
        fluid_minor=fluid_minor(town, expected),
        fluid_came_minor=fluid_minor(town, float(len(seen))),
    )


def _settled(town: Town, sheet: Sheet, stop: TourStop) -> Sheet:
    """With a stop sold without looking at tours, on the cheapest class that still has time for it."""
    for one in sorted(town.classes, key=lambda one: one.cost_minor_per_km):
        there = sheet.inserted(replace(stop, class_id=one.vehicle.class_id))
        if there is not None:
            return there
    return sheet.with_unplaced(stop)


def _broken(sheet: Sheet, stops: dict[str, TourStop]) -> set[str]:
    """The promises that the tours do not keep, by a check that does not know how they were made."""
    placed = {reference_of(record) for record in sheet.placed if record["kind"] == STOP}
    faults = drive(sheet.frame, steps_of(sheet, stops))
    if any(fault.reference is None for fault in faults):
        raise ValueError(f"the tours break a limit of their own: {faults[0]}")
    return (stops.keys() - placed) | {fault.reference for fault in faults if fault.reference is not None}


def _late(sheet: Sheet, stops: dict[str, TourStop], seed: int) -> int:
    """Stops that begin after their window on an evening with real streets."""
    chance = Random(seed)
    usual = 1 / (1 + sheet.frame.margin_bp / 10_000)

    def streets(_a: Point, _b: Point) -> float:
        return usual * chance.lognormvariate(-(LEG_SPREAD**2) / 2, LEG_SPREAD)

    faults = drive(sheet.frame, steps_of(sheet, stops), streets=streets)
    return sum(fault.what == "late" for fault in faults)
