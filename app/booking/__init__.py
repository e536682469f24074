"""Offers, holds and bookings: the promise itself."""
