"""What moving a booking to another window costs or saves: shown before, settled once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from app.booking.menu import Menu
from app.booking.tables import DeliveryBooking
from app.capacity.rules import Reach
from app.handover.queries import preference_by_id
from app.handover.tables import DropPreference
from app.pricing.rules import Quote
from app.promotions.pass_rules import UsablePass
from app.promotions.pass_uses import pass_on
from app.promotions.queries import uses_of
from app.promotions.rules import CountedUse, kept_minor
from app.slots.tables import DeliverySlot
from app.values.money import Money


@dataclass(frozen=True, slots=True)
class MoveFee:
    """The fee before and after a move, promotions included; `discounts` is what each redemption keeps."""

    before: Money
    after: Money
    quote: Quote
    discounts: Mapping[str, int]

    @property
    def difference(self) -> Money:
        """What the customer owes more; negative is what they get back."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Move:
    """What the fee of any move of one booking depends on."""

    booking: DeliveryBooking
    preference: DropPreference
    uses: tuple[CountedUse, ...]
    # The pass that covers the booking; its delivery is used already.
    covering: UsablePass | None

    def own_pool(self, reaches: Sequence[Reach]) -> Reach | None:
        """The pool that the booking is in, where it also serves the other window."""
        return next((reach for reach in reaches if reach.pool_id == self.booking.pool_id), None)

    def fee(self, menu: Menu, slot: DeliverySlot, reach: Reach) -> MoveFee:
        """The fee of the booking in another window, served by this pool."""
        preference = self.preference
        covered = menu.covered_by([self.covering] if self.covering else [])
        quote = covered.quote(slot, reach, preference.at_door_s, preference.fee_minor)
        discounts = {
            use.redemption_id: kept_minor(
                use,
                zone_id=slot.zone_id,
                window=slot.window,
                zone=slot.time_zone,
                fee_minor=quote.total.minor,
            )
            for use in self.uses
        }
        paid = self.booking.fee_minor - sum(use.discount_minor for use in self.uses)
        # Several promotions together never take off more than the fee.
        owed = max(0, quote.total.minor - sum(discounts.values()))
        return MoveFee(Money(paid, self.booking.currency), Money(owed, quote.currency), quote, discounts)


def move_of(conn: Connection, booking: DeliveryBooking) -> Move:
    """What is read to tell what any move of this booking costs."""
    preference = preference_by_id(conn, booking.drop_preference_id)
    uses = tuple(uses_of(conn, booking.hold_id))
    return Move(booking, preference, uses, pass_on(conn, booking.hold_id))
