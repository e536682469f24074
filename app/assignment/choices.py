"""Which pools may serve a booking, where and in which of its windows, and what each costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from app.allocation.orders import Choice, Order
from app.assignment.facts import Facts, Scope, is_picked
from app.assignment.rules import keeps_cold, move_minor, partner_minor
from app.booking.lockers import AWAY_MINOR, usable
from app.booking.tables import DeliveryBooking
from app.capacity.rules import Reach, drop_s
from app.capacity.tables import CapacityPool
from app.handover.rules import HandoverMode, refused
from app.places.tables import CollectionPoint
from app.pricing.rules import promised_grams
from app.slots.closings import Gate

# Each order keeps so many of its cheapest choices, and where it is.
MOST_CHOICES = 14


def order_of(facts: Facts, scope: Scope, booking: DeliveryBooking, number: Mapping[str, int]) -> Order:
    """A booking as an order, with the choices that are kept of it."""
    made = sorted(_choices(facts, scope, booking, number), key=lambda c: c.price)
    here = number.get(booking.pool_id)
    kept = made[:MOST_CHOICES] + [c for c in made[MOST_CHOICES:] if c.pool == here]
    load = booking.basket.load(0)
    return Order(
        id=booking.id,
        volume_ml=load.volume_ml,
        weight_g=load.weight_g,
        chilled_ml=load.chilled_ml,
        frozen_ml=load.frozen_ml,
        partner_minor=partner_minor(
            facts.figures, volume_ml=load.volume_ml, promised_for=facts.now - booking.created_at
        ),
        present=None if booking.partner_courier else here,
        choices=tuple(kept),
        needs=tuple(sorted(booking.basket.needs)),
        at_door=refused(HandoverMode.LOCKER, booking.basket) is not None,
    )


def _choices(facts: Facts, scope: Scope, booking: DeliveryBooking, number: Mapping[str, int]) -> list[Choice]:
    """The pools that may serve a booking; the one that serves it now is among them while it is there."""
    picked = is_picked(facts.now, booking, facts.assigned_at.get(booking.id), scope)
    before = facts.present.get(booking.pool_id)
    # The hour counts more than the grams for whoever would otherwise lose it.
    rescued = (
        before is None
        or before.sell_orders == 0
        or before.id in scope.lost
        or booking.id in scope.barred
        or not booking.basket.needs <= facts.able[before.vehicle_class_id]
    )
    # What better tours have chosen is disturbed at the full price, lest two rules undo each other.
    settled = picked or booking.id in facts.toured
    at_door_s = facts.preferences[booking.drop_preference_id].at_door_s
    found = []
    for reach in facts.by_zone[booking.zone_id]:
        window = _window_of(facts, booking, reach)
        is_here = reach.pool_id == booking.pool_id and not booking.partner_courier
        if window is None or reach.vehicle_kind in scope.barred.get(booking.id, ()):
            continue
        if reach.lacks(booking.basket):
            # Also of the pool that it is in, whose class may have been able to do more.
            continue
        if not is_here and not _may_enter(
            facts, booking, reach, window, before, picked=picked, rescued=rescued
        ):
            continue
        work_s = booking.work_s if is_here else reach.drop_s(at_door_s)
        pool = facts.pools[number[reach.pool_id]]
        worth = reach.minute_worth_micro * work_s / 60e6 if facts.now < booking.cutoff_at else 0.0
        move = move_minor(facts.figures, before, pool, picked=settled) if before and not is_here else 0.0
        if is_here and booking.id in scope.stranded:
            # Its vehicle fails: staying with its pool it changes the vehicle too. Others need not.
            move = float(facts.figures.class_moved_minor)
        found.append(Choice(number[pool.id], window, work_s, float(reach.cost_minor), worth, move))
        locker = locker_of(facts, booking)
        if locker is not None:
            found.append(_at_locker(facts, booking, reach, found[-1], locker, is_here=is_here))
    here = number.get(booking.pool_id)
    missing = here is not None and all(choice.pool != here for choice in found)
    if here is not None and missing and not booking.partner_courier and booking.id not in scope.barred:
        pool = facts.pools[here]
        able = booking.basket.needs <= facts.able[pool.vehicle_class_id]
        if able and pool.vehicles > 0 and pool.id not in scope.lost:
            # A pool that sells nothing more reaches nobody, and still serves what it has.
            found.append(Choice(here, 0, booking.work_s, 0.0))
    return found


def locker_of(facts: Facts, booking: DeliveryBooking) -> CollectionPoint | None:
    """The locker that a booking may go to as well: the best liked with room, once its cut-off has passed.

    Before that its pool counts the time at the door, which is longer. All lockers of a zone are alike here:
    pools count the way to any address of a zone at its average.
    """
    if facts.now < booking.cutoff_at or facts.locker_policy is None:
        return None
    roomy = facts.roomy.get(booking.id, ())
    return next(iter(usable(facts.lockers, roomy, booking.basket)), None)


def _at_locker(
    facts: Facts,
    booking: DeliveryBooking,
    reach: Reach,
    at_door: Choice,
    locker: CollectionPoint,
    *,
    is_here: bool,
) -> Choice:
    """The same pool and window with a shorter stop at the locker, at the price of the walk."""
    at_door_s = facts.locker_policy.at_door_s if facts.locker_policy else 0
    work_s = reach.drop_s(at_door_s)
    if is_here:
        work_s = drop_s(booking.reach_work_s, booking.handover_bp, at_door_s)
    worth = at_door.worth_minor * work_s / at_door.work_s if at_door.work_s else 0.0
    return replace(
        at_door,
        work_s=work_s,
        worth_minor=worth,
        move_minor=at_door.move_minor + AWAY_MINOR,
        place=booking.lockers.index(locker.id) + 1,
    )


def _window_of(facts: Facts, booking: DeliveryBooking, reach: Reach) -> int | None:
    """The place of the shortest accepted window around a pool's bucket; 0 for the only one."""
    windows = facts.windows.get(booking.id)
    if windows is None:
        return 0 if booking.window.covers(reach.window) else None
    around = [w for w, slot in enumerate(windows) if slot.window.covers(reach.window)]
    return min(around, key=lambda w: (windows[w].window.duration, w), default=None)


def _may_enter(
    facts: Facts,
    booking: DeliveryBooking,
    reach: Reach,
    window: int,
    before: CapacityPool | None,
    *,
    picked: bool,
    rescued: bool,
) -> bool:
    windows = facts.windows.get(booking.id)
    slot = windows[window] if windows else facts.slots[booking.slot_id]
    if not reach.carries(booking.basket):
        return False
    most_grams = promised_grams(booking.fee_parts, booking.grams)
    if most_grams is not None and reach.grams > most_grams and not rescued:
        return False
    gate = facts.closings.gate(slot, reach.node_id, reach.window, facts.now)
    if gate is Gate.BLACKOUT:
        return False
    if not picked:
        return True
    # Picked goods lie in their node; those of a node that is lost are picked again elsewhere.
    elsewhere = before is not None and before.node_id != reach.node_id
    if elsewhere and before is not None and before.sell_orders > 0:
        return False
    cold = booking.chilled_ml + booking.frozen_ml > 0
    limit = timedelta(minutes=facts.figures.chilled_limit_min)
    return not cold or keeps_cold(reach.window, facts.now, limit)
