"""What orders need of their vehicle, and how much of a zone is left to vehicles that lack it."""

from __future__ import annotations

from dataclasses import dataclass

from app.allocation.problem import Problem


@dataclass(frozen=True, slots=True)
class Unable:
    """Fleets that lack the same skills: they serve at most `share` of a zone's orders in a bucket.

    The others need one of `lacking`, which are sets of skills that an order needs together.
    """

    fleets: frozenset[int]
    lacking: tuple[tuple[str, ...], ...]
    share: float

    @property
    def words(self) -> str:
        """What is lacking, for people."""
        skills = sorted({skill for needed in self.lacking for skill in needed})
        return ", ".join(skill.replace("_", " ").lower() for skill in skills)


def unable(problem: Problem) -> list[Unable]:
    """Every set of fleets that matters: whatever they serve within their shares, some split of orders allows.

    By Hall's theorem it is enough to look at what fleets lack, and at what several of them lack together.
    """
    shares = dict(problem.needs)
    lacks = {
        f: frozenset(needed for needed in shares if not set(needed) <= set(fleet.skills))
        for f, fleet in enumerate(problem.fleets)
    }
    together = {lacking for lacking in lacks.values() if lacking}
    while more := {a & b for a in together for b in together if a & b} - together:
        together |= more
    return [
        Unable(
            fleets=frozenset(f for f, lacking in lacks.items() if missing <= lacking),
            lacking=tuple(sorted(missing)),
            share=max(0.0, 1 - sum(shares[needed] for needed in missing) / 10_000),
        )
        for missing in sorted(together, key=sorted)
    ]
