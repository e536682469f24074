"""How goods change hands at the door."""
