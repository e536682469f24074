"""What a slot costs."""
