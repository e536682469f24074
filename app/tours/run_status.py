"""What becomes of a search for tours."""

from enum import StrEnum


class TourRunStatus(StrEnum):
    """SOLVING until there is an answer; PUBLISHED; REFUSED by the check or the data; FAILED."""

    SOLVING = "SOLVING"
    PUBLISHED = "PUBLISHED"
    REFUSED = "REFUSED"
    FAILED = "FAILED"
