"""Vehicles, shifts and what they cost and emit."""
