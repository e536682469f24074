"""What in a seed does not fit together, though each part of it is well formed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
from dateutil.rrule import rrulestr

from app.fleet.rules import PremiumKind
from app.promotions.rules import DiscountKind
from app.slots.rules import CutoffKind
from app.values.money import PLACES

if TYPE_CHECKING:
    from app.demo.seed import Seed

_WEEK = 7


def misfits(seed: Seed, parts: Sequence[str]) -> list[str]:
    """Everything that contradicts itself, each by its place in the file; `parts` are those of a day."""
    checks = (_city, _money, _lockers, _names, _references, _fleet, _windows, _planning, _prices)
    return [problem for check in checks for problem in check(seed)] + list(_traffic(seed, parts))


def _city(seed: Seed) -> Iterator[str]:
    try:
        ZoneInfo(seed.city.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        yield f"city.time_zone: {seed.city.time_zone} is no IANA time zone"
    country, region = seed.city.country_code, seed.city.holiday_region
    try:
        holidays.country_holidays(country, subdiv=region)
    except NotImplementedError:
        yield f"city.holiday_region: no holidays are known for {country} {region}"


def _money(seed: Seed) -> Iterator[str]:
    sections = {"storefront": seed.storefront, "planning": seed.planning, "wage": seed.wage}
    for name, section in sections.items():
        if section["currency"] not in PLACES:
            yield f"{name}.currency: {section['currency']} is not one of {', '.join(PLACES)}"
        elif section["currency"] != seed.storefront["currency"]:
            yield f"{name}.currency: differs from storefront.currency"


def _lockers(seed: Seed) -> Iterator[str]:
    for i, place in enumerate(seed.collection_points):
        sizes = [size.volume_ml for size in place.compartments]
        if place.locker != bool(sizes) or len(set(sizes)) != len(sizes):
            yield f"collection_points.{i}.compartments: a locker has some, each size once ({place.key})"


def _names(seed: Seed) -> Iterator[str]:
    named: dict[str, Iterable[Any]] = {
        "nodes.key": (node.key for node in seed.nodes),
        "vehicle_classes.key": (kind.key for kind in seed.vehicle_classes),
        "emission_factors.id": (factor.id for factor in seed.emission_factors),
        "shifts.key": (shift.key for shift in seed.shifts),
        "pick_waves.key": (wave.key for wave in seed.pick_waves),
        "cutoffs.key": (rule.key for rule in seed.cutoffs),
        "lead_times.key": (lead.key for lead in seed.lead_times),
        "holidays.key": (holiday.key for holiday in seed.holidays),
        "horizons.key": (horizon.key for horizon in seed.horizons),
        "templates.key": (template.key for template in seed.templates),
        "premiums.kind": (premium.kind for premium in seed.premiums),
        "collection_points.key": (point.key for point in seed.collection_points),
        "handover.mode": (policy.mode for policy in seed.handover),
        "promotions.code": (promotion.code for promotion in seed.promotions),
    }
    for place, names in named.items():
        yield from (f"{place}: {name} is there {n} times" for name, n in Counter(names).items() if n > 1)


def _references(seed: Seed) -> Iterator[str]:
    nodes, waves = {node.key for node in seed.nodes}, {wave.key for wave in seed.pick_waves}
    placed: dict[str, list[tuple[str, str | None]]] = {
        "pick_waves": [(wave.key, wave.node) for wave in seed.pick_waves],
        "cutoffs": [(rule.key, rule.node) for rule in seed.cutoffs],
        "lead_times": [(lead.key, lead.node) for lead in seed.lead_times],
        "holidays": [(holiday.key, holiday.node) for holiday in seed.holidays],
    }
    for place, rules in placed.items():
        for i, (key, node) in enumerate(rules):
            if node is not None and node not in nodes:
                yield f"{place}.{i}.node: there is no node {node} ({key})"
    for i, cutoff in enumerate(seed.cutoffs):
        if cutoff.wave is not None and cutoff.wave not in waves:
            yield f"cutoffs.{i}.wave: there is no picking wave {cutoff.wave} ({cutoff.key})"


def _fleet(seed: Seed) -> Iterator[str]:
    classes = {kind.key for kind in seed.vehicle_classes}
    factors = {factor.id for factor in seed.emission_factors}
    for i, node in enumerate(seed.nodes):
        for key in sorted(set(node.vehicles) - classes):
            yield f"nodes.{i}.vehicles: there is no vehicle class {key} ({node.key})"
    for i, kind in enumerate(seed.vehicle_classes):
        if kind.emission_factor_id not in factors:
            factor = kind.emission_factor_id
            yield f"vehicle_classes.{i}.emission_factor_id: there is no {factor} ({kind.key})"
    for i, premium in enumerate(seed.premiums):
        if premium.kind is PremiumKind.EVENING and premium.from_local is None:
            yield f"premiums.{i}.from_local: say when the evening begins"
    for i, shift in enumerate(seed.shifts):
        if not shift.weekdays or set(shift.weekdays) - set("1234567"):
            yield f"shifts.{i}.weekdays: write ISO digits, Monday is 1 ({shift.key})"


def _traffic(seed: Seed, parts: Sequence[str]) -> Iterator[str]:
    for i, ring in enumerate(seed.traffic):
        for name, figures in (("parking_s", ring.parking_s), ("slowdown_bp", ring.slowdown_bp)):
            if set(figures) != set(parts):
                yield f"traffic.{i}.{name}: give one figure each for {', '.join(parts)} ({ring.ring})"
        for part in sorted(set(ring.low_emission) - set(parts)):
            yield f"traffic.{i}.low_emission: {part} is not one of {', '.join(parts)} ({ring.ring})"
    for i, rule in enumerate(seed.openings):
        if rule.least > rule.most:
            yield f"openings.{i}.least: is more than most"
        if rule.from_m >= rule.within_m:
            yield f"openings.{i}.from_m: leaves nothing within_m"


def _windows(seed: Seed) -> Iterator[str]:
    rules = {rule.key for rule in seed.cutoffs}
    for i, rule in enumerate(seed.cutoffs):
        elapsed = rule.kind is CutoffKind.ELAPSED
        by_day = rule.days_before is not None and rule.at_local is not None
        if (rule.elapsed_min is not None, by_day) != (elapsed, not elapsed):
            fields = "elapsed_min" if elapsed else "days_before and at_local"
            yield f"cutoffs.{i}: {rule.kind} takes {fields} ({rule.key})"
    for i, template in enumerate(seed.templates):
        if template.cutoff not in rules:
            yield f"templates.{i}.cutoff: there is no cut-off {template.cutoff} ({template.key})"
        try:
            rrulestr(template.rrule, dtstart=datetime(2026, 1, 1))  # noqa: DTZ001  local days
        except ValueError as why:
            yield f"templates.{i}.rrule: {why} ({template.key})"


def _planning(seed: Seed) -> Iterator[str]:
    known = {template.key for template in seed.templates}
    for i, line in enumerate(seed.planning["demand"]):
        if not isinstance(line, dict) or line.get("template") not in known or not _weighed(line):
            yield f"planning.demand.{i}: name a template and its weights ({line})"
    days = seed.planning["weekday_bp"]
    if len(days) != _WEEK or not all(isinstance(day, int) and day >= 0 for day in days):
        yield "planning.weekday_bp: give seven numbers, Monday first"
    for name in ("usable_bp", "small_orders_bp", "neighbours_bp", "flexible_bp"):
        if not 0 <= seed.planning[name] <= 10_000:
            yield f"planning.{name}: a share is between 0 and 10000"
    if seed.planning["neighbours_bp"] + seed.planning["flexible_bp"] > 10_000:
        yield "planning.flexible_bp: with neighbours_bp it is more than everybody"


def _weighed(line: dict[str, Any]) -> bool:
    weights = [line.get("weight"), *(line[day] for day in ("saturday", "sunday") if day in line)]
    return all(isinstance(weight, int | float) and weight >= 0 for weight in weights)


def _prices(seed: Seed) -> Iterator[str]:
    if seed.fees["floor_minor"] > seed.fees["ceiling_minor"]:
        yield "fees.floor_minor: lies above fees.ceiling_minor"
    if seed.fees["step_minor"] < 1:
        yield "fees.step_minor: must be at least 1"
    if not 1 <= seed.policy.hold_min <= seed.policy.hold_ceiling_min:
        yield "policy.hold_min: must lie between 1 and policy.hold_ceiling_min"
    for i, promotion in enumerate(seed.promotions):
        percent = promotion.kind is DiscountKind.PERCENT
        if not (promotion.percent_bp if percent else promotion.amount_minor):
            yield f"promotions.{i}: it takes nothing off ({promotion.code})"
