"""The states of a plan run."""

from enum import StrEnum


class RunStatus(StrEnum):
    """SOLVING until a child process answers; PUBLISHED; REFUSED by the checker or the data; FAILED."""

    SOLVING = "SOLVING"
    PUBLISHED = "PUBLISHED"
    REFUSED = "REFUSED"
    FAILED = "FAILED"
