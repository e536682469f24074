"""Holds that are ready but for their room, many at once, and the tours that shall serve them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from app.booking.hold import HoldRequest
from app.booking.menu import Menu
from app.booking.tables import SlotHold
from app.capacity.give_back import give_back
from app.capacity.post_many import Claim
from app.capacity.rules import Reach
from app.handover.tables import DropPreference
from app.tours.place import place_many
from app.tours.queries import KnownSheet, SheetKey
from app.tours.rules import TourStop
from app.tours.sheet import Sheet


@dataclass(frozen=True, slots=True)
class HoldDraft:
    """A hold that is ready but for its room; `known` are the tours that its stop shall go on, if any."""

    request: HoldRequest
    held: SlotHold
    preference: DropPreference
    claim: Claim
    stop: TourStop
    known: KnownSheet | None
    # What it takes off to steer demand, on which delivery day, and that day's budget where none was set.
    incentive_minor: int
    day: date
    usual_minor: int | None


class DraftedTours:
    """The tours as they become while drafts are written one after the other."""

    def __init__(self) -> None:
        self._sheets: dict[SheetKey, Sheet] = {}
        self._stops: dict[SheetKey, list[TourStop]] = defaultdict(list)

    def known(self, menu: Menu, reach: Reach) -> KnownSheet | None:
        """The tours of the pool's node and day as they were read."""
        return menu.firm_tours.sheets.get((reach.node_id, reach.day))

    def add(self, menu: Menu, reach: Reach, stop: TourStop) -> bool:
        """Whether a tour can take one more stop after those before it; then it has it."""
        known = self.known(menu, reach)
        if known is None:
            return True
        more = self._sheets.get(known.key, known.sheet).inserted(stop)
        if more is not None:
            self._sheets[known.key] = more
            self._stops[known.key].append(stop)
        return more is not None

    def with_all(self, known: KnownSheet, stops: Sequence[TourStop]) -> Sheet | None:
        """The tours with exactly these of the stops that were drafted."""
        if list(stops) == self._stops[known.key]:
            return self._sheets[known.key]
        sheet: Sheet | None = known.sheet
        for stop in stops:
            sheet = sheet.inserted(stop) if sheet else None
        return sheet


def on_tours(
    conn: Connection, *, now: datetime, tours: DraftedTours, drafts: Sequence[HoldDraft]
) -> list[HoldDraft]:
    """Those of the drafts, whose pools have taken them, that tours serve as well.

    The room of the others is given back: they are asked alone. Sheets are written in their one order.
    """
    by_sheet: dict[SheetKey, list[HoldDraft]] = defaultdict(list)
    for draft in drafts:
        if draft.known is not None:
            by_sheet[draft.known.key].append(draft)
    lost: set[str] = set()
    for _, some in sorted(by_sheet.items()):
        stops = [draft.stop for draft in some]
        known = some[0].known
        if known is not None:
            planned = tours.with_all(known, stops)
            placed = place_many(conn, now=now, known=known, stops=stops, planned=planned)
            lost |= {stop.reference for stop in stops} - placed
    for draft in drafts:
        if draft.held.id in lost:
            give_back(
                conn,
                now=now,
                actor=draft.claim.actor,
                pool_id=draft.held.pool_id,
                held=draft.held.load,
                reference=draft.held.id,
                reason="no tour had time left for it",
                audience=draft.claim.audience,
            )
    return [draft for draft in drafts if draft.held.id not in lost]
