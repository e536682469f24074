"""Weekly windows that a customer keeps: booked ahead, skipped, moved, paused, released in time."""
