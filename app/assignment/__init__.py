"""Which pool serves each confirmed booking, and why."""
