"""Who is delivered to, and how they may be reached."""
