"""How much work can be promised, and who has taken it."""
