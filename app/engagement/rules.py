"""The states of a message and the ways it can go."""

from enum import StrEnum


class Channel(StrEnum):
    """How a message reaches a customer."""

    EMAIL = "EMAIL"
    SMS = "SMS"
    PUSH = "PUSH"


class NotificationStatus(StrEnum):
    """PENDING until a channel took it; SUPPRESSED when it must not be sent."""

    PENDING = "PENDING"
    SENT = "SENT"
    FAILED = "FAILED"
    SUPPRESSED = "SUPPRESSED"
