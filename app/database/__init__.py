"""Engines, transactions, idempotency."""
