"""Small immutable values every room speaks in: money, windows, points, loads, actors."""
