"""What booking refuses, and what to do about it."""

from app.errors import Invalid, NotFound, Refusal


class SlotNotFound(NotFound):
    """There is no such window at this address; ask slotAvailability for this address again."""


class SlotFull(Refusal):
    """This window has just been taken; choose another one."""


class ProtectedQuota(SlotFull):
    """The last places of this window are kept for a group of customers until {until}; choose another one."""


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


class SkillMissing(BasketTooLarge):
    """No vehicle that serves this window can {skills}; leave those goods out or choose another window."""


class LockerNotHere(Invalid):
    """Give at most {most} lockers in the zone of the address; collectionPoints with lockers names them."""


class LockerFull(Refusal):
    """{why} Leave it out, or choose another window; lockerOffers names others."""


class NothingInLocker(Refusal):
    """The goods of this booking are in no locker; only what was delivered to one can be taken out."""


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


class HoldConflicted(Refusal):
    """The basket no longer fits this hold: {reason} Change the basket back, or hold another window."""


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


class BookingOnItsWay(Refusal):
    """The delivery has left already; refuse it at the door."""


class BookingEnded(Refusal):
    """The booking is {status}; there is nothing left to change."""


class MoveNotAllowed(Refusal):
    """A booking that is {status} does not become {wanted}; possible are: {possible}."""


class MoveLimitReached(Refusal):
    """The booking was moved {moves} times, which is as often as it may be."""


class SameWindow(Refusal):
    """The booking is for this window already; choose another one."""


class FeeDifferenceChanged(Refusal):
    """Moving now makes {now_amount} {currency} of difference, not {expected_amount}: show it first."""


class WindowsOfOneDay(Invalid):
    """Choose 2 to {limit} windows of one day at this address."""


class BookingNotFlexible(Refusal):
    """The booking is for one window already."""


class WaitlistEntryNotFound(NotFound):
    """There is no waitlist entry with this id for this storefront."""


class WaitlistEntryEnded(Refusal):
    """The waitlist entry is {status} already."""


class TooManyWindows(Invalid):
    """Wait for 1 to {limit} windows at a time, all of this address."""


class ProposalSettled(Refusal):
    """No other window is proposed to this booking any more; ask for the booking to see how it stands."""
