"""What each message says: gathered from the rows it is about, in the customer's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from app.booking.flexible import choices_of, flexible_of
from app.booking.rules import BookingStatus
from app.booking.seen import fee_of
from app.booking.tables import DeliveryBooking, RepromiseProposal, SlotHold
from app.customers.tables import Customer
from app.database.rows import by_id
from app.engagement.calendar import Entry
from app.engagement.facts import (
    BookingCancelledFacts,
    BookingConfirmedFacts,
    BookingMovedFacts,
    PartFact,
    RepromiseFacts,
    WaitlistOfferedFacts,
)
from app.engagement.letter import Letter, Urls, Writer
from app.engagement.standing_letters import (
    standing_closed,
    standing_missed,
    standing_price,
    standing_released,
    standing_reminder,
)
from app.errors import NotFound
from app.handover.queries import preference_by_id
from app.handover.tables import DropPreference
from app.promotions.queries import applied
from app.slots.queries import slots_by_id
from app.storefronts.queries import storefront_by_id
from app.storefronts.tables import Storefront
from app.values.money import Money
from app.values.window import Window
from app.values.wording import day_text, language, money_text, time_text, window_text, word


def booking_confirmed(conn: Connection, now: datetime, told: Mapping[str, Any], urls: Urls) -> Letter:
    """That a booking stands; raises NotFound."""
    about = _about(conn, told["booking_id"])
    facts = BookingConfirmedFacts(**_booking_facts(conn, about, urls))
    return _letter(about, "booking_confirmed", about.booking.id, facts.as_context(), now, urls)


def booking_moved(conn: Connection, now: datetime, told: Mapping[str, Any], urls: Urls) -> Letter:
    """That a booking has another window, and what it was before; raises NotFound."""
    about = _about(conn, told["booking_id"])
    before = Window(*(datetime.fromisoformat(text) for text in told["before"]))
    facts = BookingMovedFacts(
        **_booking_facts(conn, about, urls),
        before_day=day_text(before.start, about.locale, about.zone),
        before_window=window_text(before, about.locale, about.zone),
    )
    once = f"{about.booking.id}:{told['version']}"
    return _letter(about, "booking_moved", once, facts.as_context(), now, urls)


def booking_cancelled(conn: Connection, now: datetime, told: Mapping[str, Any], urls: Urls) -> Letter:
    """That a booking was cancelled, and what is still owed for it; raises NotFound."""
    about = _about(conn, told["booking_id"])
    facts = BookingCancelledFacts(**_booking_facts(conn, about, urls), owed=about.booking.fee_minor > 0)
    return _letter(about, "booking_cancelled", about.booking.id, facts.as_context(), now, urls)


def waitlist_offered(conn: Connection, _now: datetime, told: Mapping[str, Any], urls: Urls) -> Letter:
    """That a window that was waited for is held for the customer, and until when; raises NotFound."""
    held = by_id(conn, SlotHold, told["hold_id"])
    customer = by_id(conn, Customer, held.customer_id) if held else None
    if held is None or customer is None:
        raise NotFound
    storefront = storefront_by_id(conn, held.storefront_id)
    slot = slots_by_id(conn, [held.slot_id])[0]
    locale = customer.locale or storefront.locale
    facts = WaitlistOfferedFacts(
        customer_name=customer.name or storefront.name,
        storefront_name=storefront.name,
        day=day_text(slot.starts_at, locale, slot.time_zone),
        window=window_text(slot.window, locale, slot.time_zone),
        place=_place(held),
        fee=money_text(fee_of(held, ()).total, locale),
        grams=held.grams,
        offer_until=time_text(held.expires_at, locale, slot.time_zone),
        offer_url=urls.hold_url(held.id),
    )
    return Letter(
        "waitlist_offered",
        f"waitlist_offered:{held.id}",
        storefront,
        customer,
        locale,
        facts.as_context(),
    )


def booking_narrowed(conn: Connection, now: datetime, told: Mapping[str, Any], urls: Urls) -> Letter:
    """Which of its windows a flexible booking is for; raises NotFound."""
    about = _about(conn, told["booking_id"])
    facts = BookingConfirmedFacts(**_booking_facts(conn, about, urls))
    return _letter(about, "booking_narrowed", about.booking.id, facts.as_context(), now, urls)


def booking_placed(conn: Connection, now: datetime, told: Mapping[str, Any], urls: Urls) -> Letter:
    """That a booking goes to a locker instead of the door; raises NotFound."""
    about = _about(conn, told["booking_id"])
    facts = BookingConfirmedFacts(**_booking_facts(conn, about, urls))
    return _letter(about, "booking_placed", about.booking.id, facts.as_context(), now, urls)


def repromise(conn: Connection, _now: datetime, told: Mapping[str, Any], urls: Urls) -> Letter:
    """That a window cannot be kept, and which ones to choose from; raises NotFound."""
    about = _about(conn, told["booking_id"])
    proposal = by_id(conn, RepromiseProposal, told["proposal_id"])
    if proposal is None:
        raise NotFound
    slots = {slot.id: slot for slot in slots_by_id(conn, proposal.alternatives)}
    windows = [slots[key] for key in proposal.alternatives if key in slots]
    until = datetime.fromisoformat(told["answer_by"])
    facts = RepromiseFacts(
        **_booking_facts(conn, about, urls),
        choices=tuple(
            f"{day_text(slot.starts_at, about.locale, about.zone)},"
            f" {window_text(slot.window, about.locale, about.zone)}"
            for slot in sorted(windows, key=lambda slot: slot.starts_at)
        ),
        answer_by=", ".join(
            (day_text(until, about.locale, about.zone), time_text(until, about.locale, about.zone))
        ),
        choose_url=f"{urls.booking_url(about.booking.id)}/choose",
    )
    return Letter(
        "repromise",
        f"repromise:{proposal.id}",
        about.storefront,
        about.customer,
        about.locale,
        facts.as_context(),
        booking_id=about.booking.id,
    )


# What a job of the kind `engagement.<name>` writes.
LETTERS: Mapping[str, Writer] = {
    "booking_confirmed": booking_confirmed,
    "booking_moved": booking_moved,
    "booking_cancelled": booking_cancelled,
    "booking_narrowed": booking_narrowed,
    "booking_placed": booking_placed,
    "repromise": repromise,
    "waitlist_offered": waitlist_offered,
    "standing_reminder": standing_reminder,
    "standing_released": standing_released,
    "standing_missed": standing_missed,
    "standing_closed": standing_closed,
    "standing_price": standing_price,
}


@dataclass(frozen=True, slots=True)
class _About:
    """A booking with whom and what a message about it names."""

    booking: DeliveryBooking
    customer: Customer
    storefront: Storefront
    zone: str

    @property
    def locale(self) -> str:
        return self.customer.locale or self.storefront.locale


def _about(conn: Connection, booking_id: str) -> _About:
    booking = by_id(conn, DeliveryBooking, booking_id)
    customer = by_id(conn, Customer, booking.customer_id) if booking else None
    if booking is None or customer is None:
        raise NotFound
    zone = slots_by_id(conn, [booking.slot_id])[0].time_zone
    return _About(booking, customer, storefront_by_id(conn, booking.storefront_id), zone)


def _booking_facts(conn: Connection, about: _About, urls: Urls) -> dict[str, Any]:
    booking, locale, zone = about.booking, about.locale, about.zone
    parts = fee_lines(conn, booking, locale)
    total = Money(sum(money.minor for _, money in parts), booking.currency)
    return {
        "customer_name": about.customer.name or about.storefront.name,
        "storefront_name": about.storefront.name,
        "booking_code": booking.code,
        "order_reference": booking.order_reference,
        "day": day_text(booking.starts_at, locale, zone),
        "window": _windows(conn, about),
        "place": _place(booking),
        "handover": handover_text(preference_by_id(conn, booking.drop_preference_id), locale),
        "fee": money_text(total, locale),
        "fee_parts": tuple(PartFact(label, money_text(money, locale)) for label, money in parts),
        "grams": booking.grams,
        "vehicle": word("vehicle", booking.vehicle_kind, locale),
        "change_until": ", ".join(
            (day_text(booking.cutoff_at, locale, zone), time_text(booking.cutoff_at, locale, zone))
        ),
        "booking_url": urls.booking_url(booking.id),
        "bookings_url": urls.customer_url(booking.customer_id),
    }


def _windows(conn: Connection, about: _About) -> str:
    """The booking's window, or all of them while it is not decided which."""
    booking = about.booking
    flexible = flexible_of(conn, [booking.id]).get(booking.id)
    windows = [booking.window]
    if flexible is not None and flexible.narrowed_at is None:
        windows = [slot.window for slot in choices_of(conn, [booking.hold_id])[booking.hold_id]]
    return " / ".join(window_text(window, about.locale, about.zone) for window in windows)


def _letter(
    about: _About, template: str, once: str, facts: Mapping[str, Any], now: datetime, urls: Urls
) -> Letter:
    return Letter(
        template,
        f"{template}:{once}",
        about.storefront,
        about.customer,
        about.locale,
        facts,
        booking_id=about.booking.id,
        entry=_entry(about, now, urls),
    )


def entry_of(conn: Connection, *, now: datetime, booking_id: str, urls: Urls) -> Entry:
    """The calendar entry of a booking; raises NotFound."""
    return _entry(_about(conn, booking_id), now, urls)


def _entry(about: _About, now: datetime, urls: Urls) -> Entry:
    booking = about.booking
    return Entry(
        uid=booking.id,
        window=booking.window,
        summary=f"{about.storefront.name} {booking.code}",
        location=_place(booking),
        description=urls.booking_url(booking.id),
        sequence=booking.version,
        written_at=now,
        cancelled=booking.status is BookingStatus.CANCELLED,
    )


def _place(claim: SlotHold | DeliveryBooking) -> str:
    return ", ".join(filter(None, (claim.address_label, claim.address_line2)))


def fee_lines(conn: Connection, booking: DeliveryBooking, locale: str) -> list[tuple[str, Money]]:
    """The parts of a booking's fee with its promotions, by label in the locale's language."""
    lines = [
        (word("fee", part["label"], locale), Money(part["minor"], booking.currency))
        for part in booking.fee_parts
    ]
    on_it = applied(conn, [booking.hold_id]).get(booking.hold_id, [])
    spoken = language(locale)
    return lines + [(promotion.label_in(spoken), -promotion.discount) for promotion in on_it]


def handover_text(preference: DropPreference, locale: str) -> str:
    """The handover in words: the mode, where or with whom, and the customer's note."""
    words = [word("handover", preference.mode, locale)]
    if preference.contact_free:
        words.append(word("contact", "free", locale))
    where = (preference.place, preference.neighbour, preference.neighbour_line1, preference.note)
    return ", ".join([*words, *filter(None, where)])
