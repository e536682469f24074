"""Move a booking: choose another window, see what it costs or saves, and say yes to exactly that."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.booking.errors import (
    BeyondHorizon,
    Blackout,
    CutoffPassed,
    FeeDifferenceChanged,
    LeadTime,
    SameWindow,
    SlotFull,
    SlotNotFound,
)
from app.booking.menu import policy_of
from app.booking.move_offers import MoveOffer, move_offers
from app.booking.reschedule import reschedule
from app.booking.rules import SlotClosedReason
from app.booking.seen import SeenBooking
from app.booking.slot_offer import SlotOffer
from app.booking.tables import DeliveryBooking
from app.errors import Invalid, Refusal
from app.pages.bookings import Looked, back_to, looked, no_move
from app.pages.days import WEEK, by_day, day_of
from app.pages.render import page
from app.pages.shop import Shop, posted, world_of
from app.slots.queries import slots_by_id
from app.slots.tables import DeliverySlot
from app.values.money import Money
from app.values.window import local_day

# The present window is shown with so many days before it.
_BEFORE = timedelta(days=3)
# What is said of a window that was open when its page was made and is not any more.
_CLOSED = {
    SlotClosedReason.CUTOFF_PASSED: CutoffPassed.code,
    SlotClosedReason.LEAD_TIME: LeadTime.code,
    SlotClosedReason.BLACKOUT: Blackout.code,
    SlotClosedReason.HORIZON: BeyondHorizon.code,
}


class FormIncomplete(Invalid):
    """This form came without all that belongs to it; open the page again."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A window on the page: the booking's own has no offer, a closed one no difference."""

    slot: DeliverySlot
    offer: SlotOffer | None
    difference: Money | None
    near: bool = False

    @property
    def available(self) -> bool:
        """Whether the booking can move there."""
        return self.difference is not None


@dataclass(frozen=True, slots=True)
class Week:
    """The windows of seven days, and where the days before and after begin, if there are any to show."""

    choices: tuple[Choice, ...]
    earlier: date | None
    later: date | None


async def choose(request: Request) -> Response:
    """The windows to move to; with `slot`, the step that asks whether to."""
    about = await looked(request)
    slot_id = request.query_params.get("slot")
    if slot_id and no_move(about.booking) is None:
        return await _asked(request, about, slot_id, problem=None)
    return await _choices(request, about, problem=None)


async def move(request: Request) -> Response:
    """Move it, if the difference is still what was shown; otherwise say what has changed."""
    told = await posted(request)
    about = await looked(request)
    try:
        await world_of(request).db.write(
            partial(_move, shop=about.shop, booking=about.booking.row, told=told)
        )
    except FeeDifferenceChanged as refusal:
        return await _asked(request, await looked(request), told["slot"], problem=refusal)
    except Refusal as refusal:
        return await _choices(request, await looked(request), problem=refusal)
    return back_to(request, "moved")


def _move(
    conn: Connection, now: datetime, *, shop: Shop, booking: DeliveryBooking, told: Mapping[str, str]
) -> DeliveryBooking:
    return reschedule(
        conn,
        now=now,
        actor=shop.actor,
        booking_id=booking.id,
        slot_id=told.get("slot", ""),
        expected_difference=Money(whole(told, "difference"), booking.currency),
        expected_version=whole(told, "version"),
        key=told.get("key", ""),
    )


def whole(told: Mapping[str, str], name: str) -> int:
    """A whole number of a form of ours; raises FormIncomplete."""
    text = told.get(name, "")
    if not re.fullmatch(r"-?\d{1,9}", text):
        raise FormIncomplete
    return int(text)


async def _choices(request: Request, about: Looked, *, problem: Refusal | str | None) -> Response:
    """The days with their windows, or why it cannot be moved."""
    token = request.path_params["token"]
    if code := no_move(about.booking):
        return page(
            request,
            about.shop,
            "stopped.html",
            heading="no_move",
            booking=about.booking,
            token=token,
            code=code,
            status=409 if problem else 200,
        )
    named = problem.facts.get("alternatives", ()) if isinstance(problem, SlotFull) else ()
    near = {one["slot"] for one in named}
    wanted = day_of(request.query_params.get("from", ""))
    week = await world_of(request).db.read(
        partial(_week, shop=about.shop, booking=about.booking, wanted=wanted, near=near)
    )
    return page(
        request,
        about.shop,
        "move.html",
        booking=about.booking,
        days=by_day(week.choices),
        week=week,
        token=token,
        problem=problem,
        status=409 if problem else 200,
    )


def _week(
    conn: Connection,
    now: datetime,
    *,
    shop: Shop,
    booking: SeenBooking,
    wanted: date | None,
    near: Collection[str],
) -> Week:
    today = local_day(now, booking.slot.time_zone)
    last_day = today + timedelta(days=policy_of(conn, shop.actor.storefront_id).horizon_days - 1)
    begin = min(max(wanted or booking.slot.day - _BEFORE, today), last_day)
    end = begin + WEEK - timedelta(days=1)
    found = move_offers(
        conn, now=now, actor=shop.actor, booking_id=booking.row.id, first=begin, last=min(end, last_day)
    )
    choices = [
        Choice(one.offer.slot, one.offer, one.difference, near=one.offer.slot.id in near) for one in found
    ]
    if begin <= booking.slot.day <= end:
        choices.append(Choice(booking.slot, None, None))
    return Week(
        tuple(choices),
        earlier=max(today, begin - WEEK) if begin > today else None,
        later=end + timedelta(days=1) if end < last_day else None,
    )


async def _asked(request: Request, about: Looked, slot_id: str, *, problem: Refusal | None) -> Response:
    """From which window to which, for what difference: the last look before the yes."""
    try:
        wanted = await world_of(request).db.read(
            partial(_wanted, shop=about.shop, booking=about.booking, slot_id=slot_id)
        )
    except Refusal as refusal:
        return await _choices(request, about, problem=refusal)
    if wanted.difference is None:
        closed = wanted.offer.closed
        code = _CLOSED.get(closed.reason, SlotFull.code) if closed else SlotFull.code
        return await _choices(request, about, problem=code)
    return page(
        request,
        about.shop,
        "move_confirm.html",
        booking=about.booking,
        slot=wanted.offer.slot,
        difference=wanted.difference,
        after=about.booking.fee.total + wanted.difference,
        token=request.path_params["token"],
        problem=problem,
        status=409 if problem else 200,
    )


def _wanted(conn: Connection, now: datetime, *, shop: Shop, booking: SeenBooking, slot_id: str) -> MoveOffer:
    """The window that is asked for, open or closed; raises SlotNotFound, SameWindow."""
    slot = next(iter(slots_by_id(conn, [slot_id])), None)
    if slot is None:
        raise SlotNotFound
    if slot.id == booking.slot.id:
        raise SameWindow
    day = slot.day
    found = move_offers(conn, now=now, actor=shop.actor, booking_id=booking.row.id, first=day, last=day)
    one = next((one for one in found if one.offer.slot.id == slot_id), None)
    if one is None:
        raise SlotNotFound
    return one
