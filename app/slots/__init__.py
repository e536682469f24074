"""When deliveries are offered, and until when they can be ordered."""
