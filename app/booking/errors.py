"""What booking refuses, and what to do about it."""

from app.errors import Invalid, NotFound, Refusal


class SlotNotFound(NotFound):
    """There is no such window at this address; ask slotAvailability for this address again."""


class SlotFull(Refusal):
    """This window has just been taken; choose another one."""


class CutoffPassed(Refusal):
    """Orders and changes for this window closed at {cutoff_at}; choose a later window."""


class LeadTime(Refusal):
    """This window needs to be ordered earlier, until {order_until}; choose a later window."""


class Blackout(Refusal):
    """No new orders are taken for this window: {why}; choose another window."""


class BeyondHorizon(Refusal):
    """Windows are offered until {last_day}; choose an earlier day."""


class BasketTooLarge(Refusal):
    """No vehicle that serves this window can carry the whole basket; split the order."""


class MinOrderValue(Refusal):
    """This storefront delivers from {least} {currency} on; add something to the basket."""


class FeeChanged(Refusal):
    """The fee is now {now_amount} {currency}, not {expected_amount}; show the new fee and hold again."""


class HoldNotFound(NotFound):
    """There is no hold with this id for this storefront."""


class HoldExpired(Refusal):
    """The hold ended at {expired_at}; it was for {held_amount} {currency} and the window is now {now_text}.

    Hold it again, or another window.
    """


class HoldEnded(Refusal):
    """The hold ended at {expired_at}; hold the window again."""


class HoldReleased(Refusal):
    """The hold was given back; hold the window again."""


class HoldAlreadyConfirmed(Refusal):
    """This hold has already become a booking."""


class OrderAlreadyBooked(Refusal):
    """The order {order_reference} already has a delivery booked; use a new order reference."""


class BookingNotFound(NotFound):
    """There is no booking with this id for this storefront."""


class VersionConflict(Refusal):
    """It was changed meanwhile: expected version {expected}, now {current}; read it again first."""


class TooManyDays(Invalid):
    """Ask for 1 to {limit} days, the last not before the first."""


class HandoverCostsMore(Refusal):
    """This way of handing over costs more than was paid; choose one that costs the same or less."""
