"""A booked delivery: its page, what may still be done about it, and its calendar entry, by signed link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.booking.choose_window import CHOSEN
from app.booking.errors import (
    BookingEnded,
    BookingNotFound,
    BookingOnItsWay,
    CutoffPassed,
    MoveLimitReached,
)
from app.booking.prefer import prefer
from app.booking.queries import booking_of
from app.booking.repromise import open_proposal_of
from app.booking.rules import BookingStatus
from app.booking.seen import SeenBooking, seen_bookings
from app.booking.tables import PromiseChange, RepromiseProposal, SlotHold
from app.database.rows import by_id
from app.engagement.calendar import calendar_entry
from app.engagement.letters import entry_of
from app.errors import Refusal
from app.handover.queries import policies
from app.handover.rules import HandoverOption, is_collected, options
from app.pages.checkout import told_of, wish_of
from app.pages.render import page
from app.pages.shop import PAGES, Shop, posted, shop_of, world_of
from app.places.collection_points import lockers_by_id
from app.places.tables import CollectionPoint
from app.standing.keep import Weekly, weekly
from app.values.money import Money
from app.values.window import Window

LINK_AGE_S = 120 * 24 * 3600
# What the verbs write where the customer gave no reason of their own.
_USUAL = {"booked", "moved by the customer", "cancelled by the customer"}


@dataclass(frozen=True, slots=True)
class Looked:
    """A booking with what its page shows beside it; `late` is whether its hold had ended before.

    `asked` is the proposal that its customer may still answer.
    """

    shop: Shop
    now: datetime
    booking: SeenBooking
    options: tuple[HandoverOption, ...]
    late: bool
    # What keeping its window every week would mean, or None.
    weekly: Weekly | None
    asked: RepromiseProposal | None = None
    # Lockers that are accepted beside the door, while it is not decided where it goes.
    lockers: tuple[CollectionPoint, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A line of the promise's history: booked without `before`, cancelled without `after`, else moved."""

    line: PromiseChange
    before: Window | None
    after: Window | None

    @property
    def difference(self) -> Money | None:
        """What it made the customer owe more; None for the promise itself."""
        return self.line.fee_difference

    @property
    def fee(self) -> Money | None:
        """What was to be paid from then on."""
        minor, currency = self.line.after_fee_minor, self.line.currency
        return None if minor is None or currency is None else Money(minor, currency)

    @property
    def reason(self) -> str | None:
        """The reason, where somebody gave one."""
        return None if self.line.reason in _USUAL else self.line.reason

    @property
    def by_customer(self) -> bool:
        """Whether the customer did it here."""
        return self.line.actor == PAGES


async def show(request: Request) -> Response:
    """The booking as it is."""
    return await shown(request, await looked(request))


async def shown(
    request: Request, about: Looked, *, problem: Refusal | None = None, told: Mapping[str, str] | None = None
) -> Response:
    """The page of a booking, with a refusal if there was one."""
    return page(
        request,
        about.shop,
        "booking.html",
        booking=about.booking,
        now=about.now,
        late=about.late,
        weekly=about.weekly,
        kept_path=_kept_path(request, about),
        asked=about.asked,
        lockers=about.lockers,
        no_move=no_move(about.booking),
        no_cancelling=no_cancelling(about.booking),
        history=[_change(line) for line in about.booking.promise.history],
        done=_done(request, about.booking),
        token=request.path_params["token"],
        options=about.options,
        told=told or told_of(about.booking.drop_preference),
        changing=told is not None,
        problem=problem,
        status=409 if problem else 200,
    )


def _kept_path(request: Request, about: Looked) -> str | None:
    """Where the standing slot of the same window is, if the customer has one."""
    kept = about.weekly.kept if about.weekly else None
    return f"/standing/{world_of(request).links.sign('standing', kept.id)}" if kept else None


def _done(request: Request, booking: SeenBooking) -> str | None:
    """What has just been done, if the booking looks like it: a link alone cannot say so."""
    done = request.query_params.get("done", "")
    seen = {
        "moved": booking.changes.moves > 0 and booking.status is BookingStatus.CONFIRMED,
        "cancelled": booking.status is BookingStatus.CANCELLED,
        "chosen": any(line.reason.startswith(CHOSEN) for line in booking.promise.history),
        "changed": booking.status is BookingStatus.CONFIRMED,
    }
    return done if seen.get(done) else None


def _change(line: PromiseChange) -> Change:
    def window(start: datetime | None, end: datetime | None) -> Window | None:
        return Window(start, end) if start and end else None

    return Change(
        line,
        before=window(line.before_starts_at, line.before_ends_at),
        after=window(line.after_starts_at, line.after_ends_at),
    )


async def change(request: Request) -> Response:
    """Hand over in another way, until the cut-off."""
    told = await posted(request)
    about = await looked(request)
    try:
        await world_of(request).db.write(
            lambda conn, now: prefer(
                conn, now=now, actor=about.shop.actor, wish=wish_of(told), booking_id=about.booking.row.id
            )
        )
    except Refusal as refusal:
        return await shown(request, await looked(request), problem=refusal, told=told)
    return back_to(request, "changed")


async def calendar(request: Request) -> Response:
    """The delivery as an iCalendar file: the newest state, which for a cancelled one takes it out again."""
    about = await looked(request)
    world, booking_id = world_of(request), about.booking.row.id
    entry = await world.db.read(lambda conn, now: entry_of(conn, now=now, booking_id=booking_id, urls=world))
    name = f'attachment; filename="{about.shop.storefront.key}-{about.booking.code}.ics"'
    return Response(calendar_entry(entry), media_type="text/calendar", headers={"Content-Disposition": name})


async def looked(request: Request) -> Looked:
    """The booking that the link of this request is for; raises LinkInvalid, LinkExpired, BookingNotFound."""
    shop = await shop_of(request)
    token = request.path_params["token"]
    booking_id = world_of(request).links.read("booking", token, max_age_s=LINK_AGE_S)
    return await world_of(request).db.read(partial(_look, shop=shop, booking_id=booking_id))


def _look(conn: Connection, now: datetime, *, shop: Shop, booking_id: str) -> Looked:
    found = booking_of(conn, actor=shop.actor, booking_id=booking_id)
    if found is None:
        raise BookingNotFound
    held = by_id(conn, SlotHold, found.hold_id)
    (seen,) = seen_bookings(conn, now=now, bookings=[found])
    return Looked(
        shop=shop,
        now=now,
        booking=seen,
        options=options(policies(conn), found.basket, collected=is_collected(seen.drop_preference)),
        late=held is not None and found.created_at >= held.expires_at,
        weekly=weekly(conn, now=now, actor=shop.actor, booking_id=booking_id),
        asked=open_proposal_of(conn, booking_id=found.id),
        lockers=tuple(lockers_by_id(conn, found.lockers).values()),
    )


def back_to(request: Request, done: str) -> RedirectResponse:
    """On to the booking's page, which says what was done."""
    return RedirectResponse(f"/bookings/{request.path_params['token']}?done={done}", 303)


def no_move(booking: SeenBooking) -> str | None:
    """The code of the reason why the customer cannot move a booking now, or None."""
    used_up = booking.changes.moves >= booking.changes.move_limit
    return _ended(booking) or (MoveLimitReached.code if used_up else None)


def no_cancelling(booking: SeenBooking) -> str | None:
    """The code of the reason why the customer cannot cancel a booking now, or None."""
    return None if booking.changes.cancellation is not None else _ended(booking)


def _ended(booking: SeenBooking) -> str | None:
    match booking.status:
        case BookingStatus.CONFIRMED:
            return None
        case BookingStatus.LOCKED | BookingStatus.IN_FULFILMENT:
            return CutoffPassed.code
        case BookingStatus.OUT_FOR_DELIVERY:
            return BookingOnItsWay.code
    return BookingEnded.code
