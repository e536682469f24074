"""Which vehicles serve what, decided by an integer program."""
