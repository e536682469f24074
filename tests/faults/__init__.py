"""Faults on purpose: real processes, a real database, and what must hold whatever is done to them."""
