"""Codes and rewards, inside their limits and budgets."""
