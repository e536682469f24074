"""What closes the slots of a zone whatever their capacity: cut-offs, lead times and blackouts by node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from app.slots.rules import Scoped, in_scope, specificity
from app.values.window import Window


class Gate(StrEnum):
    """Why a slot cannot be ordered from a node now; the later ones are told where several hold."""

    CUTOFF_PASSED = "CUTOFF_PASSED"
    LEAD_TIME = "LEAD_TIME"
    BLACKOUT = "BLACKOUT"


class SlotFacts(Protocol):
    """A slot, as far as its closing goes."""

    id: str
    zone_id: str
    template_id: str
    cutoff_at: datetime

    @property
    def window(self) -> Window:
        """When the drop may happen."""


class NodeCutoff(Protocol):
    """What a slot has otherwise from one node."""

    cutoff_at: datetime
    closed: str | None


class Lead(Scoped, Protocol):
    """The least minutes from the order to the window."""

    least_min: int


class Closed(Scoped, Protocol):
    """A span in which nothing new is sold."""

    reason: str

    @property
    def window(self) -> Window:
        """The closed span."""


@dataclass(frozen=True)
class Closings:
    """The rules that close the slots of one zone, read once for all of them."""

    cutoffs: Mapping[tuple[str, str], NodeCutoff] = field(default_factory=dict)
    lead_times: Sequence[Lead] = ()
    blackouts: Sequence[Closed] = ()

    def gate(self, slot: SlotFacts, node_id: str, bucket: Window, now: datetime) -> Gate | None:
        """Why a pool of a node cannot serve a slot from now on, or None.

        A blackout of a node closes the pools whose bucket it touches; one without a node, the whole slot.
        """
        special = self.cutoffs.get((slot.id, node_id))
        touched = any(
            b.node_id == node_id and _fits(b, slot, node_id) and b.window.overlaps(bucket)
            for b in self.blackouts
        )
        if touched or self.blacked_out(slot) or (special and special.closed):
            return Gate.BLACKOUT
        if now >= self.order_until(slot, node_id):
            lead = now < self.cutoff_at(slot, node_id)
            return Gate.LEAD_TIME if lead else Gate.CUTOFF_PASSED
        return None

    def blacked_out(self, slot: SlotFacts) -> bool:
        """Whether a blackout closes the whole slot, whatever the node."""
        return any(
            b.node_id is None and _for_slot(b, slot) and b.window.overlaps(slot.window)
            for b in self.blackouts
        )

    def cutoff_at(self, slot: SlotFacts, node_id: str) -> datetime:
        """Until when what is ordered from this node can be ordered and changed."""
        special = self.cutoffs.get((slot.id, node_id))
        return special.cutoff_at if special else slot.cutoff_at

    def order_until(self, slot: SlotFacts, node_id: str) -> datetime:
        """Until when the slot can be newly ordered from this node: its cut-off, or earlier by lead time."""
        return min(self.cutoff_at(slot, node_id), slot.window.start - self.lead_time(slot, node_id))

    def lead_time(self, slot: SlotFacts, node_id: str) -> timedelta:
        """The most specific lead time, the longest of equals; none is zero."""
        here = [r for r in self.lead_times if _fits(r, slot, node_id)]
        most = max(here, key=lambda rule: (specificity(rule), rule.least_min), default=None)
        return timedelta(minutes=most.least_min if most else 0)

    def why_rests(self, slot: SlotFacts, node_ids: Iterable[str]) -> str:
        """The words of the blackouts and holidays that keep these nodes from serving a slot."""
        nodes = set(node_ids)
        said = [
            b.reason
            for b in self.blackouts
            if b.window.overlaps(slot.window) and _for_slot(b, slot) and b.node_id in {None, *nodes}
        ]
        rests = (self.cutoffs.get((slot.id, node)) for node in sorted(nodes))
        said += [rest.closed for rest in rests if rest and rest.closed]
        return "; ".join(dict.fromkeys(said))


def _fits(rule: Scoped, slot: SlotFacts, node_id: str) -> bool:
    return in_scope(rule, template_id=slot.template_id, zone_id=slot.zone_id, node_id=node_id)


def _for_slot(rule: Scoped, slot: SlotFacts) -> bool:
    return rule.template_id in (None, slot.template_id) and rule.zone_id in (None, slot.zone_id)
