"""What a shopper could have: the slots of one zone against capacity, price, goods and the clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

from sqlalchemy import Connection

from app.booking.due import read_due
from app.booking.queries import held_windows, waited_windows
from app.booking.rules import (
    LOADED_BEFORE,
    MESSAGES,
    SlotClosedReason,
    Terms,
    full,
    missed_by,
    nearest,
    none_can,
    shut,
)
from app.booking.slot_offer import Closure, SlotOffer, compared, kept_until
from app.booking.tables import BookingPolicy
from app.capacity.queries import reaches_of
from app.capacity.rules import Reach, cheapest_first, inside
from app.database.rows import by_id, row_of
from app.fleet.rules import MOTORED, Emissions
from app.handover.queries import policies
from app.handover.rules import HandoverOption, is_collected, options, usual
from app.places.closures import ClosedStreet, barred, closed_streets
from app.pricing.queries import fee_rule, incentives_left
from app.pricing.rules import NOTHING_LEFT, IncentivesLeft, Quote, quote
from app.pricing.tables import FeeRule
from app.promotions.pass_rules import UsablePass, best_pass, with_pass
from app.promotions.pass_uses import usable_passes
from app.slots.closings import Closings, Gate
from app.slots.queries import closings_of, horizon_days
from app.slots.rules import labels_at
from app.slots.tables import DeliverySlot
from app.tours.queries import KnownSheet, SheetKey, read_sheets
from app.tours.room import Asked, TourRoom
from app.values.basket import Basket
from app.values.load import Load
from app.values.point import Point
from app.values.window import Window, local_day


@dataclass(frozen=True)
class Menu:
    """All that is read to make offers for some slots of one zone: a handful of statements."""

    terms: Terms
    table: FeeRule
    # With what ended holds still occupy, and without it.
    reaches: tuple[Reach, ...]
    firm: tuple[Reach, ...]
    closings: Closings
    options: tuple[HandoverOption, ...]
    held_slots: frozenset[str]
    # Windows that somebody waits for: what is freed there is theirs first.
    waited: frozenset[str]
    # What fees are for, and what the customer has prepaid.
    basket: Basket
    passes: tuple[UsablePass, ...]
    # What tours can still take at the address, without what has ended, and with it.
    tours: TourRoom
    firm_tours: TourRoom
    # The pools of holds that have ended and are still on the tours.
    ended_pools: tuple[str, ...]
    # What may still be taken off to steer demand.
    incentives: IncentivesLeft = field(default_factory=IncentivesLeft)
    # The address, streets without motor vehicles, and nodes whose cut-offs do not count: goods are picked.
    point: Point | None = None
    closed_streets: tuple[ClosedStreet, ...] = ()
    picked_at: frozenset[str] = frozenset()
    _seen: dict[str, list[tuple[Reach, Gate | None]]] = field(default_factory=dict, compare=False, init=False)

    @cached_property
    def at_door_s(self) -> int:
        """Seconds of the usual handover, which offers are made for."""
        meant = usual(self.options)
        return meant.at_door_s if meant else 0

    @cached_property
    def collected(self) -> bool:
        """Whether what is offered here is collected by the customer."""
        meant = usual(self.options)
        return meant is not None and is_collected(meant)

    def reaches_in(self, slot: DeliverySlot) -> list[Reach]:
        """The pools within the slot, with the room that a shopper may have."""
        found = inside(self.firm if slot.id in self.waited else self.reaches, slot.window)
        if not self.closed_streets or self.point is None:
            return found
        shut = {r.window for r in found if barred(self.closed_streets, r.window, self.point)}
        return [r for r in found if r.vehicle_kind not in MOTORED or r.window not in shut]

    def open_reaches(self, slot: DeliverySlot) -> list[Reach]:
        """The pools within the slot whose node still takes orders for it."""
        return [reach for reach, gate in self._gated(slot) if gate is None]

    def without(self, pool_id: str) -> Menu:
        """The same offers as if this pool served nobody."""
        reaches = tuple(reach for reach in self.reaches if reach.pool_id != pool_id)
        return replace(self, reaches=reaches, firm=tuple(r for r in self.firm if r.pool_id != pool_id))

    def with_room(self, pool_id: str, more: Load) -> Menu:
        """The same offers as if this pool had so much more room."""

        def roomier(reaches: tuple[Reach, ...]) -> tuple[Reach, ...]:
            return tuple(replace(r, free=r.free + more) if r.pool_id == pool_id else r for r in reaches)

        return replace(self, reaches=roomier(self.reaches), firm=roomier(self.firm))

    def at(self, point: Point) -> Menu:
        """The same offers at another address of the zone."""
        return replace(self, tours=self.tours.at(point), firm_tours=self.firm_tours.at(point), point=point)

    def of_picked(self, node_ids: frozenset[str]) -> Menu:
        """The same offers for goods that are picked at these nodes: also in windows past their cut-off."""
        return replace(self, picked_at=node_ids)

    def without_stop(self, reference: str) -> Menu:
        """The same offers as if tours did not bring this."""
        return replace(
            self, tours=self.tours.without(reference), firm_tours=self.firm_tours.without(reference)
        )

    def refreshed(self, conn: Connection) -> Menu:
        """The same offers with the tours as they are now."""
        firm = self.firm_tours.with_sheets(_sheets(conn, self.firm))
        return replace(self, tours=self.tours.with_sheets(firm.sheets), firm_tours=firm)

    def toured(self, slot: DeliverySlot, reaches: Sequence[Reach], asked: Asked) -> list[Reach]:
        """Those of the pools whose vehicles can come by within the slot between their other stops."""
        room = self.room_of(slot)
        return [r for r in reaches if room.takes((r.node_id, r.day), r.class_id, slot.window, asked)]

    def room_of(self, slot: DeliverySlot) -> TourRoom:
        """The tours that a slot's offers are made of."""
        return self.firm_tours if slot.id in self.waited else self.tours

    def takers(self, slot: DeliverySlot, basket: Basket, at_door_s: int) -> list[Reach]:
        """The open pools that have room for the basket and can come by, cheapest first."""
        roomed = [r for r in self.pools_for(slot, basket, at_door_s) if r.has_room(basket, at_door_s)]
        return self.toured(slot, roomed, Asked.of(basket.load(0), at_door_s))

    def nodes_of(self, slot: DeliverySlot) -> frozenset[str]:
        """The nodes that serve the slot, whether they take orders now or not."""
        return frozenset(reach.node_id for reach, _ in self._gated(slot))

    def pools_for(self, slot: DeliverySlot, basket: Basket, at_door_s: int) -> list[Reach]:
        """The open pools that can carry the basket within the slot, cheapest first, whatever their room."""
        fitting = [r for r in self.open_reaches(slot) if r.carries(basket)]
        return cheapest_first(fitting, at_door_s)

    def shut(self, slot: DeliverySlot, basket: Basket) -> SlotClosedReason | None:
        """Why the slot cannot be ordered whatever its capacity: by its own terms, or from every node."""
        late = self.picked_at and slot.starts_at > self.terms.now + LOADED_BEFORE
        reason = None if late else shut(slot, self.terms, basket)
        # A window that the calendar has no more is kept for those who have it, and for nobody else.
        if reason is None and (slot.withdrawn_at is not None or self.closings.blacked_out(slot)):
            return SlotClosedReason.BLACKOUT
        gates = {gate for _, gate in self._gated(slot)}
        if reason or not gates or None in gates:
            return reason
        # Several nodes may be closed for different reasons: the one that is least usual says most.
        return SlotClosedReason(next(gate for gate in reversed(Gate) if gate in gates))

    def cutoff_at(self, slot: DeliverySlot, reaches: Sequence[Reach]) -> datetime:
        """The latest cut-off over the nodes of these pools; the slot's own where there are none."""
        return max((self.closings.cutoff_at(slot, r.node_id) for r in reaches), default=slot.cutoff_at)

    def why_closed(self, slot: DeliverySlot) -> str:
        """The words of the blackouts and holidays over a slot, for people."""
        return self.closings.why_rests(slot, [reach.node_id for reach, _ in self._gated(slot)])

    def _gated(self, slot: DeliverySlot) -> list[tuple[Reach, Gate | None]]:
        """The pools within the slot, each with what keeps its node from taking orders now."""
        if slot.id not in self._seen:
            self._seen[slot.id] = [(reach, self._gate(slot, reach)) for reach in self.reaches_in(slot)]
        return self._seen[slot.id]

    def _gate(self, slot: DeliverySlot, reach: Reach) -> Gate | None:
        now = self.terms.now
        gate = self.closings.gate(slot, reach.node_id, reach.window, now)
        late = gate is not Gate.BLACKOUT and reach.node_id in self.picked_at
        return None if late and reach.window.start > now + LOADED_BEFORE else gate

    def offer(self, slot: DeliverySlot, basket: Basket) -> SlotOffer:
        """The slot for this basket, open or closed; its cut-off is that of the nodes that have room."""
        reaches = self.open_reaches(slot)
        reason = self.shut(slot, basket)
        roomed = [r for r in reaches if r.carries(basket) and r.has_room(basket, self.at_door_s)]
        if not roomed:
            unopened = SlotClosedReason.NOT_OPENED if slot.unopened and not reaches else None
            reason = reason or unopened or full(reaches, basket, self.at_door_s)
        asked = Asked.of(basket.load(0), self.at_door_s)
        if reason:
            return self._closed(slot, reason, reaches, basket)
        if not (takers := self.toured(slot, roomed, asked)):
            return self._missed(slot, roomed, asked)
        roomy = cheapest_first(takers, self.at_door_s)
        return SlotOffer(
            slot=_closing(slot, self.cutoff_at(slot, roomy)),
            available=True,
            held_by_customer=slot.id in self.held_slots,
            closed=None,
            quote=self.quote(slot, roomy[0], self.at_door_s, 0),
            emissions=emissions_of(roomy[0]),
            vehicle_kind=roomy[0].vehicle_kind,
            handover_options=self.options,
            labels=labels_at(slot.window, slot.time_zone, self.terms.now),
        )

    def _closed(
        self, slot: DeliverySlot, reason: SlotClosedReason, reaches: Sequence[Reach], basket: Basket
    ) -> SlotOffer:
        text = MESSAGES[reason]
        if reason is SlotClosedReason.SKILL_MISSING:
            text = none_can(reaches, basket)
        if reason is SlotClosedReason.BLACKOUT and (why := self.why_closed(slot)):
            text = f"{text.removesuffix('.')}: {why}."
        if reason is SlotClosedReason.PROTECTED_QUOTA and (until := kept_until(slot, reaches)):
            text = f"{text.removesuffix('.')} until {until}."
        return self._shown_closed(slot, Closure(reason, text))

    def _missed(self, slot: DeliverySlot, reaches: Sequence[Reach], asked: Asked) -> SlotOffer:
        """Closed although pools have room: no tour can come by in time."""
        room = self.room_of(slot)
        missing_s = min(room.missing_s((r.node_id, r.day), r.class_id, slot.window, asked) for r in reaches)
        could = any(room.reaches((r.node_id, r.day), r.class_id, slot.window, asked) for r in reaches)
        reason = SlotClosedReason.FULL if could else SlotClosedReason.FLEET_CAPACITY
        text = missed_by(missing_s) if could else MESSAGES[reason]
        return self._shown_closed(slot, Closure(reason, text, by_tours=True))

    def _shown_closed(self, slot: DeliverySlot, closure: Closure) -> SlotOffer:
        return SlotOffer(
            slot=_closing(slot, self.cutoff_at(slot, [reach for reach, _ in self._gated(slot)])),
            available=False,
            held_by_customer=slot.id in self.held_slots,
            closed=closure,
            quote=None,
            emissions=None,
            vehicle_kind=None,
            handover_options=self.options,
            labels=labels_at(slot.window, slot.time_zone, self.terms.now),
        )

    def quote(self, slot: DeliverySlot, reach: Reach, at_door_s: int, handover_minor: int) -> Quote:
        """The fee of a drop in this pool with this handover, less what the customer's best pass pays."""
        gross = self.gross(slot, reach, at_door_s, handover_minor)
        chosen = self.pass_for(slot, gross)
        return with_pass(gross, chosen.terms) if chosen else gross

    def pass_for(self, slot: DeliverySlot, gross: Quote) -> UsablePass | None:
        """The pass that pays most of this fee, if one does."""
        basket_minor = self.basket.value.minor
        return best_pass(
            self.passes, gross, window=slot.window, zone=slot.time_zone, basket_minor=basket_minor
        )

    def covered_by(self, passes: Iterable[UsablePass]) -> Menu:
        """The same offers for a customer who has these passes."""
        return replace(self, passes=tuple(passes))

    def gross(self, slot: DeliverySlot, reach: Reach, at_door_s: int, handover_minor: int) -> Quote:
        """The fee of a drop in this pool with this handover, whoever pays it."""
        fee = quote(
            self.table,
            window=slot.window,
            zone=slot.time_zone,
            marginal_cost_minor=reach.marginal_minor(at_door_s),
            grams=reach.grams,
            handover_minor=handover_minor,
            zone_cost_minor=reach.zone_cost_minor,
        )
        return self.afforded(slot, fee)

    def afforded(self, slot: DeliverySlot, fee: Quote) -> Quote:
        """The fee, without what is taken off to steer demand where the budget of its day does not hold it."""
        return fee if self.incentives.covers(slot.day, fee.incentive_minor) else fee.unsteered()

    def unsteered(self) -> Menu:
        """The same offers as if nothing could be taken off to steer demand."""
        return replace(self, incentives=NOTHING_LEFT)

    def offers(self, slots: Sequence[DeliverySlot], basket: Basket) -> list[SlotOffer]:
        """An offer for each slot; the cheapest and the greenest of a day are labelled."""
        for room in (self.tours, self.firm_tours):
            room.expect((slot.day, slot.window) for slot in slots)
        made = [self.offer(slot, basket) for slot in slots]
        return compared(made)


def read_menu(
    conn: Connection,
    *,
    now: datetime,
    storefront_id: str,
    zone_id: str,
    time_zone: str,
    span: Window,
    point: Point | None,
    basket: Basket,
    customer_id: str | None,
    customer_group: str | None = None,
    collected: bool = False,
) -> Menu:
    """Read what offers within a span of time depend on; the statements do not grow with the slots.

    Without a `point` nothing is asked of the tours: for what does not depend on the address. `collected`
    says that the address is a collection point.
    """
    table = fee_rule(conn, now=now, storefront_id=storefront_id)
    reaches = reaches_of(conn, now=now, zone_id=zone_id, span=span, customer_group=customer_group)
    due = read_due(conn, now=now, reaches=reaches)
    days = days_ahead(conn, storefront_id=storefront_id, customer_group=customer_group)
    sheets = _sheets(conn, reaches) if point else {}
    firm_tours = TourRoom(sheets, zone_id, point or Point(0, 0))
    return Menu(
        terms=Terms(
            now=now,
            last_day=local_day(now, time_zone) + timedelta(days=days - 1),
            min_order_minor=table.min_order_minor,
        ),
        table=table,
        reaches=tuple(due.back(reach) for reach in reaches),
        firm=tuple(reaches),
        waited=frozenset(waited_windows(conn, zone_id=zone_id)) if due else frozenset(),
        closings=closings_of(conn, zone_id=zone_id, span=span),
        options=options(policies(conn), basket, collected=collected),
        held_slots=frozenset(held_windows(conn, now=now, customer_id=customer_id))
        if customer_id
        else frozenset(),
        basket=basket,
        passes=tuple(usable_passes(conn, now=now, customer_id=customer_id)) if customer_id else (),
        tours=firm_tours.without(*due.pools) if due else firm_tours,
        firm_tours=firm_tours,
        closed_streets=tuple(closed_streets(conn, span)) if point else (),
        point=point,
        ended_pools=tuple(sorted(set(due.pools.values()))) if sheets else (),
        incentives=incentives_left(
            conn, rule=table, first=local_day(span.start, time_zone), last=local_day(span.end, time_zone)
        ),
    )


def _sheets(conn: Connection, reaches: Sequence[Reach]) -> Mapping[SheetKey, KnownSheet]:
    """The tours of all nodes and days of these pools: one statement."""
    if not reaches:
        return {}
    days = {reach.day for reach in reaches}
    nodes = {reach.node_id for reach in reaches}
    return read_sheets(conn, node_ids=nodes, first=min(days), last=max(days))


def policy_of(conn: Connection, storefront_id: str) -> BookingPolicy:
    """The storefront's booking policy, or the house's defaults."""
    return by_id(conn, BookingPolicy, storefront_id) or BookingPolicy(storefront_id=storefront_id)


def days_ahead(conn: Connection, *, storefront_id: str, customer_group: str | None) -> int:
    """How many days ahead, today included, a storefront's customers of a group may choose."""
    days = horizon_days(conn, storefront_id=storefront_id, customer_group=customer_group)
    return days or policy_of(conn, storefront_id).horizon_days


def span_of(slots: Sequence[DeliverySlot]) -> Window:
    """From the first start to the last end."""
    return Window(min(slot.starts_at for slot in slots), max(slot.ends_at for slot in slots))


def alternatives(
    menu: Menu, slots: Sequence[DeliverySlot], basket: Basket, wanted: DeliverySlot, count: int = 3
) -> list[SlotOffer]:
    """Offers for the open slots nearest in time to the one that cannot be had."""
    others = (menu.offer(slot, basket) for slot in slots if slot.id != wanted.id)
    choices = [(one.slot.starts_at, one) for one in others if one.available]
    return nearest(choices, wanted.starts_at, count)


def emissions_of(reach: Reach) -> Emissions:
    """What one more drop in this pool emits."""
    return Emissions(
        grams=reach.grams,
        scope=reach.emission_scope,
        method=reach.emission_method,
        factor_id=reach.emission_factor_id,
    )


def _closing(slot: DeliverySlot, cutoff_at: datetime) -> DeliverySlot:
    """The slot with another cut-off, as one shopper sees it."""
    if slot.cutoff_at == cutoff_at:
        return slot
    return row_of(DeliverySlot, {**slot.model_dump(), "cutoff_at": cutoff_at})
