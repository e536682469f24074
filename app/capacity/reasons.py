"""Whoever changes what is sold says why."""

from app.capacity.errors import ReasonMissing

_MOST = 500


def check_reason(reason: str) -> None:
    """Raise ReasonMissing unless there is a reason that the ledger can keep."""
    if not 1 <= len(reason.strip()) <= _MOST:
        raise ReasonMissing(field=("input", "reason"))
