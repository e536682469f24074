"""The states of a plan run, and when its prices follow the bookings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# Prices follow the bookings after so many changes of the ledger (a hold and its booking are two), or after
# so long when anything has changed.
BATCH = 30
SOON = timedelta(minutes=1)


class RunStatus(StrEnum):
    """SOLVING until a child process answers; PUBLISHED; REFUSED by the checker or the data; FAILED."""

    SOLVING = "SOLVING"
    PUBLISHED = "PUBLISHED"
    REFUSED = "REFUSED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class LedgerChanges:
    """Ledger entries since the last refresh, by local day."""

    by_day: Mapping[str, int]

    @property
    def count(self) -> int:
        """All of them."""
        return sum(self.by_day.values())


def changes_since(seen: Mapping[str, int], present: Mapping[str, int]) -> LedgerChanges:
    """What has changed of the days ahead since `seen` entries were counted."""
    return LedgerChanges({d: n - seen.get(d, 0) for d, n in present.items() if n != seen.get(d, 0)})


def refresh_is_due(changes: LedgerChanges, *, last: datetime, now: datetime) -> bool:
    """Whether prices shall follow now: after a batch, or a while after the first change."""
    return changes.count >= BATCH or (changes.count > 0 and now - last >= SOON)
