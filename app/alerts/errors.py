"""What alerts refuse."""

from app.errors import NotFound


class AlertNotFound(NotFound):
    """There is no alert with this id."""
