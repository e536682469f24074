"""What forked processes find loaded: importing this loads the product and its machine code, and does nothing."""

from app.tours.warm import warm
from tests import api, factories, forked

__all__ = ["api", "factories", "forked"]

warm()
