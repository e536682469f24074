"""What must be true of the database afterwards, whatever was done: each function returns what is not.

I1 no pool above its capacity in any dimension, counters equal the rows and the ledger; I2 what was
acknowledged is there, in the state that was acknowledged; I3 one effect and one answer per key; I4 one job
and one message per booking, none locked past its lease; I5 promotions; I8 nobody was told of a fault.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlmodel import SQLModel

from app.booking.reclaim import reclaim
from app.booking.rules import BookingStatus, HoldStatus
from app.booking.tables import DeliveryBooking, SlotHold
from app.capacity.tables import CapacityEntry, CapacityPool
from app.database.clock import database_clock
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.engagement.rules import NotificationStatus
from app.engagement.tables import MailboxMessage, Notification
from app.handover.tables import DropPreference
from app.jobs import Job, JobState
from app.promotions.rules import RedemptionState
from app.promotions.tables import Promotion, PromotionRedemption
from app.values.load import DIMENSIONS, Load
from schema.ids import key_of
from tests.faults.shopper import Cart, Shopper

# A hold that takes room, and a booking that does.
_HELD = {HoldStatus.ACTIVE, HoldStatus.CONFLICTED}
_NOT_BOOKED = {BookingStatus.CANCELLED}


def capacity(conn: Connection) -> list[str]:
    """I1."""
    held: dict[str, Load] = defaultdict(Load)
    booked: dict[str, Load] = defaultdict(Load)
    for hold in every(conn, SlotHold):
        if hold.status in _HELD:
            held[hold.pool_id] += hold.load
    for booking in every(conn, DeliveryBooking):
        if booking.status not in _NOT_BOOKED:
            booked[booking.pool_id] += booking.load
    ledger = _ledger(conn)
    wrong = []
    for pool in every(conn, CapacityPool):
        counted = (pool.loads("held"), pool.loads("booked"))
        if counted != (held[pool.id], booked[pool.id]):
            wrong.append(
                f"I1 pool {pool.id} counts {counted}, its rows are {held[pool.id]}, {booked[pool.id]}"
            )
        if counted != ledger[pool.id]:
            wrong.append(f"I1 pool {pool.id} counts {counted}, its ledger says {ledger[pool.id]}")
        taken = held[pool.id] + booked[pool.id]
        if not taken.fits(pool.loads("cap")):
            wrong.append(f"I1 oversold: pool {pool.id} has {taken} in {pool.loads('cap')}")
    return wrong


def _ledger(conn: Connection) -> dict[str, tuple[Load, Load]]:
    sums: dict[str, tuple[Counter[str], Counter[str]]] = defaultdict(lambda: (Counter(), Counter()))
    for entry in every(conn, CapacityEntry):
        for total, change in zip(sums[entry.pool_id], (entry.held_delta, entry.booked_delta), strict=True):
            total.update(change)
    said = {pool: (_load(held), _load(booked)) for pool, (held, booked) in sums.items()}
    return defaultdict(lambda: (Load(), Load()), said)


def _load(total: Counter[str]) -> Load:
    return Load(*(total[dimension] for dimension in DIMENSIONS))


def acknowledged(conn: Connection, shoppers: Sequence[Shopper], *, stepped: bool = False) -> list[str]:
    """I2. Where the clock was `stepped` a promotion's reservation may have ended before its hold."""
    by_cart: dict[str, list[SlotHold]] = defaultdict(list)
    for one in every(conn, SlotHold):
        by_cart[one.cart_reference].append(one)
    bookings = {booking.hold_id: booking for booking in every(conn, DeliveryBooking)}
    modes = {wish.id: wish.mode for wish in every(conn, DropPreference)}
    uses = {} if stepped else {use.hold_id: use for use in every(conn, PromotionRedemption)}
    carts = [cart for shopper in shoppers for cart in shopper.carts]
    wrong = []
    for cart in carts:
        holds = {hold.id: hold for hold in by_cart.pop(cart.reference, [])}
        if cart.unknown:
            continue
        hold = holds.pop(cart.hold_id or "", None)
        over = {one.id for one in holds.values() if one.status in (HoldStatus.RELEASED, HoldStatus.EXPIRED)}
        if over != holds.keys() or over != set(cart.replaced):
            wrong.append(f"I3 {cart.reference} replaced {cart.replaced}, its other holds are {holds}")
        booking = bookings.pop(hold.id, None) if hold else None
        wrong += [f"I2 {cart.reference}: {what}" for what in _cart(cart, hold, booking, modes, uses)]
    wrong += [f"I2 a hold of nobody: {reference}" for reference in by_cart]
    known = [cart for cart in carts if cart.code and not cart.unknown and not stepped]
    wrong += [f"I2 {cart.reference}: {cart.code} was not used" for cart in known if cart.hold_id not in uses]
    return wrong


def _cart(
    cart: Cart,
    hold: SlotHold | None,
    booking: DeliveryBooking | None,
    modes: Mapping[str, object],
    uses: Mapping[str, PromotionRedemption],
) -> Iterable[str]:
    if (hold.id if hold else None) != cart.hold_id:
        yield f"was told of the hold {cart.hold_id}, there is {hold and hold.id}"
    if (booking.id if booking else None) != cart.booking_id:
        yield f"was told of the booking {cart.booking_id}, there is {booking and booking.id}"
    if hold is None:
        return
    if hold.status not in _statuses(cart):
        yield f"its hold is {hold.status}"
    row = booking or hold
    if modes[row.drop_preference_id] != cart.mode:
        yield f"was told {cart.mode}, it is {modes[row.drop_preference_id]}"
    if booking is not None:
        status = BookingStatus.CANCELLED if cart.cancelled else BookingStatus.CONFIRMED
        told = (cart.order, key_of("DeliverySlot", cart.slot_id), status, cart.moves)
        kept = (booking.order_reference, booking.slot_id, booking.status, booking.moves)
        if kept != told:
            yield f"its booking is {kept}, not {told}"
    if cart.weight_g is not None and row.weight_g != cart.weight_g:
        yield f"was told {cart.weight_g} g, it is {row.weight_g}"
    use = uses.get(hold.id)
    if cart.code and use and use.state not in _uses(cart, hold):
        yield f"used {cart.code}, its use is {use.state}"


def _statuses(cart: Cart) -> set[HoldStatus]:
    if cart.booking_id:
        return {HoldStatus.CONFIRMED}
    if cart.released:
        return {HoldStatus.RELEASED, HoldStatus.EXPIRED}
    return {HoldStatus.CONFLICTED if cart.conflicted else HoldStatus.ACTIVE, HoldStatus.EXPIRED}


def _uses(cart: Cart, hold: SlotHold) -> set[RedemptionState]:
    if cart.cancelled:
        return {RedemptionState.RETURNED}
    if cart.booking_id:
        return {RedemptionState.REDEEMED}
    if hold.status in _HELD:
        return {RedemptionState.RESERVED, RedemptionState.RETURNED}
    return {RedemptionState.RETURNED}


def answers(shoppers: Sequence[Shopper]) -> list[str]:
    """I3: every repeat of an answered request was given the same payload."""
    return [
        f"I3 {call.mutation.field} {call.input['idempotencyKey']}: {call.answer} and then {again}"
        for shopper in shoppers
        for call in shopper.client.calls
        for again in call.replays
        if again != call.answer
    ]


def messages(conn: Connection) -> list[str]:
    """I4, once the workers have had their time: what is asked for is asked for once, done, and said once."""
    wanted: Counter[tuple[str, str]] = Counter()
    for booking in every(conn, DeliveryBooking):
        wanted["booking_confirmed", booking.id] += 1
        wanted["booking_moved", booking.id] += booking.moves
        wanted["booking_cancelled", booking.id] += booking.status is BookingStatus.CANCELLED
    jobs = [job for job in every(conn, Job) if job.kind.startswith("engagement.booking_")]
    asked = Counter((job.kind.removeprefix("engagement."), str(job.payload["booking_id"])) for job in jobs)
    wrong = [
        f"I4 {one} has {asked[one]} jobs" for one in wanted.keys() | asked.keys() if asked[one] != wanted[one]
    ]
    wrong += [f"I4 job {j.id} is {j.state}: {j.last_error}" for j in jobs if j.state is not JobState.DONE]
    now = database_clock(conn)
    stuck = [
        job for job in every(conn, Job) if job.locked_until and job.locked_until < now - timedelta(seconds=5)
    ]
    wrong += [f"I4 job {job.kind} {job.id} is locked past its lease" for job in stuck]
    notes = every(conn, Notification)
    told = Counter((note.template, note.booking_id) for note in notes)
    mails = Counter(mail.message_id for mail in every(conn, MailboxMessage))
    wrong += [f"I4 {one} was said {told[one]} times" for one in wanted if told[one] != wanted[one]]
    wrong += [f"I4 {n.message_id} is {n.status}" for n in notes if n.status is not NotificationStatus.SENT]
    wrong += [
        f"I4 {n.message_id} came {mails[n.message_id]} times" for n in notes if mails[n.message_id] != 1
    ]
    return wrong


def promotions(conn: Connection) -> list[str]:
    """I5."""
    alive = [use for use in every(conn, PromotionRedemption) if use.state is not RedemptionState.RETURNED]
    used = Counter(use.promotion_id for use in alive)
    spent: Counter[str] = Counter()
    for use in alive:
        spent[use.promotion_id] += use.discount_minor
    each = Counter((use.promotion_id, use.customer_id) for use in alive)
    wrong = []
    for one in every(conn, Promotion):
        if (one.used, one.spent_minor) != (used[one.id], spent[one.id]):
            wrong.append(
                f"I5 {one.code} counts {one.used}, {one.spent_minor}: {used[one.id]}, {spent[one.id]}"
            )
        if used[one.id] > one.max_uses or spent[one.id] > one.budget_minor:
            wrong.append(f"I5 {one.code} was used {used[one.id]} times for {spent[one.id]}")
        most = max((n for (promotion, _), n in each.items() if promotion == one.id), default=0)
        if most > one.per_customer:
            wrong.append(f"I5 {one.code} was used {most} times by one customer")
    return wrong


def sweep(url: str) -> list[str]:
    """I8: after one sweep no hold is past its end, and the counters agree."""
    db = Database(url, threads=1)
    try:
        while db.write_now(lambda conn, now: reclaim(conn, now=now)):
            pass
        now = db.read_now(lambda _conn, now: now)
        late = sa.and_(
            table_of(SlotHold).c.status == HoldStatus.ACTIVE, table_of(SlotHold).c.expires_at <= now
        )
        left = db.read_now(lambda c, _: rows(c, SlotHold, sa.select(table_of(SlotHold)).where(late)))
        return [f"I8 hold {hold.id} is past its end" for hold in left] + db.read_now(lambda c, _: capacity(c))
    finally:
        db.close()


def every[M: SQLModel](conn: Connection, model: type[M]) -> list[M]:
    """All rows of a table."""
    return rows(conn, model, sa.select(table_of(model)))
