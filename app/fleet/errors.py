"""What the fleet refuses."""

from app.errors import NotFound


class VehicleClassNotFound(NotFound):
    """There is no vehicle class with this id; vehicleClasses names them."""
