"""What capacity refuses."""

from app.errors import Invalid, NotFound, Refusal


class PoolNotFound(NotFound):
    """There is no pool ahead that matches; ask capacityPools what there is."""


class OverrideNotFound(NotFound):
    """There is no override in force with this id; it may have been lifted already."""


class InvalidChange(Invalid):
    """Give exactly one of: orders to sell (0 or more), a share of the plan (0 to 1000 percent), closed."""


class ReasonMissing(Invalid):
    """Say why, in 1 to 500 characters; the ledger keeps it."""


class Overcommitted(Refusal):
    """{count} holds and bookings would not fit any more; choose KEEP_OVERBOOKED or START_REPROMISE."""


class InvalidQuota(Invalid):
    """This rule cannot be kept: {mistake}."""


class QuotaNotFound(NotFound):
    """There is no protected quota with this id; it may have been deleted already."""
