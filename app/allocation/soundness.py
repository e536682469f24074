"""What is wrong with a plan's data, in words: shifts that contradict themselves, zones nobody reaches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from app.allocation.problem import Problem
from app.slots.rules import wall_time


class PatternFacts(Protocol):
    """A shift pattern: wall times 'HH:MM' and ISO weekdays as digits."""

    name: str
    starts_local: str
    ends_local: str
    weekdays: str


def contradictions(patterns: Sequence[PatternFacts]) -> list[str]:
    """A sentence for each shift pattern that nobody can work."""
    said = []
    for one in patterns:
        days = set(one.weekdays)
        if not days or not days <= set("1234567"):
            said.append(f"The shift {one.name} names no weekday: {one.weekdays!r}; use digits, 1 is Monday.")
        try:
            same = wall_time(one.starts_local) == wall_time(one.ends_local)
        except ValueError:
            said.append(
                f"The shift {one.name} has no hours: {one.starts_local!r} to {one.ends_local!r}; use HH:MM."
            )
            continue
        if same:
            said.append(f"The shift {one.name} begins and ends at {one.starts_local}; give it another end.")
    return said


def covers_nothing(patterns: Sequence[PatternFacts]) -> str:
    """That no shift covers a window, with the hours of those there are."""
    if not patterns:
        return "There is no shift pattern; add shifts."
    told = ", ".join(f"{one.name} {one.starts_local} to {one.ends_local}" for one in patterns[:5])
    return f"No shift pattern covers any window of these days: {told}. Change their hours, or add shifts."


def unreached(problem: Problem) -> list[str]:
    """The ids of the zones with orders to come that no vehicle reaches on any day of the plan."""
    wanted = {group.zone for day in problem.days for group in day.groups}
    reached = {arc.zone for day in problem.days for arc in day.arcs}
    return [problem.zones[zone] for zone in sorted(wanted - reached)]
