"""What standing slots refuse, and what to do about it."""

from app.errors import Invalid, NotFound, Refusal


class StandingSlotNotFound(NotFound):
    """There is no standing slot with this id for this storefront."""


class StandingSlotEnded(Refusal):
    """This standing slot has ended; create a new one."""


class AlreadyStanding(Refusal):
    """This customer keeps this window at this address already; skip, move or pause what there is."""


class NotAnOccurrence(Refusal):
    """This standing slot has nothing on {day}; its next day is {next_day}."""


class OccurrenceConfirmed(Refusal):
    """The delivery of {day} is booked: use rescheduleBooking or cancelBooking for it."""


class OccurrenceEnded(Refusal):
    """The delivery of {day} is {state}; there is nothing left to change."""


class OtherWeek(Refusal):
    """Move it within its week, from {first} to {last}."""


class InvalidPause(Invalid):
    """A pause ends on or after the day it begins."""
