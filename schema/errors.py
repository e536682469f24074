"""Refusals as user errors: the one place where they meet GraphQL."""

import enum
from collections.abc import Awaitable, Callable

import strawberry

from app.errors import Refusal


@strawberry.interface(description="Why a mutation did not do what was asked, in a sentence for people.")
class UserError:
    """A refusal."""

    message: str = strawberry.field(description="What is wrong, and what to do about it.")
    field: list[str] | None = strawberry.field(description="The path of the input that it is about.")


@strawberry.enum(description="Why a slot cannot be held or booked.")
class HoldErrorCode(enum.Enum):
    """Codes of holding and booking."""

    SLOT_NOT_FOUND = "SLOT_NOT_FOUND"
    SLOT_FULL = "SLOT_FULL"
    PROTECTED_QUOTA = "PROTECTED_QUOTA"
    CUTOFF_PASSED = "CUTOFF_PASSED"
    LEAD_TIME = "LEAD_TIME"
    BLACKOUT = "BLACKOUT"
    BEYOND_HORIZON = "BEYOND_HORIZON"
    OUT_OF_ZONE = "OUT_OF_ZONE"
    ADDRESS_NOT_FOUND = "ADDRESS_NOT_FOUND"
    BASKET_TOO_LARGE = "BASKET_TOO_LARGE"
    SKILL_MISSING = "SKILL_MISSING"
    LOCKER_NOT_HERE = "LOCKER_NOT_HERE"
    LOCKER_FULL = "LOCKER_FULL"
    MIN_ORDER_VALUE = "MIN_ORDER_VALUE"
    HANDOVER_NOT_ALLOWED = "HANDOVER_NOT_ALLOWED"
    AGE_CHECK_REQUIRES_HANDOVER = "AGE_CHECK_REQUIRES_HANDOVER"
    INVALID_DROP_PREFERENCE = "INVALID_DROP_PREFERENCE"
    WINDOWS_OF_ONE_DAY = "WINDOWS_OF_ONE_DAY"
    FEE_CHANGED = "FEE_CHANGED"
    HOLD_NOT_FOUND = "HOLD_NOT_FOUND"
    HOLD_EXPIRED = "HOLD_EXPIRED"
    HOLD_ENDED = "HOLD_ENDED"
    HOLD_RELEASED = "HOLD_RELEASED"
    HOLD_CONFLICTED = "HOLD_CONFLICTED"
    HOLD_ALREADY_CONFIRMED = "HOLD_ALREADY_CONFIRMED"
    VERSION_CONFLICT = "VERSION_CONFLICT"
    ORDER_ALREADY_BOOKED = "ORDER_ALREADY_BOOKED"
    INVALID_REFERENCE = "INVALID_REFERENCE"
    INVALID_NAME = "INVALID_NAME"
    INVALID_EMAIL = "INVALID_EMAIL"
    INVALID_PHONE = "INVALID_PHONE"
    INVALID_LOCALE = "INVALID_LOCALE"
    INVALID_GROUP = "INVALID_GROUP"
    INVALID = "INVALID"
    BUSY = "BUSY"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    IDEMPOTENCY_IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"


@strawberry.enum(description="Why a way of handing over cannot be had.")
class HandoverErrorCode(enum.Enum):
    """Codes of handover."""

    HOLD_NOT_FOUND = "HOLD_NOT_FOUND"
    HOLD_ENDED = "HOLD_ENDED"
    HOLD_RELEASED = "HOLD_RELEASED"
    HOLD_CONFLICTED = "HOLD_CONFLICTED"
    HOLD_ALREADY_CONFIRMED = "HOLD_ALREADY_CONFIRMED"
    BOOKING_NOT_FOUND = "BOOKING_NOT_FOUND"
    BOOKING_ON_ITS_WAY = "BOOKING_ON_ITS_WAY"
    BOOKING_ENDED = "BOOKING_ENDED"
    HANDOVER_NOT_ALLOWED = "HANDOVER_NOT_ALLOWED"
    HANDOVER_COSTS_MORE = "HANDOVER_COSTS_MORE"
    AGE_CHECK_REQUIRES_HANDOVER = "AGE_CHECK_REQUIRES_HANDOVER"
    INVALID_DROP_PREFERENCE = "INVALID_DROP_PREFERENCE"
    CUTOFF_PASSED = "CUTOFF_PASSED"
    SLOT_FULL = "SLOT_FULL"
    PROTECTED_QUOTA = "PROTECTED_QUOTA"
    VERSION_CONFLICT = "VERSION_CONFLICT"
    BUSY = "BUSY"


@strawberry.enum(description="Why a promotion cannot be used.")
class PromotionErrorCode(enum.Enum):
    """Codes of promotions."""

    HOLD_NOT_FOUND = "HOLD_NOT_FOUND"
    HOLD_ENDED = "HOLD_ENDED"
    HOLD_RELEASED = "HOLD_RELEASED"
    HOLD_ALREADY_CONFIRMED = "HOLD_ALREADY_CONFIRMED"
    CODE_UNKNOWN = "CODE_UNKNOWN"
    CODE_NOT_STARTED = "CODE_NOT_STARTED"
    CODE_EXPIRED = "CODE_EXPIRED"
    NOT_ELIGIBLE = "NOT_ELIGIBLE"
    NOT_STACKABLE = "NOT_STACKABLE"
    ALREADY_USED = "ALREADY_USED"
    EXHAUSTED = "EXHAUSTED"
    INVALID = "INVALID"
    BUSY = "BUSY"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    IDEMPOTENCY_IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"


@strawberry.enum(description="Why a booking cannot be changed as asked.")
class BookingErrorCode(enum.Enum):
    """Codes of moving, cancelling and advancing bookings."""

    BOOKING_NOT_FOUND = "BOOKING_NOT_FOUND"
    BOOKING_ON_ITS_WAY = "BOOKING_ON_ITS_WAY"
    BOOKING_ENDED = "BOOKING_ENDED"
    CUTOFF_PASSED = "CUTOFF_PASSED"
    VERSION_CONFLICT = "VERSION_CONFLICT"
    MOVE_LIMIT_REACHED = "MOVE_LIMIT_REACHED"
    MOVE_NOT_ALLOWED = "MOVE_NOT_ALLOWED"
    SAME_WINDOW = "SAME_WINDOW"
    SLOT_NOT_FOUND = "SLOT_NOT_FOUND"
    SLOT_FULL = "SLOT_FULL"
    LEAD_TIME = "LEAD_TIME"
    BLACKOUT = "BLACKOUT"
    PROTECTED_QUOTA = "PROTECTED_QUOTA"
    BEYOND_HORIZON = "BEYOND_HORIZON"
    MIN_ORDER_VALUE = "MIN_ORDER_VALUE"
    BASKET_TOO_LARGE = "BASKET_TOO_LARGE"
    SKILL_MISSING = "SKILL_MISSING"
    LOCKER_FULL = "LOCKER_FULL"
    NOTHING_IN_LOCKER = "NOTHING_IN_LOCKER"
    FEE_DIFFERENCE_CHANGED = "FEE_DIFFERENCE_CHANGED"
    BOOKING_NOT_FLEXIBLE = "BOOKING_NOT_FLEXIBLE"
    PROPOSAL_SETTLED = "PROPOSAL_SETTLED"
    OPERATORS_ONLY = "OPERATORS_ONLY"
    INVALID = "INVALID"
    BUSY = "BUSY"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    IDEMPOTENCY_IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"


@strawberry.enum(description="Why somebody cannot wait, or not stop waiting.")
class WaitlistErrorCode(enum.Enum):
    """Codes of the waitlist."""

    WAITLIST_ENTRY_NOT_FOUND = "WAITLIST_ENTRY_NOT_FOUND"
    WAITLIST_ENTRY_ENDED = "WAITLIST_ENTRY_ENDED"
    TOO_MANY_WINDOWS = "TOO_MANY_WINDOWS"
    SLOT_NOT_FOUND = "SLOT_NOT_FOUND"
    CUTOFF_PASSED = "CUTOFF_PASSED"
    OUT_OF_ZONE = "OUT_OF_ZONE"
    ADDRESS_NOT_FOUND = "ADDRESS_NOT_FOUND"
    HANDOVER_NOT_ALLOWED = "HANDOVER_NOT_ALLOWED"
    AGE_CHECK_REQUIRES_HANDOVER = "AGE_CHECK_REQUIRES_HANDOVER"
    INVALID_DROP_PREFERENCE = "INVALID_DROP_PREFERENCE"
    INVALID_REFERENCE = "INVALID_REFERENCE"
    INVALID_NAME = "INVALID_NAME"
    INVALID_EMAIL = "INVALID_EMAIL"
    INVALID_PHONE = "INVALID_PHONE"
    INVALID_LOCALE = "INVALID_LOCALE"
    INVALID_GROUP = "INVALID_GROUP"
    INVALID = "INVALID"
    BUSY = "BUSY"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    IDEMPOTENCY_IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"


@strawberry.enum(description="Why a change of the calendar cannot be made.")
class CalendarErrorCode(enum.Enum):
    """Codes of the calendar."""

    OPERATORS_ONLY = "OPERATORS_ONLY"
    INVALID_TEXT = "INVALID_TEXT"
    INVALID_RECURRENCE = "INVALID_RECURRENCE"
    INVALID_LOCAL_TIME = "INVALID_LOCAL_TIME"
    INVALID_SPAN = "INVALID_SPAN"
    INVALID_CUTOFF = "INVALID_CUTOFF"
    INVALID_AMOUNT = "INVALID_AMOUNT"
    INVALID_WEEKDAYS = "INVALID_WEEKDAYS"
    UNKNOWN_ZONE = "UNKNOWN_ZONE"
    UNKNOWN_NODE = "UNKNOWN_NODE"
    UNKNOWN_STOREFRONT = "UNKNOWN_STOREFRONT"
    UNKNOWN_TEMPLATE = "UNKNOWN_TEMPLATE"
    UNKNOWN_TIMETABLE = "UNKNOWN_TIMETABLE"
    UNKNOWN_CUTOFF = "UNKNOWN_CUTOFF"
    UNKNOWN_PICK_WAVE = "UNKNOWN_PICK_WAVE"
    UNKNOWN_REGION = "UNKNOWN_REGION"
    RULE_NOT_FOUND = "RULE_NOT_FOUND"
    RULE_IN_USE = "RULE_IN_USE"
    BUSY = "BUSY"


@strawberry.enum(description="Why a delivery pass cannot be granted or ended.")
class PassErrorCode(enum.Enum):
    """Codes of delivery passes."""

    PASS_NOT_FOUND = "PASS_NOT_FOUND"
    INVALID_PASS = "INVALID_PASS"
    INVALID_REFERENCE = "INVALID_REFERENCE"
    INVALID_NAME = "INVALID_NAME"
    INVALID_EMAIL = "INVALID_EMAIL"
    INVALID_PHONE = "INVALID_PHONE"
    INVALID_LOCALE = "INVALID_LOCALE"
    INVALID_GROUP = "INVALID_GROUP"
    INVALID = "INVALID"
    BUSY = "BUSY"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    IDEMPOTENCY_IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"


@strawberry.enum(description="Why capacity cannot be changed like this.")
class CapacityErrorCode(enum.Enum):
    """Codes of capacity."""

    POOL_NOT_FOUND = "POOL_NOT_FOUND"
    OVERRIDE_NOT_FOUND = "OVERRIDE_NOT_FOUND"
    QUOTA_NOT_FOUND = "QUOTA_NOT_FOUND"
    INVALID_QUOTA = "INVALID_QUOTA"
    INVALID_CHANGE = "INVALID_CHANGE"
    REASON_MISSING = "REASON_MISSING"
    OVERCOMMITTED = "OVERCOMMITTED"
    OPERATORS_ONLY = "OPERATORS_ONLY"
    INVALID = "INVALID"
    BUSY = "BUSY"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    IDEMPOTENCY_IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"


@strawberry.enum(description="Why a standing slot cannot be kept or changed as asked.")
class StandingErrorCode(enum.Enum):
    """Codes of standing slots."""

    BOOKING_NOT_FOUND = "BOOKING_NOT_FOUND"
    BOOKING_ENDED = "BOOKING_ENDED"
    STANDING_SLOT_NOT_FOUND = "STANDING_SLOT_NOT_FOUND"
    STANDING_SLOT_ENDED = "STANDING_SLOT_ENDED"
    LOCKER_NOT_HERE = "LOCKER_NOT_HERE"
    ALREADY_STANDING = "ALREADY_STANDING"
    NOT_AN_OCCURRENCE = "NOT_AN_OCCURRENCE"
    OCCURRENCE_CONFIRMED = "OCCURRENCE_CONFIRMED"
    OCCURRENCE_ENDED = "OCCURRENCE_ENDED"
    OTHER_WEEK = "OTHER_WEEK"
    INVALID_PAUSE = "INVALID_PAUSE"
    SLOT_NOT_FOUND = "SLOT_NOT_FOUND"
    SLOT_FULL = "SLOT_FULL"
    SAME_WINDOW = "SAME_WINDOW"
    CUTOFF_PASSED = "CUTOFF_PASSED"
    LEAD_TIME = "LEAD_TIME"
    BLACKOUT = "BLACKOUT"
    BEYOND_HORIZON = "BEYOND_HORIZON"
    OUT_OF_ZONE = "OUT_OF_ZONE"
    ADDRESS_NOT_FOUND = "ADDRESS_NOT_FOUND"
    BASKET_TOO_LARGE = "BASKET_TOO_LARGE"
    SKILL_MISSING = "SKILL_MISSING"
    MIN_ORDER_VALUE = "MIN_ORDER_VALUE"
    FEE_DIFFERENCE_CHANGED = "FEE_DIFFERENCE_CHANGED"
    HANDOVER_NOT_ALLOWED = "HANDOVER_NOT_ALLOWED"
    AGE_CHECK_REQUIRES_HANDOVER = "AGE_CHECK_REQUIRES_HANDOVER"
    INVALID_DROP_PREFERENCE = "INVALID_DROP_PREFERENCE"
    INVALID_REFERENCE = "INVALID_REFERENCE"
    INVALID_NAME = "INVALID_NAME"
    INVALID_EMAIL = "INVALID_EMAIL"
    INVALID_PHONE = "INVALID_PHONE"
    INVALID_GROUP = "INVALID_GROUP"
    INVALID_LOCALE = "INVALID_LOCALE"
    INVALID = "INVALID"
    BUSY = "BUSY"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    IDEMPOTENCY_IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"


@strawberry.type(description="A refusal of holding or booking.")
class HoldUserError(UserError):
    """A refusal of the booking domain."""

    code: HoldErrorCode = strawberry.field(description="The refusal in a word.")


@strawberry.type(description="A refusal of a way of handing over.")
class HandoverUserError(UserError):
    """A refusal of the handover domain."""

    code: HandoverErrorCode = strawberry.field(description="The refusal in a word.")


@strawberry.type(description="A refusal of changing a booking.")
class BookingUserError(UserError):
    """A refusal of moving, cancelling or advancing."""

    code: BookingErrorCode = strawberry.field(description="The refusal in a word.")


@strawberry.type(description="A refusal of the waitlist.")
class WaitlistUserError(UserError):
    """A refusal of waiting."""

    code: WaitlistErrorCode = strawberry.field(description="The refusal in a word.")


@strawberry.type(description="A refusal of a standing slot.")
class StandingUserError(UserError):
    """A refusal of keeping a window."""

    code: StandingErrorCode = strawberry.field(description="The refusal in a word.")


@strawberry.type(description="A refusal of a promotion.")
class PromotionUserError(UserError):
    """A refusal of the promotion domain."""

    code: PromotionErrorCode = strawberry.field(description="The refusal in a word.")


@strawberry.type(description="A refusal of a change of the calendar.")
class CalendarUserError(UserError):
    """A refusal of the calendar."""

    code: CalendarErrorCode = strawberry.field(description="The refusal in a word.")


@strawberry.type(description="A refusal of a change of capacity.")
class CapacityUserError(UserError):
    """A refusal of the capacity domain."""

    code: CapacityErrorCode = strawberry.field(description="The refusal in a word.")


@strawberry.type(description="A refusal of a delivery pass.")
class PassUserError(UserError):
    """A refusal of a pass."""

    code: PassErrorCode = strawberry.field(description="The refusal in a word.")


async def attempted[T](work: Awaitable[T]) -> tuple[T | None, Refusal | None]:
    """The result of a verb, or its refusal."""
    try:
        return await work, None
    except Refusal as refusal:
        return None, refusal


def user_errors[E](refusal: Refusal | None, kind: Callable[..., E], codes: type[enum.Enum]) -> list[E]:
    """The refusal as the domain's user error; one that is none of the domain's stays an error."""
    if refusal is None:
        return []
    if refusal.code not in codes.__members__:
        raise refusal
    return [kind(message=refusal.message, field=list(refusal.field) or None, code=codes[refusal.code])]


def hold_errors(refusal: Refusal | None) -> list[HoldUserError]:
    """A refusal of holding or booking."""
    return user_errors(refusal, HoldUserError, HoldErrorCode)


def handover_errors(refusal: Refusal | None) -> list[HandoverUserError]:
    """A refusal of handover."""
    return user_errors(refusal, HandoverUserError, HandoverErrorCode)


def promotion_errors(refusal: Refusal | None) -> list[PromotionUserError]:
    """A refusal of a promotion."""
    return user_errors(refusal, PromotionUserError, PromotionErrorCode)


def booking_errors(refusal: Refusal | None) -> list[BookingUserError]:
    """A refusal of changing a booking."""
    return user_errors(refusal, BookingUserError, BookingErrorCode)


def waitlist_errors(refusal: Refusal | None) -> list[WaitlistUserError]:
    """A refusal of the waitlist."""
    return user_errors(refusal, WaitlistUserError, WaitlistErrorCode)


def calendar_errors(refusal: Refusal | None) -> list[CalendarUserError]:
    """A refusal of the calendar."""
    return user_errors(refusal, CalendarUserError, CalendarErrorCode)


def capacity_errors(refusal: Refusal | None) -> list[CapacityUserError]:
    """A refusal of a change of capacity."""
    return user_errors(refusal, CapacityUserError, CapacityErrorCode)


def standing_errors(refusal: Refusal | None) -> list[StandingUserError]:
    """A refusal of a standing slot."""
    return user_errors(refusal, StandingUserError, StandingErrorCode)


def pass_errors(refusal: Refusal | None) -> list[PassUserError]:
    """A refusal of a delivery pass."""
    return user_errors(refusal, PassUserError, PassErrorCode)
