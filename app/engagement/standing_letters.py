"""What the messages about standing slots say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from app.booking.instead_of import instead_of
from app.booking.rules import SlotClosedReason
from app.booking.seen import fee_of
from app.booking.tables import SlotHold
from app.customers.tables import Customer
from app.database.rows import by_id
from app.engagement.letter import Letter, Urls
from app.engagement.standing_facts import (
    StandingClosedFacts,
    StandingMissedFacts,
    StandingPriceFacts,
    StandingReleasedFacts,
    StandingReminderFacts,
)
from app.errors import NotFound
from app.slots.queries import slots_by_id
from app.standing.rules import next_day, window_of
from app.standing.tables import StandingFeeNotice, StandingSlot, StandingSlotOccurrence
from app.storefronts.queries import storefront_by_id
from app.storefronts.tables import Storefront
from app.values.actor import Actor, Role
from app.values.window import SkippedLocalTime, Window
from app.values.wording import day_text, money_text, time_text, window_text, word


@dataclass(frozen=True, slots=True)
class _About:
    """A standing slot with whom and what a message about it names."""

    row: StandingSlot
    customer: Customer
    storefront: Storefront

    @property
    def locale(self) -> str:
        return self.customer.locale or self.storefront.locale

    def day(self, day: date | datetime) -> str:
        return day_text(day, self.locale, self.row.time_zone)

    def moment(self, instant: datetime) -> str:
        return f"{self.day(instant)}, {time_text(instant, self.locale, self.row.time_zone)}"

    def week(self, day: date, window: Window | None) -> dict[str, Any]:
        """The fields of every message: the window, or its wall times where the clocks jump over it."""
        wall = f"{self.row.starts_local}-{self.row.ends_local}"
        return {
            "customer_name": self.customer.name or self.storefront.name,
            "storefront_name": self.storefront.name,
            "day": self.day(window.start if window else day),
            "window": window_text(window, self.locale, self.row.time_zone) if window else wall,
            "place": ", ".join(filter(None, (self.row.address_label, self.row.address_line2))),
        }

    def letter(self, template: str, once: str, facts: Mapping[str, Any]) -> Letter:
        return Letter(template, f"{template}:{once}", self.storefront, self.customer, self.locale, facts)


def standing_reminder(conn: Connection, _now: datetime, told: Mapping[str, Any], urls: Urls) -> Letter:
    """Until when a week must be ordered for, or its window is released; raises NotFound."""
    about, occurrence = _week(conn, told)
    held = _held(conn, told)
    facts = StandingReminderFacts(
        **about.week(occurrence.day, _window(conn, about.row, occurrence.day, held.slot_id)),
        fee=money_text(fee_of(held, ()).total, about.locale),
        submit_by=about.moment(held.expires_at),
        hold_url=urls.hold_url(held.id),
    )
    return about.letter("standing_reminder", held.id, facts.as_context())


def standing_released(conn: Connection, _now: datetime, told: Mapping[str, Any], _urls: Urls) -> Letter:
    """That a week was not ordered for in time; raises NotFound."""
    about, occurrence = _week(conn, told)
    held = _held(conn, told)
    facts = StandingReleasedFacts(
        **about.week(occurrence.day, _window(conn, about.row, occurrence.day, held.slot_id)),
        submit_by=about.moment(held.expires_at),
        next_day=about.day(_after(about.row, occurrence.day)),
    )
    return about.letter("standing_released", held.id, facts.as_context())


def standing_missed(conn: Connection, now: datetime, told: Mapping[str, Any], _urls: Urls) -> Letter:
    """That a week has no window, why, and what can be had instead as of now; raises NotFound."""
    about, occurrence = _week(conn, told)
    row, locale, zone = about.row, about.locale, about.row.time_zone
    offers = instead_of(
        conn,
        now=now,
        actor=Actor(row.storefront_id, Role.STOREFRONT, "messages"),
        slot_id=told["slot_id"],
        point=row.point,
        basket=row.basket,
        drop_preference_id=row.drop_preference_id,
    )
    facts = StandingMissedFacts(
        **about.week(occurrence.day, _window(conn, row, occurrence.day, told["slot_id"])),
        reason=word("closed", SlotClosedReason(told["reason"]), locale),
        alternatives=tuple(
            f"{about.day(one.slot.starts_at)}, {window_text(one.slot.window, locale, zone)}" for one in offers
        ),
    )
    return about.letter("standing_missed", occurrence.id, facts.as_context())


def standing_closed(conn: Connection, _now: datetime, told: Mapping[str, Any], _urls: Urls) -> Letter:
    """That a week is skipped because its window is closed; raises NotFound."""
    about, occurrence = _week(conn, told)
    facts = StandingClosedFacts(
        **about.week(occurrence.day, _window(conn, about.row, occurrence.day, told["slot_id"])),
        next_day=about.day(_after(about.row, occurrence.day)),
    )
    once = f"{occurrence.id}:{told['slot_id'] or occurrence.day}"
    return about.letter("standing_closed", once, facts.as_context())


def standing_price(conn: Connection, _now: datetime, told: Mapping[str, Any], _urls: Urls) -> Letter:
    """That deliveries from some day on have another fee; raises NotFound."""
    about = _about(conn, told["standing_id"])
    notice = by_id(conn, StandingFeeNotice, told["notice_id"])
    if notice is None:
        raise NotFound
    facts = StandingPriceFacts(
        **about.week(notice.from_day, _window(conn, about.row, notice.from_day, None)),
        before=money_text(notice.before, about.locale),
        after=money_text(notice.after, about.locale),
    )
    return about.letter("standing_price", notice.id, facts.as_context())


def _about(conn: Connection, standing_id: str) -> _About:
    row = by_id(conn, StandingSlot, standing_id)
    customer = by_id(conn, Customer, row.customer_id) if row else None
    if row is None or customer is None:
        raise NotFound
    return _About(row, customer, storefront_by_id(conn, row.storefront_id))


def _week(conn: Connection, told: Mapping[str, Any]) -> tuple[_About, StandingSlotOccurrence]:
    occurrence = by_id(conn, StandingSlotOccurrence, told["occurrence_id"])
    if occurrence is None:
        raise NotFound
    return _about(conn, occurrence.standing_id), occurrence


def _held(conn: Connection, told: Mapping[str, Any]) -> SlotHold:
    held = by_id(conn, SlotHold, told["hold_id"])
    if held is None:
        raise NotFound
    return held


def _window(conn: Connection, row: StandingSlot, day: date, slot_id: str | None) -> Window | None:
    """The window a message is about: that of the slot, or the one that the day's rule asks for."""
    if slot_id is not None:
        return slots_by_id(conn, [slot_id])[0].window
    try:
        return window_of(row, day)
    except SkippedLocalTime:
        return None


def _after(row: StandingSlot, day: date) -> date:
    """The day of the rule after this one."""
    return next_day(row, date.fromordinal(day.toordinal() + 1))
