"""Lastlap: delivery slots that are planned, promised and kept."""
