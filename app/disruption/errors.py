"""What reporting a disruption refuses."""

from app.errors import Invalid, NotFound


class NothingDisrupted(NotFound):
    """Nothing that is planned then matches; check the vehicle, node or street and the times."""


class InvalidDisruption(Invalid):
    """{what}"""


class DisruptionNotFound(NotFound):
    """There is no disruption with this id."""
