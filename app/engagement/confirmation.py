"""What the confirmation of a booking says, gathered from the rows it is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from app.booking.tables import DeliveryBooking
from app.customers.tables import Customer
from app.database.rows import by_id
from app.engagement.calendar import Entry
from app.engagement.facts import BookingConfirmedFacts, PartFact
from app.errors import NotFound
from app.handover.queries import preference_by_id
from app.handover.tables import DropPreference
from app.promotions.queries import applied
from app.slots.queries import slots_by_id
from app.storefronts.queries import storefront_by_id
from app.storefronts.tables import Storefront
from app.values.money import Money
from app.values.wording import day_text, money_text, time_text, window_text, word


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A confirmation ready to be rendered: to whom, in which language, saying what."""

    booking: DeliveryBooking
    customer: Customer
    storefront: Storefront
    locale: str
    facts: BookingConfirmedFacts
    entry: Entry


def confirmation_of(conn: Connection, *, now: datetime, booking_id: str, booking_url: str) -> Confirmation:
    """The facts of a booking in the customer's language; raises NotFound."""
    booking = by_id(conn, DeliveryBooking, booking_id)
    if booking is None:
        raise NotFound
    customer = by_id(conn, Customer, booking.customer_id)
    if customer is None:
        raise NotFound
    storefront = storefront_by_id(conn, booking.storefront_id)
    zone = slots_by_id(conn, [booking.slot_id])[0].time_zone
    locale = customer.locale or storefront.locale
    preference = preference_by_id(conn, booking.drop_preference_id)
    parts = fee_lines(conn, booking)
    total = Money(sum(money.minor for _, money in parts), booking.currency)
    place = ", ".join(filter(None, (booking.address_label, booking.address_line2)))
    facts = BookingConfirmedFacts(
        customer_name=customer.name or storefront.name,
        storefront_name=storefront.name,
        booking_code=booking.code,
        order_reference=booking.order_reference,
        day=day_text(booking.starts_at, locale, zone),
        window=window_text(booking.window, locale, zone),
        place=place,
        handover=handover_text(preference, locale),
        fee=money_text(total, locale),
        fee_parts=tuple(
            PartFact(word("fee", label, locale), money_text(money, locale)) for label, money in parts
        ),
        grams=booking.grams,
        vehicle=word("vehicle", booking.vehicle_kind, locale),
        change_until=", ".join(
            (day_text(booking.cutoff_at, locale, zone), time_text(booking.cutoff_at, locale, zone))
        ),
        booking_url=booking_url,
    )
    entry = Entry(
        uid=booking.id,
        window=booking.window,
        summary=f"{storefront.name} {booking.code}",
        location=place,
        description=booking_url,
        sequence=booking.version,
        written_at=now,
    )
    return Confirmation(booking, customer, storefront, locale, facts, entry)


def fee_lines(conn: Connection, booking: DeliveryBooking) -> list[tuple[str, Money]]:
    """The parts of a booking's fee with its promotions, by label."""
    lines = [(part["label"], Money(part["minor"], booking.currency)) for part in booking.fee_parts]
    on_it = applied(conn, [booking.hold_id]).get(booking.hold_id, [])
    return lines + [(promotion.label, -promotion.discount) for promotion in on_it]


def handover_text(preference: DropPreference, locale: str) -> str:
    """The handover in words: the mode, where or with whom, and the customer's note."""
    words = [word("handover", preference.mode, locale)]
    if preference.contact_free:
        words.append(word("contact", "free", locale))
    where = (preference.place, preference.neighbour, preference.neighbour_line1, preference.note)
    return ", ".join([*words, *filter(None, where)])
